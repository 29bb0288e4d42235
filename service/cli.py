"""The `tenon` command."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import click
import uvloop

from service.demo import run_demo
from service.doctor.command import doctor
from service.embedded import start_embedded
from service.local_account import EmbeddedUnavailable
from service.logs import configure_logs, ignore_level_signals, level_changed_by_signal
from service.metrics.listener import open_listener
from service.migrate import migrate, pending_migrations
from service.runtime import system_clock
from service.serve import ready_settings, serve
from service.settings import Settings, SettingsInvalid, read_settings
from service.simulator.commands import scorecard, simulate
from service.wiring import open_runtime
from service.worker import work
from sso.connection_secrets import reseal_connections
from sso.signing_keys import replace_signing_keys, reseal_signing_keys, rotate_signing_keys
from tenancy.acts import Act
from tenancy.database import close_database, open_database
from tenancy.errors import DomainError
from tenancy.event_objects import SigningKeyFact
from tenancy.resealing import reseal_secrets
from tenancy.tokens import Role, make_token, revoke_token

T = TypeVar("T")

_BROKEN_OFF = 128 + signal.SIGTERM


def main() -> None:
    """Run the command; what goes wrong is one clear sentence on standard error."""
    # Leaving by the ordinary way lets everything that was started be stopped again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except SettingsInvalid as error:
        click.echo("The settings are not valid:\n" + "\n".join(error.problems), err=True)
        sys.exit(1)
    except (DomainError, EmbeddedUnavailable) as error:
        click.echo(str(error), err=True)
        sys.exit(1)


@click.group()
@click.version_option(package_name="tenon")
def cli() -> None:
    """Tenon: enterprises, departments, members and who may use what, kept in step with a marketplace."""


@cli.command("serve")
def serve_command() -> None:
    """Serve HTTP, with the worker inside unless TENON_WORKER=off."""
    settings = _settings()
    serve(settings)


@cli.command("demo")
@click.option("--once", is_flag=True, help="Print the summary and exit.")
def demo_command(*, once: bool) -> None:
    """Show the whole main job on this machine, with a simulated marketplace."""
    settings = read_settings(os.environ)
    configure_logs(format=settings.log_format, level="warning")
    run_demo(settings, once=once)


@cli.command("work")
def work_command() -> None:
    """Run the worker only."""

    async def run(settings: Settings) -> None:
        task = asyncio.current_task()
        assert task is not None
        # Leaving by cancellation, not by an exception out of nowhere, lets what is under way be finished.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        async with open_runtime(settings) as runtime, open_listener(runtime):
            with (
                contextlib.suppress(asyncio.CancelledError),
                level_changed_by_signal(level=settings.log_level),
            ):
                await work(runtime)

    ignore_level_signals()
    with ready_settings(_settings()) as settings:
        _run(run(settings))


@cli.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when the database is behind.")
def migrate_command(*, check: bool) -> None:
    """Bring the database up to date; safe to run twice and at once."""
    # Whoever waits for it must not take what was broken off for done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_BROKEN_OFF))
    settings = _settings(for_migrating=True)
    if settings.database_url is not None and settings.migration_database_url is None:
        raise click.UsageError("Set TENON_MIGRATION_DATABASE_URL to the role that owns the tables.")
    if settings.database_url is None:
        with start_embedded(settings.data_dir, valkey=False) as embedded:
            _migrate(embedded.migration_database_url, embedded.database_url, check=check)
    else:
        _migrate(settings.migration_database_url, settings.database_url, check=check)


def _migrate(owner_url: str | None, serving_url: str | None, *, check: bool) -> None:
    assert owner_url is not None

    async def find_pending() -> list[str]:
        await open_database(owner_url, pool_size=2)
        try:
            return await pending_migrations()
        finally:
            await close_database()

    if check:
        pending = _run(find_pending())
        if pending:
            raise click.ClickException(f"The database lacks {', '.join(pending)}; run `tenon migrate`.")
        click.echo("The database is up to date.")
        return
    applied = _run(migrate(owner_url, serving_url=serving_url))
    click.echo(f"Applied {', '.join(applied)}." if applied else "The database is up to date.")


@cli.group()
def token() -> None:
    """Tokens of the API."""


@token.command("create")
@click.option("--role", type=click.Choice(["operator", "reader"]), required=True)
@click.option("--tenant", type=click.UUID, help="Only this tenant exists for the token.")
def create_token(role: Role, tenant: UUID | None) -> None:
    """Print a new token, once; only its hash is kept."""

    async def run(settings: Settings) -> str:
        async with open_runtime(settings):
            return await make_token(role=role, tenant_id=tenant, act=_command())

    with ready_settings(_settings()) as settings:
        click.echo(_run(run(settings)))


@token.command("revoke")
@click.argument("name")
def revoke_token_command(name: str) -> None:
    """Make a token useless at once; NAME is the subject of its `token.made` in the audit."""

    async def run(settings: Settings) -> None:
        async with open_runtime(settings):
            await revoke_token(name, act=_command())

    with ready_settings(_settings()) as settings:
        _run(run(settings))
    click.echo(f"The token {name} is of no use any more.")


@cli.group()
def keys() -> None:
    """Encryption keys, and the keys that sign tokens."""


@keys.command("rotate")
@click.option("--keep-signing-keys", is_flag=True, help="Encrypt anew only; make no new signing keys.")
@click.option(
    "--withdraw-signing-keys", is_flag=True, help="The old ones may have been stolen: drop them at once."
)
def rotate_keys(*, keep_signing_keys: bool, withdraw_signing_keys: bool) -> None:
    """Encrypt all stored secrets anew under the first of TENON_ENCRYPTION_KEYS, and make new signing keys."""
    if keep_signing_keys and withdraw_signing_keys:
        raise click.UsageError("Signing keys are either kept or withdrawn.")

    async def run(settings: Settings) -> tuple[dict[str, int], list[SigningKeyFact]]:
        async with open_runtime(settings) as runtime:
            keyring = runtime.keyring
            others = {
                "connections": await reseal_connections(keyring=keyring),
                "signing_keys": await reseal_signing_keys(keyring=keyring),
            }
            done = await reseal_secrets(keyring=keyring, act=_command(), resealed=others)
            if keep_signing_keys:
                return done, []
            if withdraw_signing_keys:
                return done, await replace_signing_keys(keyring=keyring, act=_command())
            return done, await rotate_signing_keys(keyring=keyring, act=_command())

    with ready_settings(_settings()) as settings:
        done, made = _run(run(settings))
    counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in done.items())
    click.echo(f"Encrypted the secrets of {counts} under the first key.")
    for key in made:
        start = key.active_at.isoformat(sep=" ", timespec="minutes")
        click.echo(f"Made the {key.algorithm} key {key.id}, which signs tokens from {start} on.")
    if not made and not keep_signing_keys:
        click.echo("The newest signing keys do not sign yet, so no others were made.")


cli.add_command(doctor)
cli.add_command(simulate)
cli.add_command(scorecard)


def _command() -> Act:
    """What the audit says of somebody who runs this command."""
    return Act(actor="operator:command-line", at=system_clock())


def _settings(*, for_migrating: bool = False) -> Settings:
    settings = read_settings(os.environ, for_migrating=for_migrating)
    configure_logs(format=settings.log_format, level=settings.log_level)
    return settings


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(coroutine)
