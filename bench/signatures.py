"""Signature check and decoding alone, beside an empty route of the same server."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from bench.calls import APP_ID, KIT_KEY, Enterprise, http_request, sign, wire_time
from bench.lists import department_lists
from bench.load import run_load
from bench.ratios import Comparison
from bench.servers import Server
from service.koogallery.calls import Call, Proven
from service.koogallery.canonical import canonical, parse_object
from service.koogallery.directory import read_kit_call
from service.koogallery.signing import sign_kit, verify_kit
from service.runtime import Runtime
from service.simulator.calls import Edition
from service.simulator.kit_calls import ADD, user
from service.simulator.organisations import make_organisation
from tenancy.products import Product, ProductSecrets, ProductSettings
from tenancy.pushes import Push

_CONNECTIONS = 32
_CALLS = 100  # on each connection and round
_ROUNDS = 5


def signatures(server: Server) -> list[str]:
    """Measure the door over HTTP, then its functions alone."""
    enterprise = server.marketplace.open_enterprise()
    return [*_over_http(server, enterprise), *_in_process(enterprise)]


def _over_http(server: Server, enterprise: Enterprise) -> list[str]:
    fields = {"orgCode": "D1", "orgName": "研发部", "parentCode": "", "flag": 1}
    path, body = enterprise.call("singleOrgSync", datetime.now(UTC), **fields)
    payload = canonical(body)
    rates: dict[str, list[float]] = {"empty": [], "unknown": [], "replayed": [], "forged": []}
    for _ in range(_ROUNDS):
        # One genuine call spends the nonce; all that follow are verified and then refused in Valkey.
        replayed = sign(path, body, payload)
        run_load(server.port, [[replayed]])
        unknown = path.replace(enterprise.product, "no-such-product")
        for name, request in (
            ("empty", http_request("GET", "/health/live")),
            ("unknown", sign(unknown, body, payload)),
            ("replayed", replayed),
            ("forged", sign(path, body, payload, key="not-the-key-of-this-product")),
        ):
            load = run_load(server.port, [[request] * _CALLS] * _CONNECTIONS)
            if load.accepted:
                raise RuntimeError(f"{load.accepted} calls were accepted that should have been refused.")
            rates[name].append(load.rate)
    return [
        str(
            Comparison(
                name=f"{what}; the limit is GET /health/live",
                unit="/s",
                limit=rates["empty"],
                ours=rates[name],
            )
        )
        for name, what in (
            ("unknown", "POST for an unknown product (neither key nor signature)"),
            (
                "replayed",
                "POST with the right signature and a spent nonce (first candidate fits, one trip to Valkey)",
            ),
            ("forged", "POST with a wrong key (all candidates are tried)"),
        )
    ]


def _in_process(enterprise: Enterprise) -> list[str]:
    people = make_organisation(departments=200, members=500, seed=7, language="zh").members
    rows = next(department_lists(100_000, changed=0.01, seed=7))
    now = datetime.now(UTC)
    calls: dict[str, dict[str, Any]] = {
        "singleOrgSync": {"orgCode": "D1", "orgName": "研发部", "parentCode": "", "flag": 1},
        "authSync": {
            "appId": APP_ID,
            "userList": [user(Edition.V2, member) for member in people],
            "currentSyncTime": wire_time(now),
            "flag": ADD,
        },
        "allOrgSync": {
            "orgInfoList": [
                {"orgCode": code, "orgName": name, "parentCode": parent or ""} for code, name, parent in rows
            ]
        },
    }
    lines = ["in process, one core:"]
    for interface, fields in calls.items():
        _, body = enterprise.call(interface, now, **fields)
        check, read = _door(enterprise, interface, body)
        checked, done = _rate(check), _rate(read)
        lines.append(
            f"    {interface} ({len(body):,} bytes): signature check {checked:,.1f}/s"
            f" ({checked * len(body) / 1e6:,.0f} MB/s), decoding into facts {done:,.1f}/s"
            f" ({done * len(body) / 1e6:,.0f} MB/s), both {1 / (1 / checked + 1 / done):,.1f}/s"
        )
    return lines


def _door(
    enterprise: Enterprise, interface: str, body: bytes
) -> tuple[Callable[[], object], Callable[[], object]]:
    """The two steps of the door on one call: proving it, and reading it."""
    now = datetime.now(UTC)
    signed = {"nonce": "n" * 32, "timestamp": str(time.time_ns() // 1_000_000)}
    signature = sign_kit(KIT_KEY, **signed, payload=canonical(body))
    product = Product(
        slug=enterprise.product,
        name="Benchmark",
        settings=ProductSettings(),
        secrets=ProductSecrets(kit_keys=(KIT_KEY,)),
        revision=1,
        created_at=now,
        updated_at=now,
    )
    call = Call(product=product, edition="V2", is_kit=True, query={}, headers={}, body=body)

    def check() -> Proven:
        members = parse_object(body)
        verified = verify_kit((KIT_KEY,), **signed, signature=signature, body=body, members=members)
        assert verified is not None
        return Proven(call=call, members=members, verified=verified, received_at=now)

    proven = check()
    unused = cast("Runtime", None)  # these interfaces are read without it

    def read() -> object:
        push = Push(
            id=uuid4(),
            product=product.slug,
            edition="V2",
            interface=interface,
            signed_as="sorted",
            received_at=now,
            started=0.0,
            size=len(body),
        )
        return read_kit_call(interface, proven, push, unused)

    return check, read


def _rate(step: Callable[[], object]) -> float:
    """Runs per second, the median of several stretches."""
    times = []
    for _ in range(5):
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < 0.3:
            step()
            count += 1
        times.append(count / (time.perf_counter() - started))
    return statistics.median(times)
