"""The database server: reachable, new enough, entered by a safe role, and as our connections need it."""

from service.doctor.findings import Finding, Trouble, found_or_ok, ok
from tenancy.inspection import ServerFacts, inspect_serving_role

REACHABLE = "database.reachable"
VERSION = "database.version"
WRITABLE = "database.writable"
ROLE = "database.role"
SESSION = "database.session"
CONNECTIONS = "database.connections"
DURABILITY = "database.durability"
CHECKS = (REACHABLE, VERSION, WRITABLE, ROLE, SESSION, CONNECTIONS, DURABILITY)

_OLDEST_MAJOR = 16
# In the server's own numbering of versions.
_MAJOR = 10_000

AWAY = Trouble(
    check=REACHABLE,
    level="error",
    cause="No server answers at the host and port, or it refuses the role, its password or the database.",
    remedy="Try TENON_DATABASE_URL with psql from the same machine or pod, and mend what it says.",
)
TOO_OLD = Trouble(
    check=VERSION,
    level="error",
    cause="Before version 16 a role cannot be let become another one without inheriting its rights.",
    remedy="Upgrade PostgreSQL to version 16 or newer.",
)
READ_ONLY = Trouble(
    check=WRITABLE,
    level="error",
    cause="The URL leads to a standby, or the database or the role is set to read only.",
    remedy="Let TENON_DATABASE_URL lead to the primary, and set default_transaction_read_only to off.",
)
UNFIT_ROLE = Trouble(
    check=ROLE,
    level="error",
    cause="The role of TENON_DATABASE_URL could get past row-level security, or lacks a grant.",
    remedy="Serve under an ordinary role and let `tenon migrate` grant it what it needs.",
)
SESSION_CHANGED = Trouble(
    check=SESSION,
    level="warning",
    cause="A pooler between Tenon and the server does not hand on what a connection asks for.",
    remedy="Connect to the server itself, or let the pooler hand on the parameters of connections.",
)
TOO_FEW_CONNECTIONS = Trouble(
    check=CONNECTIONS,
    level="warning",
    cause="The pools of this instance's processes together are larger than what the server lets in.",
    remedy="Raise max_connections or the limit of the role, or lower TENON_DATABASE_POOL or TENON_WORKERS.",
)
NARROW_CONNECTIONS = Trouble(
    check=CONNECTIONS,
    level="hint",
    cause="An upgrade runs old and new instances side by side, each with its own pools.",
    remedy="Leave room for twice the pools of all instances, those that only work included.",
)
RISKY = Trouble(
    check=DURABILITY,
    level="warning",
    cause="The server says that something is committed before it is safe on its disk.",
    remedy="Set synchronous_commit, fsync and full_page_writes to on: what was answered must not be lost.",
)


def check_server(facts: ServerFacts, *, pool: int, processes: int) -> list[Finding]:
    """Look at what the server says; `pool` connections are kept by each of `processes`."""
    return [
        ok(REACHABLE, "The server answers and lets the role in."),
        _version(facts),
        READ_ONLY.found("The database takes no changes.")
        if facts.is_read_only
        else ok(WRITABLE, "The database takes changes."),
        SESSION_CHANGED.found(f"Not in force as asked for: {', '.join(facts.changed)}.")
        if facts.changed
        else ok(SESSION, "Time zone and time limits of connections are as asked for."),
        _connections(facts.connections, pool=pool, processes=processes),
        RISKY.found(f"Off: {', '.join(facts.risky)}.")
        if facts.risky
        else ok(DURABILITY, "What is committed is on disk."),
    ]


def is_new_enough(facts: ServerFacts) -> bool:
    """Whether Tenon can run on the server at all."""
    return facts.version_number // _MAJOR >= _OLDEST_MAJOR


async def check_role() -> list[Finding]:
    """Look at whether the connected role is safe to serve under.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    findings = [
        UNFIT_ROLE.found(f"{finding.problem} {finding.remedy}") for finding in await inspect_serving_role()
    ]
    return found_or_ok(ROLE, findings, "The serving role cannot get past row-level security.")


def _version(facts: ServerFacts) -> Finding:
    if is_new_enough(facts):
        return ok(VERSION, f"PostgreSQL {facts.version}.")
    return TOO_OLD.found(f"PostgreSQL {facts.version} is older than {_OLDEST_MAJOR}.")


def _connections(available: int, *, pool: int, processes: int) -> Finding:
    needed = pool * processes
    message = f"{needed} connections of this instance ({processes} x {pool}), {available} to be had."
    if needed > available:
        return TOO_FEW_CONNECTIONS.found(message)
    return NARROW_CONNECTIONS.found(message) if 2 * needed > available else ok(CONNECTIONS, message)
