"""The pages, one function each: what a page needs are its parameters, so that no route can forget it.

The first parameter is always the request's Accept-Language header; `product` is what the vendor calls the
product that the person is on the way to, None when that is unknown.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias
from urllib.parse import urlencode

from litestar import Response

from service.pages.forms import AppChoice, Enterprise, Person, Post, Way
from service.pages.render import page

EnterpriseError: TypeAlias = Literal["missing", "unknown"]

_ENTERPRISE_STATUSES: dict[EnterpriseError, int] = {"missing": 400, "unknown": 404}


def choose_enterprise(
    language: str | None,
    *,
    product: str | None,
    fields: Mapping[str, str],
    enterprises: Sequence[Enterprise],
    form_targets: Sequence[str],
    typed: str = "",
    error: EnterpriseError | None = None,
) -> Response[bytes]:
    """Ask for the enterprise: those known to this browser as links, and a field for the code of another.

    Both lead to `GET /sign-in` with `fields` (the `request` handle or `return_to`) and `tenant`, an id or
    what was typed. From there redirects go on to wherever the enterprise signs in, hence `form_targets`.
    400 or 404 with an error, else 200.
    """
    return page(
        language,
        "choose_enterprise",
        status=200 if error is None else _ENTERPRISE_STATUSES[error],
        form_targets=form_targets,
        product=product,
        fields=fields,
        enterprises=[(one, _sign_in(fields, tenant=one.tenant)) for one in enterprises],
        typed=typed,
        error=error,
    )


def choose_connection(
    language: str | None,
    *,
    product: str | None,
    enterprise: str,
    fields: Mapping[str, str],
    ways: Sequence[Way],
    other_enterprise: str | None = None,
) -> Response[bytes]:
    """Ask how to sign in to this enterprise: links to `GET /sign-in` with `fields` and `connection`.

    `fields` names the tenant too; `other_enterprise` is the address that asks for the enterprise again.
    """
    return page(
        language,
        "choose_connection",
        product=product,
        enterprise=enterprise,
        ways=[(way, _sign_in(fields, connection=way.connection)) for way in ways],
        other_enterprise=other_enterprise,
    )


def choose_app(
    language: str | None, *, product: str | None, person: Person, apps: Sequence[AppChoice], form: Post
) -> Response[bytes]:
    """Ask which of several apps of the product to open: posts `form` with `app`, the id of the one chosen."""
    return page(
        language,
        "choose_app",
        form_targets=form.targets,
        product=product,
        person=person,
        apps=apps,
        form=form,
    )


def confirm_sign_out(
    language: str | None, *, product: str | None, person: Person, form: Post, stay: str | None = None
) -> Response[bytes]:
    """Ask whether to sign out, as nobody but the person may decide; `stay` is where No leads."""
    return page(
        language,
        "confirm_sign_out",
        form_targets=form.targets,
        product=product,
        person=person,
        form=form,
        stay=stay,
    )


def signed_out(language: str | None, *, product: str | None, again: str | None = None) -> Response[bytes]:
    """Say that the session has ended, here and in the applications."""
    return page(language, "signed_out", product=product, again=again)


def signed_in(
    language: str | None, *, product: str | None, person: Person, sign_out: Post
) -> Response[bytes]:
    """Say who is signed in, when there is nowhere to go."""
    return page(
        language,
        "signed_in",
        form_targets=sign_out.targets,
        product=product,
        person=person,
        sign_out=sign_out,
    )


def confirm_switch(
    language: str | None, *, product: str | None, current: Person, new: Person, go_on: Post, stay: str
) -> Response[bytes]:
    """Ask before one account takes the place of another; `stay` is where No leads."""
    return page(
        language,
        "confirm_switch",
        form_targets=go_on.targets,
        product=product,
        current=current,
        new=new,
        go_on=go_on,
        stay=stay,
    )


def _sign_in(fields: Mapping[str, str], **more: str) -> str:
    return f"/sign-in?{urlencode({**fields, **more})}"
