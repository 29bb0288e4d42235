"""Every page, in both languages: built with care, says what it must, and takes nothing for markup."""

import re
from html import unescape

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pages.forms import AppChoice, Enterprise, Link, Person, Post, Way
from service.pages.refusals import failed, refused, unavailable
from service.pages.views import (
    choose_app,
    choose_connection,
    choose_enterprise,
    confirm_sign_out,
    confirm_switch,
    signed_in,
    signed_out,
)
from tests.service.pages.outline import ADDRESSES, outline_of
from tests.service.pages.samples import AGAIN, BACK, FORM, LANGUAGES, MEMBER, PAGES, PRODUCT

every_page = pytest.mark.parametrize("name", PAGES)
both_languages = pytest.mark.parametrize("language", LANGUAGES)


@both_languages
@every_page
def test_a_page_has_one_heading_a_title_a_language_and_one_main_part(name, language):
    response = PAGES[name](language)
    page = outline_of(response)
    assert response.content.startswith(b"<!DOCTYPE html>")
    assert page.all("html") == [{"lang": language}]
    assert (len(page.all("h1")), len(page.all("main")), len(page.all("title"))) == (1, 1, 1)
    assert page.texts["h1"].strip()
    assert page.texts["h1"] in page.texts["title"]


@both_languages
@every_page
def test_a_page_runs_nothing_and_loads_nothing(name, language):
    page = outline_of(PAGES[name](language))
    tags = {tag for tag, _ in page.elements}
    assert tags & {"script", "link", "img", "iframe", "object", "base"} == set()
    attributes = {attribute for _, found in page.elements for attribute in found}
    assert [one for one in attributes if one.startswith("on") or one in {"style", "src", "placeholder"}] == []
    assert "url(" not in page.texts["style"]
    assert "@import" not in page.texts["style"]


@both_languages
@every_page
def test_ids_are_unique_and_what_refers_to_one_finds_it(name, language):
    page = outline_of(PAGES[name](language))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    references = [one for kind in ("for", "aria-describedby", "aria-labelledby") for one in page.values(kind)]
    assert {target for reference in references for target in reference.split()} <= set(ids)
    fields = [one for one in page.all("input") if one["type"] != "hidden"]
    assert [one["id"] for one in fields] == page.values("for")


@both_languages
@every_page
def test_every_form_that_changes_something_carries_its_token(name, language):
    page = outline_of(PAGES[name](language))
    posts = [form for form in page.all("form") if form["method"] == "post"]
    tokens = [one["value"] for one in page.all("input") if one.get("name") == "csrf"]
    assert tokens == [FORM.csrf] * len(posts)
    assert all(one.get("type") == "submit" for one in page.all("button"))


@both_languages
def test_an_error_is_told_in_the_title_as_an_alert_and_at_its_field(language):
    page = outline_of(PAGES["choose_enterprise_unknown"](language))
    assert page.texts["title"].startswith(("Error: ", "错误："))
    (alert,) = [attributes for _, attributes in page.elements if attributes.get("role") == "alert"]
    (field,) = [one for one in page.all("input") if one["type"] == "text"]
    assert field["aria-invalid"] == "true"
    assert alert["id"] in field["aria-describedby"].split()
    assert field["value"] == "exmaple"


def test_known_enterprises_and_ways_keep_what_the_request_carries():
    page = outline_of(PAGES["choose_enterprise"]("en"))
    assert page.values("href")[1] == "/sign-in?request=handle&tenant=6c0c1c8e-9d4c-4a63-8a35-0f8b3c4f7d02"
    page = outline_of(PAGES["choose_connection"]("en"))
    assert page.values("href")[0] == "/sign-in?request=handle&tenant=example-works&connection=koogallery"


def test_a_way_without_a_title_is_the_marketplaces_account_login():
    assert b"Marketplace account" in PAGES["choose_connection"]("en").content
    assert "云商店账号" in PAGES["choose_connection"]("zh-CN").content.decode()


def test_a_refusal_shows_the_reference_and_each_way_out_only_when_there_is_one():
    full = outline_of(PAGES["refused_not_yet_known"]("en"))
    assert full.values("href") == [AGAIN, BACK.url]
    assert len(full.all("form")) == 1
    bare = outline_of(refused("en", "not_yet_known", correlation="c-1", product=None))
    assert (bare.all("a"), bare.all("form"), bare.all("header")) == ([], [], [])
    assert "c-1" in bare.texts["dl"]


def _words(text):
    return re.sub(r"\s+", " ", unescape(text))


def _everywhere(value):
    """Every page with this value wherever a person, a tenant or an application could have put theirs."""
    person = Person(name=value, user_name=value, enterprise=value)
    form = Post(action="/sign-out", csrf=value, fields={value: value})
    link = Link(title=value, url=BACK.url)
    fields = {"request": value}
    yield choose_enterprise(
        "en",
        product=value,
        fields=fields,
        enterprises=[Enterprise(tenant=value, name=value, code=value)],
        form_targets=[],
        typed=value,
        error="unknown",
    )
    yield choose_connection(
        "en",
        product=value,
        enterprise=value,
        fields=fields,
        ways=[Way(connection=value, title=value)],
    )
    apps = [AppChoice(app=value, instance=value, order=value)]
    yield choose_app("en", product=value, person=person, apps=apps, form=form)
    yield refused(
        "en",
        "no_access",
        correlation=value,
        product=value,
        enterprise=value,
        account=value,
        note=value,
        back=link,
        other_account=form,
    )
    yield confirm_sign_out("en", product=value, person=person, form=form)
    yield signed_out("en", product=value)
    yield signed_in("en", product=value, person=person, sign_out=form)
    yield confirm_switch("en", product=value, current=person, new=person, go_on=form, stay="/sign-in")
    yield unavailable("en", correlation=value)
    yield failed("en", correlation=value)


HARMLESS = [outline_of(response).shape for response in _everywhere("harmless")]
hostile = st.one_of(
    st.sampled_from(
        [
            "</title><script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' onfocus='alert(1)",
            "</style><script>",
            "{{ 7 * 7 }}{% raw %}",
            "{0.__class__}{name}",
            "<!--",
            "]]>",
            "&lt;b&gt;",
        ]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("<>\"'&{}%`=/"), min_size=1
    ),
)


@settings(max_examples=60)
@given(hostile)
def test_no_value_becomes_markup(value):
    for expected, response in zip(HARMLESS, _everywhere(value), strict=True):
        page = outline_of(response)
        assert page.shape == expected
        assert all(
            one.startswith(("/sign-", "https://planner.example.com/"))
            for kind in ADDRESSES
            for one in page.values(kind)
        )


def test_a_value_is_shown_as_it_was_given():
    page = outline_of(PAGES["signed_in"]("en"))
    assert MEMBER.name in _words(page.texts["main"])
    told = refused("en", "bad_request", correlation="<c>", product="A & B", note="{x} <y>")
    assert "{x} <y>" in outline_of(told).texts["main"]
    assert outline_of(told).texts["header"].strip() == "A & B"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "/\t/elsewhere.example",
        "https://a.example/\nb",
        "sign-in",
        "",
    ],
)
def test_a_page_links_to_nothing_but_web_addresses_and_own_paths(url):
    with pytest.raises(ValueError, match="leads to"):
        refused("en", "code_refused", correlation="c", product=PRODUCT, back=Link(title="x", url=url))
    with pytest.raises(ValueError, match="leads to"):
        signed_in("en", product=None, person=MEMBER, sign_out=msgspec.structs.replace(FORM, action=url))
