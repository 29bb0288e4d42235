"""Histories of an enterprise whose administrators grant access while the marketplace pushes.

An operation is the name of a method of `AccessHistory` with its arguments. It changes the model and says
what has to be done to the real enterprise.
"""

from dataclasses import dataclass, field

from tenancy.member_facts import DEFAULTS, MemberFacts
from tenancy.tree import Department
from tests.tenancy.access_model import AccessModel, Purchase


@dataclass(frozen=True)
class Deed:
    """One call of a use case; a push speaks of the time `at`. With `refusals`, one of these codes is due."""

    kind: str
    arguments: tuple
    at: int
    refusals: frozenset = frozenset()

    def may_end_in(self, code):
        """Whether the use case may have been refused with this code; None means that it was carried out."""
        return code in self.refusals if self.refusals else code is None


@dataclass
class AccessHistory:
    """Carries operations out on the model; the marketplace's impossible ones become possible ones."""

    model: AccessModel = field(default_factory=AccessModel)

    def _do(self, kind, *arguments, refusals=(), at=None):
        return [Deed(kind, arguments, self.model.clock if at is None else at, frozenset(refusals))]

    # What the marketplace pushes.

    def bind(self, instance):
        self.model.bound.add(instance)
        return self._do("bind", instance)

    def unbind(self, instance):
        self.model.unbind(instance)
        return self._do("unbind", instance)

    def put_app(self, instance, app):
        if instance not in self.model.bound:
            return self.bind(instance)
        self.model.apps[instance, app] = "client"
        return self._do("put_app", instance, app)

    def remove_app(self, instance, app):
        self.model.apps[instance, app] = None
        return self._do("remove_app", instance, app)

    def put_department(self, instance, code, parent):
        if instance not in self.model.bound:
            return self.bind(instance)
        if parent in self.model.below(code):
            parent = None
        self._hear_of({code: parent})
        return self._do("put_department", instance, Department(code, code, parent))

    def remove_department(self, instance, code):
        self.model.departments.pop(code, None)
        return self._do("remove_department", instance, code)

    def list_departments(self, instance, parents):
        if instance not in self.model.bound:
            return self.bind(instance)
        self.model.departments = {}
        self._hear_of(parents)
        return self._do("list_departments", instance, [Department(c, c, p) for c, p in parents.items()])

    def leave_loop(self, instance, above, below):
        """A full list puts one department below another, which a newer push has put below the first."""
        departments = self.model.departments
        known = {above, below} <= departments.keys() and above != below
        if instance not in self.model.bound or not known or below in self.model.below(above):
            return self.put_department(instance, below, above)
        before = self.model.clock - 1
        listed = {c: p for c, (_, p) in departments.items()} | {above: None, below: above}
        if any(code in self._above(code, listed) for code in listed):
            return self.put_department(instance, above, None)
        self._hear_of(listed | {above: below})
        return [
            *self._do("put_department", instance, Department(above, above, below)),
            *self._do(
                "list_departments", instance, [Department(c, c, p) for c, p in listed.items()], at=before
            ),
        ]

    def _above(self, code, parents):
        found = set()
        while (code := parents.get(code)) is not None and code not in found:
            found.add(code)
        return found

    def _hear_of(self, parents):
        self.model.departments |= {code: (code, parent) for code, parent in parents.items()}
        self.model.seen_departments |= parents.keys()

    def describe(self, instance, app, people, *, grant):
        if self.model.apps.get((instance, app)) is None:
            return self.put_app(instance, app)
        listed = [MemberFacts(name, attributes) for name, attributes in people.items()]
        self.model.describe(instance, app, listed, grant=grant)
        return self._do("grant" if grant else "modify", instance, app, listed)

    def authorise(self, instance, app, people):
        return self.describe(instance, app, people, grant=True)

    def modify(self, instance, app, people):
        return self.describe(instance, app, people, grant=False)

    def withdraw(self, instance, app, people, word):
        listed = [MemberFacts(name, {}) for name in sorted(people)]
        self.model.withdraw(instance, app, listed, word)
        return self._do(word, instance, app, listed)

    def freeze(self, instance, frozen):
        self.model.purchases.setdefault(instance, Purchase()).frozen = frozen
        return self._do("freeze", instance, frozen)

    def renew(self, instance, seconds):
        """The paid period ends so many seconds from now."""
        ends = self.model.clock + seconds
        self.model.purchases.setdefault(instance, Purchase()).ends = ends
        return self._do("renew", instance, ends)

    def wait(self, seconds):
        self.model.clock += seconds
        return []

    # What people do.

    def sign_in(self, person):
        refusals = _due(("member_removed", self.model.is_gone(person)))
        if not refusals:
            self.model.people.setdefault(person, dict(DEFAULTS))
            self.model.linked.add(person)
        return self._do("sign_in", person, refusals=refusals)

    # What administrators do.

    def put_group(self, group):
        self.model.groups.setdefault(group, set())
        return self._do("put_group", group)

    def remove_group(self, group):
        refusals = _due(("group_unknown", group not in self.model.groups))
        if not refusals:
            self.model.remove_group(group)
        return self._do("remove_group", group, refusals=refusals)

    def put_in_group(self, group, subject):
        refusals = _due(self._missing("group", group), self._missing(*subject)) or _due(
            ("group_loop", subject[0] == "group" and group in self.model.contained(subject[1]))
        )
        if not refusals:
            self.model.groups[group].add(subject)
        return self._do("put_group_member", group, subject, refusals=refusals)

    def take_from_group(self, group, subject):
        refusals = _due(self._missing("group", group), self._never_seen(*subject))
        if not refusals:
            self.model.groups[group].discard(subject)
        return self._do("remove_group_member", group, subject, refusals=refusals)

    def grant(self, app, subject):
        refusals = _due(self._missing_app(app), self._missing(*subject))
        if not refusals:
            self.model.grants.add((app, subject))
        return self._do("grant_access", app, subject, refusals=refusals)

    def revoke(self, app, subject):
        kind, name = subject
        authorised = kind == "member" and "granted" in self.model.words_for(app, name).values()
        by_marketplace = authorised and (app, subject) not in self.model.grants
        refusals = _due(
            self._missing_app(app), self._never_seen(kind, name), ("granted_by_marketplace", by_marketplace)
        )
        if not refusals:
            self.model.grants.discard((app, subject))
        return self._do("revoke_access", app, subject, refusals=refusals)

    def stop(self, app):
        refusals = _due(self._missing_app(app))
        if not refusals:
            self.model.stopped.add(app)
        return self._do("disable_app", app, refusals=refusals)

    def start(self, app):
        refusals = _due(self._missing_app(app))
        if not refusals:
            self.model.stopped.discard(app)
        return self._do("enable_app", app, refusals=refusals)

    def _missing_app(self, app):
        return "app_unknown", not self.model.has_app(app)

    def _missing(self, kind, name):
        return f"{kind}_unknown", not self.model.exists((kind, name))

    def _never_seen(self, kind, name):
        return f"{kind}_unknown", not self.model.existed((kind, name))


def _due(*reasons):
    return {code for code, holds in reasons if holds}
