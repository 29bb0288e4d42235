"""Rounds of measurements, each beside its limit, and how they are told."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured round by round, `ours` right after its `limit`; `at_most` and `at_least` are targets.

    The ratio is that of the medians; its range is that of the single rounds.
    """

    name: str
    unit: str
    limit: Sequence[float]
    ours: Sequence[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        """Ours to the limit."""
        return statistics.median(self.ours) / statistics.median(self.limit)

    def __str__(self) -> str:
        rounds = [ours / limit for ours, limit in zip(self.ours, self.limit, strict=True)]
        return (
            f"{self.name}\n"
            f"    limit {spread(self.limit, self.unit)}\n"
            f"    ours  {spread(self.ours, self.unit)}\n"
            f"    ratio {self.ratio:.2f} ({min(rounds):.2f}..{max(rounds):.2f}){self._verdict()}"
        )

    def _verdict(self) -> str:
        if self.at_most is not None:
            return (
                f", target ≤ {self.at_most:g}: {'reached' if self.ratio <= self.at_most else 'NOT REACHED'}"
            )
        if self.at_least is not None:
            return (
                f", target ≥ {self.at_least:g}: {'reached' if self.ratio >= self.at_least else 'NOT REACHED'}"
            )
        return ""


def spread(values: Sequence[float], unit: str) -> str:
    """Median and range of some measurements."""
    digits = {"s": 3, "ms": 2}.get(unit, 0)
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f}..{high:,.{digits}f}, {len(values)} rounds)"


def describe_machine(postgres_version: str) -> str:
    """One line on what this was measured on, and when."""
    memory = next(
        int(line.split()[1]) / 1024**2
        for line in Path("/proc/meminfo").read_text("utf-8").splitlines()
        if line.startswith("MemTotal:")
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({platform.machine()}), "
        f"{memory:.0f} GiB, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"PostgreSQL {postgres_version}; load {os.getloadavg()[0]:.1f} at the start"
    )
