"""What the pages say: both languages say all of it, and nothing is said that no page needs."""

import re
from pathlib import Path
from typing import get_args

import pytest

import service.pages.render
from service.pages.reasons import STATUSES, Cause, Reason, cause_of
from service.pages.texts import TEXTS, text_in

TEMPLATES = Path(service.pages.render.__file__).parent / "templates"
PLACE = re.compile(r"\{(\w+)\}")


def test_both_languages_have_the_same_keys_with_the_same_values_in_them():
    english, chinese = TEXTS["en"], TEXTS["zh-CN"]
    assert list(english) == list(chinese)
    assert {key: sorted(PLACE.findall(text)) for key, text in english.items()} == {
        key: sorted(PLACE.findall(text)) for key, text in chinese.items()
    }


def test_every_sentence_is_in_its_language():
    assert [
        key for key, text in TEXTS["en"].items() if re.search(r"[\u3000-\u9fff\uff00-\uffef]", text)
    ] == []
    assert [key for key, text in TEXTS["zh-CN"].items() if not re.search(r"[\u4e00-\u9fff]", text)] == []
    assert [key for key, text in TEXTS["zh-CN"].items() if re.search(r"[\u4e00-\u9fff][,.?!:;]", text)] == []


def test_every_reason_is_explained_with_a_remedy():
    named = {f"no_access.{cause}" for cause in get_args(Cause)} | {
        reason for reason in get_args(Reason) if reason != "no_access"
    }
    expected = {f"refused.{one}.{part}" for one in named for part in ("heading", "meaning", "remedy")}
    assert {key for key in TEXTS["en"] if re.fullmatch(r"refused\..+\.\w+", key)} == expected
    assert set(STATUSES) == set(get_args(Reason))


def test_no_text_is_left_over():
    written = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.html"))
    composed = re.compile(r"refused\..+\..+|choose_enterprise\.error\..+|(unavailable|failed)\..+")
    assert [key for key in TEXTS["en"] if f'"{key}"' not in written and not composed.fullmatch(key)] == []


def test_a_text_or_a_value_that_is_missing_is_an_error():
    text = text_in("en")
    with pytest.raises(KeyError):
        text("no.such.key")
    with pytest.raises(KeyError):
        text("back_to")


@pytest.mark.parametrize(
    ("blocks", "cause"),
    [
        ([], "not_granted"),
        (["something_new"], "not_granted"),
        (["app_stopped"], "app_stopped"),
        (["instance_expired", "instance_frozen"], "frozen"),
        (["app_stopped", "authorisation_cancelled"], "cancelled"),
        (["instance_released"], "ended"),
        (["instance_provisioning"], "preparing"),
    ],
)
def test_the_cause_is_the_block_that_a_person_should_hear_of_first(blocks, cause):
    assert cause_of(blocks) == cause
