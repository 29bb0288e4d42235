"""The answer around a page: its status, its language and the headers that keep it safe."""

import base64
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages.languages import choose_language
from service.pages.refusals import refused, unavailable
from service.pages.views import choose_enterprise, signed_in
from tests.service.pages.outline import outline_of
from tests.service.pages.samples import FORM, LANGUAGES, MEMBER, PAGES


def directives(response):
    policy = response.headers["Content-Security-Policy"]
    return dict(one.strip().split(" ", 1) for one in policy.split(";"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_kept_from_caches_frames_and_referrers(name, language):
    response = PAGES[name](language)
    headers = response.headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert (headers["Content-Language"], headers["Vary"]) == (language, "Accept-Language")
    assert response.media_type == "text/html"


def test_the_policy_allows_the_pages_own_style_and_nothing_else():
    response = PAGES["signed_out"]("en")
    style = outline_of(response).texts["style"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert directives(response) == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }


def test_a_form_that_ends_elsewhere_says_where():
    form = msgspec.structs.replace(FORM, targets=["https://app.example.com:8443", "http:"])
    response = signed_in("en", product=None, person=MEMBER, sign_out=form)
    assert directives(response)["form-action"] == "'self' https://app.example.com:8443 http:"


@pytest.mark.parametrize(
    "target", ["https://a.example/; script-src *", "*", "'unsafe-inline'", "https://a b", ""]
)
def test_a_target_cannot_widen_the_policy(target):
    with pytest.raises(ValueError, match="form target"):
        choose_enterprise("en", product=None, fields={}, enterprises=[], form_targets=[target])


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("choose_enterprise", 200),
        ("choose_enterprise_missing", 400),
        ("choose_enterprise_unknown", 404),
        ("refused_no_access", 403),
        ("refused_expired_flow", 400),
        ("refused_upstream_unreachable", 503),
        ("unavailable", 503),
        ("failed", 500),
    ],
)
def test_the_status_fits_the_page(name, status):
    assert PAGES[name]("en").status_code == status


def test_what_passes_by_itself_says_when_to_try_again():
    assert unavailable("en", correlation="c", retry_after=7).headers["Retry-After"] == "7"
    assert "Retry-After" in refused("en", "upstream_unreachable", correlation="c", product=None).headers
    assert "Retry-After" not in refused("en", "disabled", correlation="c", product=None).headers


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.5, zh-Hant-TW;q=0.8", "zh-CN"),
        ("ZH", "zh-CN"),
        ("fr, zh;q=0.1", "zh-CN"),
        ("fr, de", "en"),
        ("*", "en"),
        ("*, zh;q=0.5", "zh-CN"),
        ("zh;q=0", "en"),
        ("zh;q=0.000, en;q=0.001", "en"),
        ("en, zh", "en"),
        ("zh, en", "zh-CN"),
        ("zh ; q=1.000 , en", "zh-CN"),
        ("zh;q=2, en;q=0.1", "en"),
        ("zh;q=nan, en", "en"),
        ("zhx, zh-", "en"),
        (",,, zh ,", "zh-CN"),
    ],
)
def test_the_language_is_the_one_wanted_most(header, language):
    assert choose_language(header) == language


@given(st.text() | st.text("zhen-;q=0.1, *", max_size=60))
def test_no_header_fails(header):
    assert choose_language(header) in LANGUAGES
