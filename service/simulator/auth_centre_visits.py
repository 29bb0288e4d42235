"""What the simulated auth centre does with browsers: signs people in, sends them on, signs them out."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from service.simulator.asgi import Reply, redirect
from service.simulator.auth_centre_pages import choose_account, error_page
from service.simulator.auth_centre_requests import AUTHORIZE, PORTAL, Request
from service.simulator.enterprises import Enterprise
from service.simulator.tickets import Tickets

BAD_REQUEST = 400
COOKIE = "auth-centre-"


class Visits:
    """Remembers by cookie who has signed in, and gives codes; nobody is asked for a password."""

    def __init__(self, tickets: Tickets, enterprises: Mapping[str, Enterprise]) -> None:
        """Issue codes from `tickets` for the enterprises, which are found by client id."""
        self._tickets = tickets
        self._enterprises = enterprises
        # Cookies know no ports: centres and vendors on one machine must not share a name.
        self.cookie = f"{COOKIE}{secrets.token_hex(4)}"
        self._visitors: dict[str, tuple[str, str]] = {}

    def authorize(self, request: Request) -> Reply:
        """Send a signed-in member back to the vendor with a code and the state.

        The address asked for must be the registered one, with any query.
        """
        asked = request.parameters
        enterprise = self._enterprises.get(asked.get("client_id", ""))
        if enterprise is None or asked.get("response_type") != "code":
            complaint = "client_id names no application here, or response_type is not code."
            return error_page(complaint, status=BAD_REQUEST)
        redirect_uri = asked.get("redirect_uri", "")
        if redirect_uri and redirect_uri.partition("?")[0] != enterprise.login_url.partition("?")[0]:
            complaint = f"redirect_uri is not the registered login address {enterprise.login_url}."
            return error_page(complaint, status=BAD_REQUEST)
        return self._sign_in(enterprise, request)

    def start(self, request: Request) -> Reply:
        """Send a member to the vendor with a code and the enterprise, unless nobody knows yet to which."""
        enterprise = self._enterprises.get(request.parameters.get("client_id", ""))
        if enterprise is not None:
            return self._sign_in(enterprise, request)
        _, account = self._visitors.get(request.visitor, ("", ""))
        return choose_account(self._enterprises.values(), action=request.path, hidden={}, account=account)

    def sign_out(self, request: Request) -> Reply:
        """Forget the visitor, and send the browser where it wants to go, otherwise to the login page."""
        self._visitors.pop(request.visitor, None)
        wanted = request.parameters.get("redirect_url", "")
        target = wanted if urlsplit(wanted).scheme in {"http", "https"} else PORTAL
        return redirect(target, headers=(("set-cookie", f"{self.cookie}=; Path=/; Max-Age=0"),))

    def _sign_in(self, enterprise: Enterprise, request: Request) -> Reply:
        asked, buyer = request.parameters, enterprise.buyer
        tenant_id, account = self._visitors.get(request.visitor, ("", ""))
        account = asked.get("account", account if tenant_id == buyer.tenant_id else "")
        member = enterprise.find(account)
        if member is None:
            hidden = {name: value for name, value in asked.items() if name != "account"}
            complaint = f"{buyer.name} has no account {account}." if account else ""
            return choose_account(
                [enterprise],
                action=request.path,
                hidden=hidden,
                account=account,
                complaint=complaint,
                status=BAD_REQUEST if account else 200,
            )
        visitor = secrets.token_urlsafe(16)
        self._visitors[visitor] = (buyer.tenant_id, member.user_name)
        cookie = ("set-cookie", f"{self.cookie}={visitor}; Path=/; HttpOnly; SameSite=Lax")
        redirect_uri = asked.get("redirect_uri", "") if request.path == AUTHORIZE else ""
        code = self._tickets.issue_code(
            client_id=buyer.client_id, user_name=member.user_name, redirect_uri=redirect_uri
        )
        # An authorisation returns the state; a start at the marketplace has none, and names the enterprise.
        known = {"state": asked["state"]} if "state" in asked else {}
        if request.path != AUTHORIZE:
            known = {"tenant": buyer.tenant_id}
        return redirect(
            with_query(redirect_uri or enterprise.login_url, code=code, **known), headers=(cookie,)
        )


def with_query(url: str, **parameters: str) -> str:
    """Add parameters to an address."""
    joint = "&" if urlsplit(url).query else "?"
    return f"{url}{joint}{urlencode(parameters)}"
