"""The simulated auth centre of some enterprises, in a process of its own.

`python -m bench.auth_centres` prints its URL and reads the enterprises as JSON. For each list of visitors
that it then reads, as (client id, user name), it prints a code for each.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import uvloop

from service.simulator.auth_centre import open_auth_centre
from service.simulator.buyers import make_buyer
from service.simulator.enterprises import Enterprise
from service.simulator.organisations import Member


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise with so many accounts `member1`, `member2` …"""

    external_id: str
    client_id: str
    client_secret: str
    members: int


class AuthCentre:
    """The process; made by `running_auth_centre`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asking, self._answers = process.stdin, process.stdout
        self.url = self._answers.readline().decode().strip()

    def admit(self, enterprises: Sequence[Admitted]) -> None:
        """Serve these enterprises from now on."""
        self._ask(enterprises)

    def make_codes(self, visitors: Sequence[tuple[str, str]]) -> list[str]:
        """A code for each visitor, as (client id, user name); good for five minutes."""
        return msgspec.json.decode(self._ask(visitors), type=list[str])

    def _ask(self, question: object) -> bytes:
        self._asking.write(msgspec.json.encode(question) + b"\n")
        self._asking.flush()
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError("The auth centre has ended.")
        return answer


@contextmanager
def running_auth_centre() -> Iterator[AuthCentre]:
    """An auth centre that lets everybody in."""
    command = [sys.executable, "-m", "bench.auth_centres"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield AuthCentre(process)  # its input ends with the block, and it with that


async def _serve() -> None:
    async with open_auth_centre() as centre:
        print(centre.url, flush=True)
        for each in msgspec.json.decode(await _next_line(), type=list[Admitted]):
            centre.admit(_describe(each, centre.url))
        print("[]", flush=True)
        while line := await _next_line():
            codes = [
                centre.tickets.issue_code(client_id=client_id, user_name=user_name)
                for client_id, user_name in msgspec.json.decode(line, type=list[tuple[str, str]])
            ]
            print(msgspec.json.encode(codes).decode(), flush=True)


async def _next_line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


def _describe(admitted: Admitted, url: str) -> Enterprise:
    buyer = msgspec.structs.replace(
        make_buyer(admitted.external_id, name="星河制造有限公司", short_name="bench"),
        tenant_id=admitted.external_id,
        client_id=admitted.client_id,
        client_secret=admitted.client_secret,
        domain_name=url,
    )
    names = [f"member{number}" for number in range(1, admitted.members + 1)]
    return Enterprise(buyer=buyer, login_url="", members={name: _person(name) for name in names})


def _person(user_name: str) -> Member:
    return Member(
        user_name=user_name,
        name="员工",
        department_code="R",
        position="",
        role="user",
        enabled=True,
        employee_code="",
        employee_type=1,
        mobile="",
        email="",
        work_place="",
        entry_date="",
    )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
