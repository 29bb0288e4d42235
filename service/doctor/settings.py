"""The settings: valid as a whole, and whether the servers are those of a laptop."""

from collections.abc import Sequence

from service.doctor.findings import Finding, Trouble, ok
from service.settings import Settings

VALID = "settings.valid"
SERVERS = "settings.servers"
CHECKS = (VALID, SERVERS)

INVALID = Trouble(
    check=VALID,
    level="error",
    cause="A variable of the environment is missing, misspelt or has a value that cannot be.",
    remedy="Correct the variable; the table of settings in README.md says what each one takes.",
)
EMBEDDED = Trouble(
    check=SERVERS,
    level="hint",
    cause="Without a URL of its own a server runs on this machine only, from TENON_DATA_DIR.",
    remedy="For production set TENON_DATABASE_URL and TENON_REDIS_URL.",
)
NOT_STARTED = Trouble(
    check=SERVERS,
    level="error",
    cause="TENON_DATABASE_URL or TENON_REDIS_URL is not set, and the embedded server does not start.",
    remedy="Do as the message says, or set both to servers of your own.",
)


def list_problems(problems: Sequence[str]) -> list[Finding]:
    """All that is wrong with settings which could not be read."""
    return [INVALID.found(problem) for problem in problems]


def check_settings(settings: Settings) -> list[Finding]:
    """Look at settings as they were given, before embedded servers have completed them."""
    embedded = [
        name
        for name, url in (("PostgreSQL", settings.database_url), ("Valkey", settings.redis_url))
        if url is None
    ]
    servers = (
        EMBEDDED.found(f"The embedded {' and '.join(embedded)} in {settings.data_dir} are used.")
        if embedded
        else ok(SERVERS, "PostgreSQL and Redis are servers of their own.")
    )
    return [ok(VALID, "All settings are valid."), servers]
