"""The tables: brought up to date by this program, and closed between tenants."""

from service.doctor.findings import Finding, Trouble, found_or_ok, ok
from service.migrate import known_migrations, pending_migrations
from service.piccolo_app import APP_CONFIG
from tenancy.inspection import applied_migrations
from tenancy.isolation import IsolationFacts, inspect_isolation

MIGRATIONS = "database.migrations"
ISOLATION = "database.isolation"
CHECKS = (MIGRATIONS, ISOLATION)

BEHIND = Trouble(
    check=MIGRATIONS,
    level="error",
    cause="The database was made or last brought up to date by an older version of Tenon.",
    remedy="Run `tenon migrate` under the owning role; then start the processes.",
)
AHEAD = Trouble(
    check=MIGRATIONS,
    level="warning",
    cause="A newer version of Tenon has changed the database; this one does not know those changes.",
    remedy="Run the newer version here too, unless an upgrade is under way at this moment.",
)
NOT_FORCED = Trouble(
    check=ISOLATION,
    level="error",
    cause="Somebody has altered the table: its row-level security is not enabled and forced.",
    remedy="As the owner: ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY.",
)
OPEN_POLICY = Trouble(
    check=ISOLATION,
    level="error",
    cause="Somebody has added or altered a policy so that it does not ask for the tenant.",
    remedy="As the owner: DROP POLICY for all but those named after the table by `tenon migrate`.",
)
SILENT = Trouble(
    check=ISOLATION,
    level="error",
    cause="A query that forgot its tenant is answered instead of refused.",
    remedy="Mend the role and the row-level security that other findings name; serve nobody until then.",
)
LEAKING = Trouble(
    check=ISOLATION,
    level="error",
    cause="One tenant can read rows of another one.",
    remedy="Stop serving, mend the role and the policies that other findings name, and try again.",
)
UNTRIED = Trouble(
    check=ISOLATION,
    level="error",
    cause="The role may read no table, so that nothing could be tried.",
    remedy="Run `tenon migrate`, which grants the role of TENON_DATABASE_URL what it needs.",
)


async def check_migrations() -> list[Finding]:
    """Compare what the database has been through with what this program knows.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    pending = await pending_migrations()
    if pending:
        return [BEHIND.found(f"The database lacks {', '.join(pending)}.")]
    applied = await applied_migrations(APP_CONFIG.app_name)
    unknown = sorted(set(applied) - set(known_migrations()))
    if unknown:
        return [AHEAD.found(f"Unknown to this version: {', '.join(unknown)}.")]
    return [ok(MIGRATIONS, f"Up to date: {applied[-1]}.")]


async def check_isolation() -> list[Finding]:
    """Try out whether tenants are closed off from each other.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: the role may not look.
    """
    return judge_isolation(await inspect_isolation())


def judge_isolation(facts: IsolationFacts) -> list[Finding]:
    """Say what was seen when it was tried."""
    if not facts.tables:
        return [UNTRIED.found("No table of tenants can be read.")]
    seen = (
        (NOT_FORCED, facts.unforced, "Without forced row-level security"),
        (OPEN_POLICY, facts.open, "With a policy that does not ask for the tenant"),
        (SILENT, facts.silent, "Answered outside every scope"),
        (LEAKING, facts.leaking, "Showed rows of another tenant"),
    )
    findings = [trouble.found(f"{what}: {', '.join(tables)}.") for trouble, tables, what in seen if tables]
    return found_or_ok(
        ISOLATION, findings, f"Tried on {len(facts.tables)} tables: each shows a tenant its own rows only."
    )
