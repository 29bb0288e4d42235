"""A real enterprise and its model side by side: every step is done to both and everything is compared."""

import asyncio
from collections import Counter

import pytest

from tenancy.errors import AppUnknown
from tenancy.group_pages import list_effective_members
from tests.followers import Follower, follow_directly, take_snapshot
from tests.tenancy.access_deeds import RealEnterprise
from tests.tenancy.access_histories import AccessHistory
from tests.tenancy.histories import APPS, PEOPLE

# What most tests begin with: a tree, and two people who may use another app.
FOUNDING = (
    ("bind", 0),
    ("bind", 1),
    ("put_app", 0, "app-1"),
    ("put_app", 0, "app-2"),
    ("put_app", 1, "app-1"),
    ("list_departments", 0, {"D0": None, "D1": "D0", "D2": "D1", "D3": "D0", "D4": None}),
    ("modify", 0, "app-2", {"ann": {"department_code": "D2"}, "bob": {"department_code": "D3"}}),
    ("put_group", "g1"),
    ("put_group", "g2"),
)

# What a push about an instance means for its tenants is recorded as an act of the push.
_DIFFERENCES = """
SELECT e.type, e.subject, coalesce(e.data, e.previous) ->> 'app' AS app,
       CASE WHEN c.by LIKE 'push:%' THEN substr(c.by, 6) ELSE c.cause_id::text END AS cause
FROM event e JOIN change_set c ON c.number = e.change_set
WHERE e.type LIKE 'access.%'
"""

_ADMINISTERED = (
    "SELECT app_id FROM stopped_app",
    "SELECT id FROM group_",
    "SELECT group_id, subject_type, subject FROM group_member",
    "SELECT app_id, subject_type, subject FROM grant_",
    "SELECT m.user_name FROM identity i JOIN member m ON m.id = i.member_id",
)

# What the log says is the same whenever it is read; only a fault that mends itself could hide in between.
_STEPS_BETWEEN_SNAPSHOTS = 4


class Enterprise:
    """Both, at one time; `logged` is what the change sets add up to, with expiry until `noticed`."""

    def __init__(self, real):
        self.real = real
        self.history = AccessHistory()
        self.logged = set()
        self.noticed = 0
        self._rows = Counter()
        self._follower = Follower()
        self._steps = 0

    @classmethod
    async def found(cls, product, runtime):
        enterprise = cls(await RealEnterprise.open(product, runtime))
        for name, *arguments in FOUNDING:
            enterprise.model.clock += 1
            await enterprise.expect(getattr(enterprise.history, name)(*arguments))
        await enterprise.settle()
        return enterprise

    @property
    def model(self):
        return self.history.model

    async def do(self, name, *arguments, settle=True):
        """One step: a second passes, then the operation is carried out; everything must agree.

        Without `settle`, what has expired meanwhile is told of after the operation only.
        """
        self.model.clock += 1
        if settle:
            await self.settle()
        is_told = not self.model.has_expired_since(self.noticed)
        before = self.model.administered()
        deeds = getattr(self.history, name)(*arguments)
        causes = await self.expect(deeds)
        if is_told and deeds:
            await self.hear(causes=causes)
        await self.check()
        await self.check_audit(causes, changed=self.model.administered() != before)
        if is_told and deeds:
            self.noticed = self.model.clock
        else:
            await self.settle()
        self._steps += 1
        if self._steps % _STEPS_BETWEEN_SNAPSHOTS == 0:
            await self.follow()

    async def follow(self):
        """Whoever follows the log, from its beginning, knows what a snapshot tells."""
        tenant_id = await self.real.tenant_id()
        await follow_directly(self._follower, tenant_id)
        assert self._follower.differs_from(await take_snapshot(tenant_id)) == []

    async def expect(self, deeds):
        """Do these things, refused exactly when the model refuses them; the ids of the causes."""
        causes = []
        for deed in deeds:
            cause, refusal = await self.real.carry_out(deed, clock=self.model.clock)
            assert deed.may_end_in(refusal), (deed, refusal)
            causes.append(cause)
        return causes

    async def settle(self):
        """Notice what has expired, as the worker does."""
        await self.real.notice_expiry(clock=self.model.clock)
        self.noticed = self.model.clock
        await self.hear()

    async def hear(self, *, causes=None):
        """The change sets lead from what was known to the model's access; a single step tells no more."""
        rows = await self.real.rows(_DIFFERENCES)
        found = Counter((row["type"], row["app"], row["subject"], row["cause"]) for row in rows)
        news = found - self._rows
        self._rows = found
        net = Counter()
        for (event_type, app, person, _), number in news.items():
            net[app, person] += number if event_type == "access.gained" else -number
        expected = self.model.effective()
        assert +net == Counter(expected - self.logged)
        assert -net == Counter(self.logged - expected)
        if causes is not None:
            assert news.total() == len(expected ^ self.logged)
            assert {cause for *_, cause in news} <= {str(cause) for cause in causes}
        self.logged = expected

    async def check_audit(self, causes, *, changed):
        """An administrator's act is in the audit exactly when it has changed something."""
        rows = await self.real.rows("SELECT id FROM audit WHERE id = ANY($1)", causes)
        assert len(rows) == changed

    async def check(self):
        """Every way of asking gives the model's answer."""
        for app in APPS:
            if self.model.has_app(app):
                await self._check_app(app)
            else:
                for asking in (self.may_use(app, "ann"), self.explain(app, "ann"), self.everyone(app)):
                    with pytest.raises(AppUnknown):
                        await asking

    async def _check_app(self, app):
        allowed = {person for person in PEOPLE if self.model.may_use(app, person)}
        everyone, *_ = await asyncio.gather(
            self.everyone(app), *(self._check_person(app, person) for person in PEOPLE)
        )
        assert everyone == sorted(allowed), (app, everyone, allowed)

    async def _check_person(self, app, person):
        allowed = self.model.may_use(app, person)
        assert await self.may_use(app, person) == allowed, (app, person)
        found = await self.explain(app, person)
        assert found.allowed == allowed, (app, person, found)
        if person in self.model.people:
            assert bool(found.paths) == self.model.has_path(app, person), (app, person, found)
        assert found.allowed or found.blocks or not found.paths, found

    async def check_groups(self):
        """Each group's effective members are the model's; the end of a history, so that the log is too."""
        await self.follow()
        tenant_id = await self.real.tenant_id()
        for group in self.model.groups:
            page = await list_effective_members(tenant_id, group, cursor=None, limit=100)
            assert {item.user_name for item in page.items} == self.model.members_of(group)

    async def may_use(self, app, person):
        return await self.real.may_use(app, person, clock=self.model.clock)

    async def explain(self, app, person):
        return await self.real.explain(app, person, clock=self.model.clock)

    async def everyone(self, app):
        return await self.real.everyone(app, clock=self.model.clock)

    async def shown(self):
        """The same as the model's `shown`."""
        access = {app: await self._shown_of(app) for app in APPS}
        return access, tuple([{tuple(row) for row in await self.real.rows(query)} for query in _ADMINISTERED])

    async def _shown_of(self, app):
        try:
            found = [await self.explain(app, person) for person in PEOPLE]
        except AppUnknown:
            return None
        strangers = [any(block.kind == "member_unknown" for block in access.blocks) for access in found]
        return [
            (access.allowed, bool(access.paths) and not stranger)
            for access, stranger in zip(found, strangers, strict=True)
        ]
