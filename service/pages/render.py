"""Makes the response of a page: its language, its HTML and the headers that keep it safe."""

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup

from service.pages.languages import choose_language
from service.pages.texts import text_in

_HERE = Path(__file__).parent
# In the page itself, so that a page is one answer that needs nothing else; the policy names its digest.
_STYLE = (_HERE / "static" / "style.css").read_text(encoding="utf-8")
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# A scheme (`https:`), or a scheme with host and port: nothing that could end a directive or the header.
_TARGET = re.compile(r"[a-z][a-z0-9+.-]*:(?://[A-Za-z0-9.\[\]:-]+)?")
# An http or https address, or a path of our own; what begins with two slashes or holds what browsers read as
# a slash or pass over leads elsewhere.
_ADDRESS = re.compile(r"(?:https?://|/(?![/\\]))[^\x00-\x20\\\x7f]*")


def _address(url: str) -> str:
    if not _ADDRESS.fullmatch(url):
        raise ValueError("A page leads to http and https addresses and to paths of our own only.")
    return url


_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_templates.filters["address"] = _address
_templates.globals["style"] = Markup(_STYLE)  # noqa: S704 - a file of ours


def page(
    request_language: str | None,
    name: str,
    *,
    status: int = 200,
    form_targets: Sequence[str] = (),
    retry_after: int | None = None,
    **values: object,
) -> Response[bytes]:
    """Make the response of a page; routes call the views, which know what each page needs.

    Args:
        request_language: The request's Accept-Language header.
        name: The template, without its ending.
        status: HTTP status.
        form_targets: Origins or schemes to which the answer to a form of this page may redirect.
        retry_after: Seconds, for the header of that name.
        values: What the template names.

    Raises:
        ValueError: If a form target is neither a scheme nor an origin, or a link leads to what is no address.
    """
    language = choose_language(request_language)
    html = _templates.get_template(f"{name}.html").render(values, language=language, text=text_in(language))
    headers = {
        "Content-Security-Policy": _policy(form_targets),
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(html.encode(), status_code=status, media_type="text/html", headers=headers)


def _policy(form_targets: Sequence[str]) -> str:
    if not all(_TARGET.fullmatch(target) for target in form_targets):
        raise ValueError("A form target is a scheme such as https: or an origin such as https://a.example.")
    allowed = " ".join(["'self'", *form_targets])
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {allowed}"
    )
