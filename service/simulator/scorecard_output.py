"""A score card as text, as JSON and as JUnit ET."""

from collections import Counter
from collections.abc import Collection
from xml.etree import ElementTree as ET

import msgspec
from rich.table import Table

from service.simulator.calls import printable
from service.simulator.cases import Level, Outcome, Result

COLOURS = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.SKIPPED: "yellow"}


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The whole score card as its JSON form shows it; `totals` counts outcomes by level."""

    address: str
    totals: dict[str, dict[str, int]]
    cases: list[Result]


def make_card(address: str, results: Collection[Result]) -> Card:
    """Count the results."""
    counted = Counter((result.level, result.outcome) for result in results)
    totals = {str(level): {str(outcome): counted[level, outcome] for outcome in Outcome} for level in Level}
    return Card(address=address, totals=totals, cases=list(results))


def text_line(result: Result) -> str:
    """Print one result, with what was expected and what came, for a terminal or a log."""
    line = f"{result.outcome:7} {result.number:2}  {result.title} [{result.level}]"
    if result.outcome is Outcome.FAIL:
        came = printable(result.came)
        return f"{line}\n            expected: {result.expected}\n            came:     {came}"
    if result.outcome is Outcome.SKIPPED:
        return f"{line}\n            because:  {result.reason}"
    return f"{line}\n            unseen:   {result.unseen}" if result.unseen else line


def totals_table(card: Card) -> Table:
    """Show the totals as a table."""
    table = Table(title=f"Score card of {card.address}", title_justify="left")
    table.add_column("expectation is")
    for outcome in Outcome:
        table.add_column(outcome, justify="right", style=COLOURS[outcome])
    for level, counts in card.totals.items():
        table.add_row(level, *(str(counts[outcome]) for outcome in Outcome))
    sums = [sum(counts[outcome] for counts in card.totals.values()) for outcome in Outcome]
    table.add_section()
    table.add_row("all", *(str(number) for number in sums))
    return table


def as_json(card: Card) -> str:
    """Print the card as JSON."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2).decode() + "\n"


def as_junit(card: Card) -> str:
    """Print the card as JUnit XML, one test case each, for build servers."""
    outcomes = Counter(result.outcome for result in card.cases)
    suite = ET.Element(
        "testsuite",
        name="tenon scorecard",
        tests=str(len(card.cases)),
        failures=str(outcomes[Outcome.FAIL]),
        skipped=str(outcomes[Outcome.SKIPPED]),
        errors="0",
        time=f"{sum(result.seconds for result in card.cases):.3f}",
    )
    for result in card.cases:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"scorecard.{result.level}",
            name=f"{result.number:02} {result.title}",
            time=f"{result.seconds:.3f}",
        )
        if result.outcome is Outcome.FAIL:
            failure = ET.SubElement(case, "failure", message=f"expected {result.expected}")
            failure.text = f"came {printable(result.came)}"
        elif result.outcome is Outcome.SKIPPED:
            ET.SubElement(case, "skipped", message=result.reason)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
