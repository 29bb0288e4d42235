"""Who may use an app, recomputed from scratch in plain Python: the rules as written, nothing clever.

A subject is a pair: ("member", "ann"), ("department", "D1"), ("group", "g1") or EVERYONE.
"""

from dataclasses import dataclass, field

from tests.tenancy.histories import APPS, PEOPLE, Model

EVERYONE = ("everyone", "*")


@dataclass
class Purchase:
    """The state of an instance; `ends` is when its paid period is over, in seconds of the model's clock."""

    frozen: bool = False
    ends: int | None = None


@dataclass
class AccessModel(Model):
    """One enterprise with its administrators' groups, grants and switches, at the time of its clock."""

    clock: int = 0
    purchases: dict = field(default_factory=dict)
    stopped: set = field(default_factory=set)
    groups: dict = field(default_factory=dict)
    grants: set = field(default_factory=set)
    seen_departments: set = field(default_factory=set)
    linked: set = field(default_factory=set)

    def administered(self):
        """What no push changes: stopped apps, groups, what is in them, grants and linked accounts."""
        contents = {(group, *subject) for group, has in self.groups.items() for subject in has}
        grants = {(app, *subject) for app, subject in self.grants}
        stopped, groups = {(app,) for app in self.stopped}, {(group,) for group in self.groups}
        return stopped, groups, contents, grants, {(person,) for person in self.linked}

    def exists(self, subject):
        kind, name = subject
        alive = {"department": self.departments, "group": self.groups}
        return self.is_present(name) if kind == "member" else kind == "everyone" or name in alive[kind]

    def existed(self, subject):
        kind, name = subject
        known = {"member": self.people, "department": self.seen_departments, "group": self.groups}
        return kind == "everyone" or name in known[kind]

    def has_app(self, app):
        return any(client is not None for (_, name), client in self.apps.items() if name == app)

    def remove_group(self, group):
        del self.groups[group]
        self.groups = {name: contents - {("group", group)} for name, contents in self.groups.items()}
        self.grants = {(app, subject) for app, subject in self.grants if subject != ("group", group)}

    def contained(self, group):
        """The group and all groups in it, through nesting."""
        found = {group}
        while (
            more := {name for g in found for kind, name in self.groups.get(g, ()) if kind == "group"} - found
        ):
            found |= more
        return found

    def stands_for(self, person):
        """All subjects that the person is part of."""
        found = {EVERYONE, ("member", person)}
        code = self.people.get(person, {}).get("department_code")
        while code in self.departments and ("department", code) not in found:
            found.add(("department", code))
            code = self.departments[code][1]
        while more := {("group", name) for name, has in self.groups.items() if has & found} - found:
            found |= more
        return found

    def members_of(self, group):
        return {
            name
            for name in self.people
            if self.is_present(name) and ("group", group) in self.stands_for(name)
        }

    def has_grant(self, app, person):
        return any((app, subject) in self.grants for subject in self.stands_for(person))

    def words_for(self, app, person):
        """What counts of the marketplace's words, by instance."""
        return {
            instance: word
            for (instance, name, who), (word, counts) in self.words.items()
            if counts and (name, who) == (app, person)
        }

    def has_path(self, app, person):
        return "granted" in self.words_for(app, person).values() or self.has_grant(app, person)

    def is_open(self, instance):
        purchase = self.purchases.get(instance, Purchase())
        in_time = purchase.ends is None or purchase.ends > self.clock
        return instance in self.bound and not purchase.frozen and in_time

    def has_expired_since(self, clock):
        """Whether the paid period of an instance has ended after this time."""
        ends = [purchase.ends for purchase in self.purchases.values() if purchase.ends is not None]
        return any(clock < end <= self.clock for end in ends)

    def may_use(self, app, person):
        if person not in self.people or not self.is_present(person) or not self.people[person]["enabled"]:
            return False
        if app in self.stopped:
            return False
        words = self.words_for(app, person)
        local = self.has_grant(app, person) and not {"cancelled", "removed"} & set(words.values())
        return any(
            words.get(instance) == "granted" or local
            for (instance, name), client in self.apps.items()
            if name == app and client is not None and self.is_open(instance)
        )

    def effective(self):
        """Everyone's access: pairs of app and person."""
        return {(app, person) for app in APPS for person in PEOPLE if self.may_use(app, person)}

    def shown(self):
        """What can be seen from outside: who may use which app, who has a path, what is administered."""
        reasons = {
            app: [(self.may_use(app, who), who in self.people and self.has_path(app, who)) for who in PEOPLE]
            for app in APPS
        }
        known = {app: shown if self.has_app(app) else None for app, shown in reasons.items()}
        return known, self.administered()
