"""Whoever comes to be by signing in is the person of whom the marketplace speaks, before or after."""

import contextlib
from uuid import uuid4

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sso.connection_rows import KOOGALLERY
from sso.errors import MemberRemoved
from sso.identities import find_or_link
from tenancy.acts import Act
from tenancy.errors import TenantUnknown
from tenancy.member_facts import DEFAULTS
from tests.followers import Follower, follow_directly, take_snapshot
from tests.tenancy.directories import expected
from tests.tenancy.histories import PEOPLE, about_bindings, about_people, histories
from tests.tenancy.pushing import deliver_until_accepted

NAME = "as signed in"


class SignIns:
    """People who sign in at some moments between the messages; `created` are those who came to be so."""

    def __init__(self, directory, moments):
        self.directory = directory
        self.moments = moments
        self.passed = 0
        self.created = set()

    async def deliver(self, message):
        for _, person in filter(lambda due: due[0] == self.passed, self.moments):
            await self.sign_in(person)
        self.passed += 1
        await self.directory.deliver(message)

    async def sign_in(self, person):
        """Refused while the enterprise is not there or after the person was removed."""
        tenant_id = await self.directory.tenant_id()
        account = {"subject": f"account of {person}", "user_name": person, "name": NAME}
        act = Act(actor="test", at=self.directory.clock())
        with contextlib.suppress(TenantUnknown, MemberRemoved):
            arrival = await find_or_link(
                tenant_id or uuid4(), KOOGALLERY, **account, creates_members=True, act=act
            )
            self.created |= {person} if arrival.is_created_now else set()


@hypothesis_settings(max_examples=60)
@given(
    told=histories(about_people + about_bindings, length=16),
    moments=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(PEOPLE)), min_size=1, max_size=6),
)
async def test_signing_in_at_any_moment_gives_way_to_whatever_the_marketplace_says(
    told, moments, new_directory
):
    history, order = told
    directory = new_directory()
    sign_ins = SignIns(directory, moments)
    await deliver_until_accepted(order, sign_ins.deliver)
    for person in sign_ins.created:
        known = history.model.people.setdefault(person, dict(DEFAULTS))
        # Nobody else has named the person.
        known["name"] = known["name"] or NAME
    assert await directory.read() == expected(history.model)
    follower, tenant_id = Follower(), await directory.tenant_id()
    await follow_directly(follower, tenant_id)
    assert follower.differs_from(await take_snapshot(tenant_id)) == []
