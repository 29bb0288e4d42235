"""The clock of this machine against those of the servers."""

from datetime import UTC, datetime, timedelta

import pytest

from service.doctor.clock import check_database_clock, check_redis_clock
from service.doctor.redis import open_redis


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0, "ok"), (4, "ok"), (-4, "ok"), (7, "warning"), (-28, "warning"), (32, "error"), (-3600, "error")],
)
async def test_a_clock_that_is_wrong_is_told_before_the_marketplace_refuses_it(installation, seconds, level):
    def clock():
        return datetime.now(UTC) + timedelta(seconds=seconds)

    async with installation.inspected(), open_redis(installation.settings.redis_url) as redis:
        findings = [*await check_database_clock(clock), *await check_redis_clock(clock, redis)]
    assert [finding.check for finding in findings] == ["clock.database", "clock.redis"]
    for finding in findings:
        assert finding.level == level
        told = finding.message.split()
        assert float(told[3]) == pytest.approx(abs(seconds), abs=1)
        assert seconds == 0 or told[5] == ("ahead" if seconds > 0 else "behind")
