"""Counts and times of the calls that were made, and one printed line for each."""

from collections.abc import Callable

from rich.table import Table

from service.simulator.calls import Answer, printable


class Tally:
    """Hears answers while a scenario plays."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """Print each answer's line with `write`."""
        self._write = write
        self.answers: list[Answer] = []

    def hear(self, answer: Answer) -> None:
        """Print and count one answer."""
        self.answers.append(answer)
        call = answer.call
        mark = "ok " if answer.as_expected else "BAD"
        note = f"  ({call.note})" if call.note else ""
        wanted = "" if answer.as_expected else f"  expected {' or '.join(call.expected)}"
        times = f"  in {answer.attempts} attempts" if answer.attempts > 1 else ""
        milliseconds = answer.seconds * 1000
        self._write(
            f"{mark} {call.name:20} {milliseconds:8.1f} ms  {printable(answer.summary)}{note}{wanted}{times}"
        )

    @property
    def all_as_expected(self) -> bool:
        """Whether every answer was one that a correct vendor gives."""
        return all(answer.as_expected for answer in self.answers)

    def table(self) -> Table:
        """Show counts and times by kind of call."""
        table = Table()
        table.add_column("call")
        for heading in ("calls", "unexpected", "mean ms", "slowest ms"):
            table.add_column(heading, justify="right")
        for name in dict.fromkeys(answer.call.name for answer in self.answers):
            own = [answer for answer in self.answers if answer.call.name == name]
            times = [answer.seconds * 1000 for answer in own]
            unexpected = sum(not answer.as_expected for answer in own)
            mean, slowest = sum(times) / len(times), max(times)
            table.add_row(name, str(len(own)), str(unexpected), f"{mean:.1f}", f"{slowest:.1f}")
        return table
