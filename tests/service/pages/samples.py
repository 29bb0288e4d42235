"""Every page with everything on it, and every reason for a refusal, for whoever looks at all of them."""

from typing import get_args

from service.pages.forms import AppChoice, Enterprise, Link, Person, Post, Way
from service.pages.reasons import Cause, Reason
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

LANGUAGES = ("en", "zh-CN")
PRODUCT = "Example Planner 示例计划"
CORRELATION = "3f0c7a52-5d0e-4b52-9f5e-6b6d6a1f2c11"
MEMBER = Person(name="Sample Member 示例成员", user_name="sample.member", enterprise="Example Works 示例企业")
OTHER = Person(name="Second Member", user_name="second.member", enterprise="Example Trading 示例贸易")
FORM = Post(action="/sign-out", csrf="csrf-token", fields={"request": "handle"}, targets=["https:"])
BACK = Link(title=PRODUCT, url="https://planner.example.com/")
AGAIN = "/sign-in?tenant=example"
FIELDS = {"request": "handle"}
KNOWN = [
    Enterprise(
        tenant="6c0c1c8e-9d4c-4a63-8a35-0f8b3c4f7d01", name="Example Works 示例企业", code="example-works"
    ),
    Enterprise(tenant="6c0c1c8e-9d4c-4a63-8a35-0f8b3c4f7d02", name="Example Trading 示例贸易"),
]
APPS = [
    AppChoice(app="48211", instance="inst-20260112-0001", order="CS2601121000ABCDE"),
    AppChoice(app="48212", instance="inst-20260803-0002"),
]


def _enterprises(language, **more):
    return choose_enterprise(
        language, **{"product": PRODUCT, "fields": FIELDS, "enterprises": KNOWN, "form_targets": []} | more
    )


def _refusal(reason, cause="not_granted"):
    def make(language):
        return refused(
            language,
            reason,
            cause=cause,
            correlation=CORRELATION,
            product=PRODUCT,
            enterprise=MEMBER.enterprise,
            account=MEMBER.user_name,
            note="redirect_uri is not registered." if reason == "bad_request" else None,
            again=AGAIN,
            back=BACK,
            other_account=FORM,
        )

    return make


PAGES = {
    "choose_enterprise": _enterprises,
    "choose_enterprise_first": lambda language: _enterprises(language, enterprises=[]),
    "choose_enterprise_missing": lambda language: _enterprises(language, enterprises=[], error="missing"),
    "choose_enterprise_unknown": lambda language: _enterprises(language, typed="exmaple", error="unknown"),
    "choose_connection": lambda language: choose_connection(
        language,
        product=PRODUCT,
        enterprise=MEMBER.enterprise,
        fields=FIELDS | {"tenant": "example-works"},
        ways=[Way(connection="koogallery"), Way(connection="staff", title="Example staff account")],
        other_enterprise="/sign-in?request=handle",
    ),
    "choose_app": lambda language: choose_app(language, product=PRODUCT, person=MEMBER, apps=APPS, form=FORM),
    "confirm_sign_out": lambda language: confirm_sign_out(
        language, product=None, person=MEMBER, form=FORM, stay=BACK.url
    ),
    "signed_out": lambda language: signed_out(language, product=PRODUCT, again=AGAIN),
    "signed_in": lambda language: signed_in(language, product=None, person=MEMBER, sign_out=FORM),
    "confirm_switch": lambda language: confirm_switch(
        language, product=PRODUCT, current=MEMBER, new=OTHER, go_on=FORM, stay="/sign-in"
    ),
    "unavailable": lambda language: unavailable(language, correlation=CORRELATION, again=AGAIN),
    "failed": lambda language: failed(language, correlation=CORRELATION),
} | {
    **{f"refused_{reason}": _refusal(reason) for reason in get_args(Reason)},
    **{f"refused_no_access_{cause}": _refusal("no_access", cause) for cause in get_args(Cause)},
}
