"""Sign-ins, refreshes and introspections, beside their cryptography and a route with their round trips."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import msgspec

from bench.auth_centres import AuthCentre, running_auth_centre
from bench.bare_trips import BARE_ANSWER, bare_requests, keep_bare_session, serving_trips
from bench.ratios import Comparison, spread
from bench.round_trips import Trips, last_change, relaying
from bench.servers import Server
from bench.sign_in_cryptography import cryptography
from bench.sign_in_places import MEMBERS, Place, make_client, make_places
from bench.talkers import hold
from bench.talks import SIGN_IN_REQUESTS, AnyTalk, Client, Fixed, Refreshes, SignIns, Visitor
from service.serve import ready_settings, serving_environment
from service.settings import Settings, read_settings

# The auth centre is on loopback without TLS.
SETTINGS = {"TENON_WORKER": "off", "TENON_SIGN_IN_HTTP": "on", "TENON_SIGN_IN_PRIVATE": "on"}

_CONNECTIONS = 32
_CALLS = 30  # refreshes or introspections on each connection and round
_SIGN_INS = 5  # on each connection and round
_ROUNDS = 7
_COUNTED = 20  # of each, one after the other, while their round trips are counted
_AIM = 0.7
_SIGN_IN, _REFRESH, _INTROSPECTION = "sign-in", "refresh", "introspection"


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What of the token endpoint's answer is used."""

    access_token: str
    refresh_token: str


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: makes so many for each connection; `requests` of HTTP belong to one."""

    name: str
    count: int
    requests: int
    talk: Callable[[int], AnyTalk]


class Bench:
    """Makes the talks with people of all enterprises; keeps the tokens of the last ones signed in."""

    def __init__(self, product: str, places: Sequence[Place], client: Client, centre: AuthCentre) -> None:
        self.places = places
        self._product, self._client, self._centre = product, client, centre
        self._dice = random.Random(7)
        self._tokens: Iterator[Tokens] = iter(())

    def sign_everybody_in(self, port: int) -> None:
        """Sign each in once: the first time links the account, which is another matter."""
        people = [(place, number) for place in self.places for number in range(1, MEMBERS + 1)]
        self._dice.shuffle(people)
        hold(port, [self._visits(people[part::_CONNECTIONS]) for part in range(_CONNECTIONS)])

    def sign_ins(self, count: int) -> AnyTalk:
        """Sign-ins of anybody."""
        return self._visits(
            [(self._dice.choice(self.places), self._dice.randint(1, MEMBERS)) for _ in range(count)]
        )

    def refreshes(self, count: int) -> AnyTalk:
        """Refreshes of one of the sign-ins that were kept."""
        return Refreshes(client=self._client, refresh_token=next(self._tokens).refresh_token, count=count)

    def introspections(self, count: int) -> AnyTalk:
        """Introspections of the access token of one of them."""
        request = self._client.call("introspect", token=next(self._tokens).access_token)
        return Fixed(requests=[request] * count, mark=b'"active":true')

    def keep(self, results: Sequence[str]) -> None:
        """Use these answers of the token endpoint from now on."""
        self._tokens = iter([msgspec.json.decode(each, type=Tokens) for each in results])

    def _visits(self, people: Sequence[tuple[Place, int]]) -> SignIns:
        codes = self._centre.make_codes([(place.client_id, f"member{number}") for place, number in people])
        visitors = [
            Visitor(tenant_id=str(place.tenant_id), external_id=place.external_id, code=code)
            for (place, _), code in zip(people, codes, strict=True)
        ]
        return SignIns(client=self._client, product=self._product, visitors=visitors)


def sign_ins(server: Server) -> list[str]:
    """Measure all three."""
    with running_auth_centre() as centre, ready_settings(read_settings(server.environ)) as settings:
        places = asyncio.run(make_places(server, centre))
        client = make_client(server)
        bench = Bench(server.marketplace.product, places, client, centre)
        assert settings.redis_url is not None
        keep_bare_session(settings.redis_url, places[0].member_id)
        works = [
            Work(name=_SIGN_IN, count=_SIGN_INS, requests=SIGN_IN_REQUESTS, talk=bench.sign_ins),
            Work(name=_REFRESH, count=_CALLS, requests=1, talk=bench.refreshes),
            Work(name=_INTROSPECTION, count=_CALLS, requests=1, talk=bench.introspections),
        ]
        trips = _count_trips(server, settings, bench, works)
        with serving_trips(server, {}) as both:
            return _compare(both, bench, works, trips)


def _compare(server: Server, bench: Bench, works: Sequence[Work], trips: dict[str, Trips]) -> list[str]:
    proofs = cryptography()
    place = bench.places[0]
    measured: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(_ROUNDS + 1):
        for work in works:
            requests = bare_requests(trips[work.name], work.requests, place.tenant_id, place.member_id)
            bare = Fixed(requests=requests * work.count, mark=BARE_ANSWER)
            sides = {
                "bare": [bare] * _CONNECTIONS,
                "ours": [work.talk(work.count) for _ in range(_CONNECTIONS)],
            }
            found = {"alone": proofs[work.name]()}
            for side, talks in sides.items():
                processor = server.cpu_seconds()
                held = hold(server.port, talks)
                total = _CONNECTIONS * work.count
                found[side] = total / held.seconds
                found[f"{side} processor"] = (server.cpu_seconds() - processor) / total * 1000
            if work.name != _INTROSPECTION:
                bench.keep(held.results)
            if number:  # the first round warms up
                for what, value in found.items():
                    measured[work.name, what].append(value)
    return [
        line
        for work in works
        for line in _tell(work, trips[work.name], lambda what, name=work.name: measured[name, what])
    ]


def _tell(work: Work, trips: Trips, measured: Callable[[str], list[float]]) -> list[str]:
    aim = None if work.name == _SIGN_IN else _AIM
    return [
        f"{work.name}: {trips}",
        str(
            Comparison(
                name=f"{work.name}; the limit is a bare route with the same round trips",
                unit="/s",
                limit=measured("bare"),
                ours=measured("ours"),
                at_least=aim,
            )
        ),
        f"    processor time of the serving process: limit {spread(measured('bare processor'), 'ms')}",
        f"    ours {spread(measured('ours processor'), 'ms')}",
        str(
            Comparison(
                name=f"{work.name}; the limit is its cryptography alone, one core",
                unit="/s",
                limit=measured("alone"),
                ours=measured("ours"),
            )
        ),
    ]


def _count_trips(server: Server, settings: Settings, bench: Bench, works: Sequence[Work]) -> dict[str, Trips]:
    """Let a server of its own reach its databases through relays, and count while nothing else happens."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    counted = {}
    with (
        relaying(settings.database_url) as database,
        relaying(settings.redis_url) as redis,
        serving_trips(
            server,
            serving_environment(
                msgspec.structs.replace(settings, database_url=database.url, redis_url=redis.url)
            ),
        ) as counting,
    ):
        bench.sign_everybody_in(counting.port)
        for work in works:
            talk = work.talk(_COUNTED)
            before = (redis.messages, database.messages, database.commits, last_change(server.superuser_url))
            held = hold(counting.port, [talk])
            after = (redis.messages, database.messages, database.commits, last_change(server.superuser_url))
            # A client that is remembered for a moment, and the like, are less than half a trip of each.
            each = [round((late - early) / _COUNTED) for early, late in zip(before, after, strict=True)]
            if work.name != _INTROSPECTION:
                bench.keep(held.results)
            counted[work.name] = Trips(
                redis=each[0], transactions=each[2], statements=each[1] - 2 * each[2], writing=each[3]
            )
    return counted
