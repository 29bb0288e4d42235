"""Valid histories of an enterprise as the marketplace lives through them, and what each comes to.

The model is the plain reading of every message in the order of events: no clocks, no tombstones.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tenancy.member_facts import DEFAULTS, MemberFacts
from tenancy.tree import Department
from tests.tenancy.pushing import moment

INSTANCES = range(2)
APPS = ("app-1", "app-2")
CODES = tuple(f"D{number}" for number in range(6))
PEOPLE = ("ann", "bob", "cho")


@dataclass(frozen=True)
class Message:
    kind: str
    instance: int
    number: int
    body: Any = None

    @property
    def at(self):
        return moment(self.number)


@dataclass
class Model:
    """One enterprise.

    `words` are what holds of a person for an app, (word, still counts): said, or implied by a modification.
    `removals` are those of whom the last that was said is a removal, however long ago.
    """

    facts: str = ""
    bound: set = field(default_factory=set)
    apps: dict = field(default_factory=dict)
    departments: dict = field(default_factory=dict)
    people: dict = field(default_factory=dict)
    words: dict = field(default_factory=dict)
    removals: set = field(default_factory=set)

    def below(self, code):
        """The department itself and all under it, removed ones in between included."""
        found = {code}
        while more := {child for child, (_, parent) in self.departments.items() if parent in found} - found:
            found |= more
        return found

    def unbind(self, instance):
        self.bound.discard(instance)
        self.apps = {key: client for key, client in self.apps.items() if key[0] != instance}
        for key, (word, counts) in self.words.items():
            self.words[key] = (word, counts and key[0] != instance)

    def describe(self, instance, app, listed, *, grant):
        for facts in listed:
            known = self.people.setdefault(facts.user_name, dict(DEFAULTS))
            known.update(facts.attributes)
            key = (instance, app, facts.user_name)
            _, counts = self.words.get(key, ("", False))
            if grant:
                self.say(key, "granted")
            elif not counts:
                self.words[key] = ("granted", True)

    def withdraw(self, instance, app, listed, word):
        for facts in listed:
            self.say((instance, app, facts.user_name), word)

    def say(self, key, word, *, counts=True):
        self.words[key] = (word, counts)
        self.removals.discard(key)
        if word == "removed":
            self.removals.add(key)

    def is_present(self, person):
        """Once described, until it is gone."""
        return person in self.people and not self.is_gone(person)

    def is_gone(self, person):
        """An app has removed it and no app of a present binding keeps it."""
        removed = any(name == person for _, _, name in self.removals)
        kept = any(
            counts and word != "removed"
            for (_, _, name), (word, counts) in self.words.items()
            if name == person
        )
        return removed and not kept

    def explain(self, app, person):
        """None for an unknown app, else whether it may be used, and the reasons for and against."""
        rows = {instance: client for (instance, name), client in self.apps.items() if name == app}
        if not any(client is not None for client in rows.values()):
            return None
        allowed, paths, blocks = False, set(), set()
        for instance, client in rows.items():
            word, counts = self.words.get((instance, app, person), ("", False))
            word = word if counts else ""
            against = {
                "app_removed": client is None,
                "unbound": instance not in self.bound,
                "member_unknown": person not in self.people,
                "member_disabled": not self.people.get(person, DEFAULTS)["enabled"],
                "member_removed": person in self.people and not self.is_present(person),
            }
            allowed = allowed or (word == "granted" and not any(against.values()))
            paths |= {instance} if word == "granted" else set()
            blocks |= {kind for kind, holds in against.items() if holds}
        for (_, name, who), (word, counts) in self.words.items():
            if (name, who, counts) == (app, person, True) and word != "granted":
                blocks.add(f"authorisation_{word}")
        return allowed, paths, blocks


@dataclass
class History:
    """Carries out operations on the model and keeps their messages; an impossible one prepares itself."""

    model: Model = field(default_factory=Model)
    messages: list = field(default_factory=list)

    def _send(self, kind, instance, body=None):
        self.messages.append(Message(kind, instance, len(self.messages), body))

    def bind(self, instance, name):
        self.model.facts = name
        self.model.bound.add(instance)
        self._send("bind", instance, name)

    def unbind(self, instance):
        self.model.unbind(instance)
        self._send("unbind", instance)

    def put_app(self, instance, app, client):
        if instance not in self.model.bound:
            return self.bind(instance, client)
        self.model.apps[instance, app] = client
        return self._send("put_app", instance, (app, client))

    def remove_app(self, instance, app):
        self.model.apps[instance, app] = None
        self._send("remove_app", instance, app)

    def put_department(self, instance, code, parent, name):
        if instance not in self.model.bound:
            return self.bind(instance, name)
        above = sorted(set(self.model.departments) - self.model.below(code))
        parent_code = above[parent % len(above)] if parent and above else None
        self.model.departments[code] = (name, parent_code)
        return self._send("put_department", instance, Department(code, name, parent_code))

    def remove_department(self, instance, code):
        self.model.departments.pop(code, None)
        self._send("remove_department", instance, code)

    def list_departments(self, instance):
        if instance not in self.model.bound:
            return self.bind(instance, "listed")
        listed = [Department(code, *rest) for code, rest in self.model.departments.items()]
        return self._send("list_departments", instance, listed)

    def describe(self, instance, app, people, *, grant):
        if self.model.apps.get((instance, app)) is None:
            return self.put_app(instance, app, "client")
        listed = [MemberFacts(name, attributes) for name, attributes in people.items()]
        self.model.describe(instance, app, listed, grant=grant)
        return self._send("grant" if grant else "modify", instance, (app, listed))

    def withdraw(self, instance, app, people, word):
        listed = [MemberFacts(name, {}) for name in sorted(people)]
        self.model.withdraw(instance, app, listed, word)
        self._send(word, instance, (app, listed))


instances = st.sampled_from(INSTANCES)
apps = st.sampled_from(APPS)
codes = st.sampled_from(CODES)
names = st.sampled_from(("one", "two", "three"))
attributes = st.fixed_dictionaries(
    {},
    optional={
        "name": names,
        "role": st.sampled_from(("user", "admin")),
        "enabled": st.booleans(),
        "mobile": st.none() | names,
        "department_code": st.none() | codes,
    },
)
some_people = st.sets(st.sampled_from(PEOPLE), min_size=1)
described_people = st.dictionaries(st.sampled_from(PEOPLE), attributes, min_size=1)


def _operation(name, *arguments, **fixed):
    return st.tuples(*arguments).map(lambda drawn: lambda history: getattr(history, name)(*drawn, **fixed))


about_bindings = (
    _operation("bind", instances, names),
    _operation("unbind", instances),
    _operation("put_app", instances, apps, names),
    _operation("remove_app", instances, apps),
)
about_departments = (
    _operation("put_department", instances, codes, st.integers(0, 6), names),
    _operation("put_department", instances, codes, st.integers(0, 6), names),
    _operation("remove_department", instances, codes),
    _operation("list_departments", instances),
)
about_people = (
    _operation("describe", instances, apps, described_people, grant=True),
    _operation("describe", instances, apps, described_people, grant=False),
    _operation("withdraw", instances, apps, some_people, word="cancelled"),
    _operation("withdraw", instances, apps, some_people, word="removed"),
)
everything = about_bindings + about_departments + about_people


@st.composite
def histories(draw, operations=everything, length=24):
    """A history, and an order of delivery in which some messages are late and some come twice."""
    delays = st.lists(st.integers(0, length), min_size=1, max_size=2)
    steps = draw(st.lists(st.tuples(st.one_of(operations), delays), min_size=length // 3, max_size=length))
    history = History()
    history.bind(0, "first")
    arrivals = [(draw(st.integers(0, length)), 0)]
    for act, late in steps:
        act(history)
        number = len(history.messages) - 1
        arrivals += [(number + delay, number) for delay in late]
    order = [history.messages[number] for _, number in sorted(arrivals, key=lambda arrival: arrival[0])]
    return history, order
