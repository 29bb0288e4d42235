"""The pages of the simulated auth centre; without script, since what stands behind a `#` stays unknown."""

from collections.abc import Iterable, Mapping
from html import escape

from service.simulator.asgi import Reply
from service.simulator.enterprises import Enterprise

SHOWN_ACCOUNTS = 20
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}"
    "label,input,select,button{display:block;font:inherit}input,select{width:100%;margin-bottom:1rem}"
)


def choose_account(
    enterprises: Iterable[Enterprise],
    *,
    action: str,
    hidden: Mapping[str, str],
    account: str = "",
    complaint: str = "",
    status: int = 200,
) -> Reply:
    """Ask who signs in; the form goes to `action` with the `hidden` values."""
    listed = list(enterprises)
    first = [member for enterprise in listed for member in enterprise.members.values()][:SHOWN_ACCOUNTS]
    accounts = "".join(
        f'<option value="{escape(member.user_name)}">{escape(member.name)}</option>' for member in first
    )
    choices = "".join(
        f'<option value="{escape(enterprise.buyer.client_id)}">'
        f"{escape(enterprise.buyer.name)} ({escape(enterprise.buyer.tenant_code)}),"
        f" application {escape(enterprise.buyer.app_id)}</option>"
        for enterprise in listed
    )
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    chooser = (
        ""
        if "client_id" in hidden
        else f'<label for="client">Application</label><select id="client" name="client_id">{choices}</select>'
    )
    alert = f'<p role="alert">{escape(complaint)}</p>' if complaint else ""
    return _page(
        "Sign in",
        f"{alert}<p>This is a simulated auth centre: it asks for no password. Choose whom it signs in.</p>"
        f'<form action="{escape(action)}" method="get">{fields}'
        f'<label for="account">Account</label><input id="account" name="account" list="accounts" required'
        f' autocomplete="off" value="{escape(account)}"><datalist id="accounts">{accounts}</datalist>'
        f"{chooser}<button>Sign in</button></form>",
        status=status,
    )


def error_page(complaint: str, *, status: int) -> Reply:
    """Say what is wrong with the address that was opened."""
    return _page("This does not work", f'<p role="alert">{escape(complaint)}</p>', status=status)


def _page(title: str, content: str, *, status: int) -> Reply:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{content}</main></body></html>"
    )
    headers = (("content-type", "text/html;charset=utf-8"), ("cache-control", "no-store"))
    return Reply(status=status, headers=headers, body=text.encode())
