"""Findings for people and for programs."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import click
import msgspec

from service.doctor.findings import Finding, Level

_COLOURS: Final[dict[Level, str]] = {"ok": "green", "hint": "cyan", "warning": "yellow", "error": "red"}
_INDENT = " " * 9


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All findings; `ok` is what the exit code says."""

    findings: list[Finding]
    ok: bool


def make_report(findings: Sequence[Finding], *, strict: bool) -> Report:
    """Judge findings: errors fail, and warnings too when `strict`."""
    failing = {"error", "warning"} if strict else {"error"}
    return Report(findings=list(findings), ok=not any(finding.level in failing for finding in findings))


def print_report(report: Report) -> None:
    """Print a line for each finding, with cause and remedy below those that are not `ok`.

    In colour on a terminal only.
    """
    for finding in report.findings:
        level = click.style(f"{finding.level:<7}", fg=_COLOURS[finding.level])
        click.echo(f"{level}  {finding.check}  {_on_one_line(finding.message)}")
        if finding.cause is not None:
            click.echo(f"{_INDENT}cause:  {finding.cause}")
        if finding.remedy is not None:
            click.echo(f"{_INDENT}remedy: {finding.remedy}")
    counts = Counter(finding.level for finding in report.findings)
    click.echo(
        f"\n{counts['ok']} ok, {_number(counts['hint'], 'hint')}, {_number(counts['warning'], 'warning')}, "
        f"{_number(counts['error'], 'error')}."
    )


def print_json(report: Report) -> None:
    """Print one JSON object."""
    click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _on_one_line(text: str) -> str:
    # What servers elsewhere say may hold anything.
    return "".join(character if character.isprintable() else " " for character in text)
