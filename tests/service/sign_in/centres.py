"""The simulated auth centre of one enterprise, for sign-ins with the marketplace's account."""

from uuid import uuid4

import msgspec

from service.simulator.buyers import make_buyer
from service.simulator.enterprises import Enterprise
from service.simulator.organisations import Member


def person(user_name):
    return Member(
        user_name=user_name,
        name=user_name.title(),
        department_code="X",
        position="",
        role="user",
        enabled=True,
        employee_code="",
        employee_type=1,
        mobile="",
        email="",
        work_place="",
        entry_date="",
    )


class Centre:
    """What the auth centre knows of an office; `link` is the vendor's callback with a fresh code."""

    def __init__(self, centre, office, product, *names):
        self.centre = centre
        self.office = office
        self.callback = f"/sign-in/koogallery/{product}"
        self.client_id = f"client-{uuid4().hex[:8]}"
        buyer = msgspec.structs.replace(
            make_buyer(uuid4().hex, name="示例企业", short_name="sample"),
            tenant_id=office.enterprise.tenant,
            client_id=self.client_id,
            client_secret="the-client-secret",
            app_id=office.app,
            domain_name=centre.url,
        )
        members = {name: person(name) for name in names}
        self.enterprise = Enterprise(buyer=buyer, login_url=self.callback, members=members)
        centre.admit(self.enterprise)

    async def announce(self):
        """Tell the vendor where the enterprise signs in, and the app's credential there."""
        office = self.office.enterprise
        assert (await office.bind(domainName=self.centre.url)).code == "000000"
        assert (await office.application(clientId=self.client_id)).code == "000000"
        return self

    def change(self, **changes):
        """Have the auth centre tell something else than the truth."""
        self.enterprise = self.centre.admit(msgspec.structs.replace(self.enterprise, **changes))

    def code(self, user_name):
        return self.centre.tickets.issue_code(client_id=self.client_id, user_name=user_name)

    def link(self, user_name, *, tenant=None):
        return f"{self.callback}?code={self.code(user_name)}&tenant={tenant or self.office.enterprise.tenant}"

    def asked(self, path):
        return self.centre.requests_of(self.enterprise, path)
