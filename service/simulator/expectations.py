"""How a conformance case says what it expected and what came instead."""

from service.simulator.calls import Answer

HTTP_OK = 200


class Unmet(Exception):
    """The vendor did not do what the case expects."""

    def __init__(self, *, expected: str, came: str) -> None:
        super().__init__(f"expected {expected}; came {came}")
        self.expected, self.came = expected, came


class NotChecked(Exception):
    """The case cannot be checked with this vendor or these options; the message says why."""


def expect(*, holds: bool, expected: str, came: str) -> None:
    """Raise Unmet unless the condition holds."""
    if not holds:
        raise Unmet(expected=expected, came=came)


def expect_code(answer: Answer, *codes: str, to: str = "") -> None:
    """Raise Unmet unless the answer has HTTP status 200 and one of the result codes; `to` names the call."""
    name = to or answer.call.name
    expect(
        holds=answer.status == HTTP_OK and answer.result_code in codes,
        expected=f"{name}: HTTP 200, {' or '.join(codes)}",
        came=f"{name}: {answer.summary}",
    )
