"""An enterprise as its auth centre knows it: the application's registration and the accounts."""

from collections.abc import Mapping

import msgspec

from service.simulator.buyers import Buyer
from service.simulator.organisations import Member, Organisation
from service.simulator.tickets import ACCESS_SECONDS


class Enterprise(msgspec.Struct, frozen=True, kw_only=True):
    """One enterprise with one application; `login_url` is the address registered in its credential.

    What is told can differ from the truth: `told_seconds` as the life of access tokens, `told_tenant` as the
    enterprise in userinfo.
    """

    buyer: Buyer
    login_url: str
    members: Mapping[str, Member]
    department_names: Mapping[str, str] = {}
    told_seconds: int = ACCESS_SECONDS
    told_tenant: str = ""

    def find(self, account: str) -> Member | None:
        """Find a member by user name, with or without `@` and the enterprise's domain."""
        user_name, _, domain = account.strip().rpartition("@")
        if domain != self.buyer.tenant_code or not user_name:
            user_name = account.strip()
        return self.members.get(user_name)

    def userinfo(self, member: Member) -> dict[str, str]:
        """Tell about a member as the auth centre does.

        Source: the marketplace's user information interface; what the member lacks is left out.
        """
        known = {
            "id": f"{self.buyer.client_id[:8]}-{member.user_name}",
            "userId": f"{self.buyer.client_id[:8]}-{member.user_name}",
            "userName": member.user_name,
            "name": member.name,
            "email": member.email,
            "mobile": member.mobile,
            "role": member.role,
            "organizationCode": member.department_code,
            "organizationName": self.department_names.get(member.department_code, ""),
            "projectName": self.buyer.name,
            "tenant": self.told_tenant or self.buyer.tenant_id,
        }
        return {name: value for name, value in known.items() if value}


def enterprise_of(organisation: Organisation, buyer: Buyer, *, login_url: str) -> Enterprise:
    """Make the enterprise of a whole organisation."""
    return Enterprise(
        buyer=buyer,
        login_url=login_url,
        members={member.user_name: member for member in organisation.members},
        department_names={item.code: item.name for item in organisation.departments},
    )
