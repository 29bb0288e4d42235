"""Those who follow a tenant's log: one rule turns a snapshot and later events into the present.

`Follower` applies the rule and finds every fault in what it is told. `follow_directly` tells it of a tenant
for tests of the use cases; `HttpFollower` knows only what the API says of itself.
"""

import json

import msgspec

from tenancy.database import NO_TENANT, tenant_scope
from tenancy.event_pages import read_events
from tenancy.event_types import EVENT_TYPES, KINDS
from tenancy.events import decode
from tenancy.snapshots import write_snapshot

# Of each type: kind, and the fields of the key; what `/v1/event-types` says.
TYPES = {name: (told.kind, told.kind and KINDS[told.kind].key) for name, told in EVENT_TYPES.items()}


# Their data does not show all that has changed.
SECRETLY = {"app.changed"}


class Follower:
    """What somebody knows who has been told this; `number` is that of the last event."""

    def __init__(self, types=TYPES):
        self.types = types
        self.objects = {}
        self.number = 0

    def begin(self, lines):
        """Take a snapshot as the present."""
        [head, *objects] = lines
        keys = {kind: key for kind, key in self.types.values() if kind}
        self.objects = {}
        self.number = head["as_of"]
        for line in objects:
            fields = {name: value for name, value in line.items() if name != "kind"}
            place = line["kind"], *(fields[name] for name in keys[line["kind"]])
            assert place not in self.objects, f"twice in a snapshot: {place}"
            self.objects[place] = fields

    def hear(self, event):
        """The one rule; everything that does not fit is a fault of the log."""
        assert event["number"] == self.number + 1, f"after {self.number} came {event['number']}"
        assert event["type"] in self.types, f"undeclared: {event['type']}"
        kind, key = self.types[event["type"]]
        self.number = event["number"]
        if kind is None:
            return
        data, previous = event["data"], event["previous"]
        told = previous if data is None else data
        place = kind, *(told[name] for name in key)
        assert self.objects.get(place) == previous, f"{event} after {self.objects.get(place)}"
        assert data != previous or event["type"] in SECRETLY, f"tells nothing: {event}"
        if data is None:
            del self.objects[place]
        else:
            assert previous is None or all(data[name] == previous[name] for name in key), event
            self.objects[place] = data

    def differs_from(self, lines):
        """What a snapshot says otherwise: (place, known, said)."""
        other = Follower(self.types)
        other.begin(lines)
        assert other.number == self.number, f"as of {other.number}, followed to {self.number}"
        return [
            (place, self.objects.get(place), other.objects.get(place))
            for place in sorted(self.objects.keys() | other.objects.keys())
            if self.objects.get(place) != other.objects.get(place)
        ]


def check_shapes(event):
    """Data and previous are exactly of the shape that is declared."""
    told = EVENT_TYPES.get(event["type"])
    assert told is not None, f"undeclared: {event['type']}"
    for value in (event["data"], event["previous"]):
        if value is None:
            continue
        assert told.shape is not None, event
        decoded = msgspec.convert(value, told.shape)
        assert msgspec.json.decode(msgspec.json.encode(decoded)) == value, event


class _Lines:
    def __init__(self):
        self.content = bytearray()

    def write(self, data):
        self.content += data


async def take_snapshot(tenant_id):
    """All lines of a tenant's snapshot."""
    sink = _Lines()
    await write_snapshot(tenant_id, sink)
    return [json.loads(line) for line in bytes(sink.content).splitlines()]


async def read_all(tenant_id, after):
    """All events of a tenant after a number, page by page, their shapes checked."""
    events = []
    while True:
        page = json.loads((await read_events(tenant_id, after=after, limit=1000)).body)
        events += page["items"]
        after = page["next"]
        if after == page["last"]:
            break
    for event in events:
        check_shapes(event)
    return events


async def read_nil_log(after):
    """All events of no tenant after a number, their shapes checked."""
    async with tenant_scope(NO_TENANT) as db:
        rows = await db.fetch("SELECT * FROM event WHERE number > $1 ORDER BY number", after)
    events = [{**row, **{name: decode(row[name]) for name in ("data", "previous")}} for row in rows]
    for event in events:
        check_shapes(event)
    return events


async def follow_directly(follower, tenant_id):
    """Tell the follower all that is new."""
    for event in await read_all(tenant_id, follower.number):
        follower.hear(event)


async def catch_up(reader):
    """Let a reader go on, page by page, until nothing is left."""
    while await reader.step():
        pass


class HttpFollower:
    """Follows one tenant with the API only: the types, a snapshot, pages of events."""

    def __init__(self, api, tenant_id, *, limit=100):
        self.api = api
        self.home = f"/v1/tenants/{tenant_id}"
        self.limit = limit
        self.follower = None

    async def begin(self):
        """Learn the types and take a snapshot."""
        types = (await self.api.get("/v1/event-types")).json()["items"]
        known = {told["type"]: (told["kind"], told["key"]) for told in types}
        follower = Follower(known)
        follower.begin(await self.snapshot())
        self.follower = follower

    async def snapshot(self):
        answer = await self.api.get(f"{self.home}/snapshot")
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)
        return [json.loads(line) for line in answer.content.splitlines()]

    async def step(self, *, wait=0):
        """One page; how many events it had. A log that begins later demands a fresh snapshot."""
        query = {"after": self.follower.number, "limit": self.limit, "wait": wait}
        answer = await self.api.get(f"{self.home}/events", params=query)
        if answer.status_code == 410:
            await self.begin()
            return 0
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for event in page["items"]:
            self.follower.hear(event)
        assert page["next"] == self.follower.number <= page["last"]
        return len(page["items"])

    async def is_right(self):
        """Whether the present, as a snapshot tells it, is what has been followed to; then nothing differs."""
        await catch_up(self)
        assert self.follower.differs_from(await self.snapshot()) == []
