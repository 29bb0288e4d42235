"""Chaos for a stream of calls, repeatable from a seed; each call says what a correct vendor answers."""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

import msgspec

from service.simulator.calls import INVALID, SUCCESS, UNAUTHENTICATED, Call, Surface


class Mode(StrEnum):
    """One way to disturb a stream.

    The first four repeat, reorder or lose genuine calls; the others put forged or broken copies before them,
    which a correct vendor refuses without any effect.
    """

    DUPLICATE = "duplicate"
    SHUFFLE = "shuffle"
    DROP = "drop"
    DELAY = "delay"
    CLOCK_SKEW = "clock-skew"
    BROKEN_JSON = "broken-json"
    WRONG_KEY = "wrong-key"


REORDERING = frozenset({Mode.SHUFFLE, Mode.DROP, Mode.DELAY})
RATE = 0.3


def disturb(calls: Iterable[Call], modes: frozenset[Mode], *, seed: str) -> list[Call]:
    """Apply the modes to a stream; the same arguments give the same result.

    duplicate: some calls come once more, up to five places later. shuffle: any order. drop: some never
    arrive. delay: some arrive up to eight places later. clock-skew: copies signed 2 to 10 minutes away (V2
    only, since V1 has no freshness). broken-json: copies with half a body. wrong-key: copies signed with a
    key nobody knows. When calls may be missing or early, a correct vendor may ask for a retry (000002).
    """
    dice = random.Random(f"{seed}:{','.join(sorted(modes))}")
    stream = list(calls)
    if modes & REORDERING:
        stream = [_may_need_retry(call) for call in stream]
    for mode, rearrange in REARRANGEMENTS.items():
        if mode in modes:
            stream = rearrange(stream, dice)
    forgers = [forge for mode, forge in FORGERIES.items() if mode in modes]
    return [item for call in stream for item in (*_forged(call, forgers, dice), call)]


def _may_need_retry(call: Call) -> Call:
    return msgspec.structs.replace(call, expected=(*call.expected, INVALID)) if call.surface.is_kit else call


def _duplicate(stream: list[Call], dice: random.Random) -> list[Call]:
    again = [(index, call) for index, call in enumerate(stream) if index == 0 or dice.random() < RATE]
    copies = [
        (
            index + dice.uniform(0.5, 5.5),
            msgspec.structs.replace(call, note=f"duplicate {call.note}".rstrip()),
        )
        for index, call in again
    ]
    return _in_order([*((float(index), call) for index, call in enumerate(stream)), *copies])


def _delay(stream: list[Call], dice: random.Random) -> list[Call]:
    return _in_order(
        (index + (dice.uniform(1.5, 8.5) if dice.random() < RATE else 0.0), call)
        for index, call in enumerate(stream)
    )


def _shuffle(stream: list[Call], dice: random.Random) -> list[Call]:
    return dice.sample(stream, len(stream))


def _drop(stream: list[Call], dice: random.Random) -> list[Call]:
    return [call for call in stream if dice.random() >= RATE / 2]


def _in_order(placed: Iterable[tuple[float, Call]]) -> list[Call]:
    return [call for _, call in sorted(placed, key=lambda item: item[0])]


REARRANGEMENTS: dict[Mode, Callable[[list[Call], random.Random], list[Call]]] = {
    Mode.DUPLICATE: _duplicate,
    Mode.DELAY: _delay,
    Mode.SHUFFLE: _shuffle,
    Mode.DROP: _drop,
}


def _forged(call: Call, forgers: Sequence["Forger"], dice: random.Random) -> list[Call]:
    made = [forge(call, dice) for forge in forgers if dice.random() < RATE]
    return [item for item in made if item is not None]


def _skewed(call: Call, dice: random.Random) -> Call | None:
    if call.surface in {Surface.V1_BASE, Surface.V1_KIT}:
        return None
    skew = timedelta(seconds=dice.choice((-1, 1)) * dice.randint(120, 600))
    # For a stale clock the marketplace's sample answers 000002; for a fast one nothing is documented.
    expected = (INVALID,) if skew < timedelta() else (INVALID, UNAUTHENTICATED)
    return msgspec.structs.replace(
        call, skew=skew, expected=expected, note=f"clock {skew.total_seconds():+g} s"
    )


def _broken(call: Call, dice: random.Random) -> Call | None:
    if call.surface is Surface.V1_BASE:
        return None
    body = call.body[: dice.randint(1, max(1, len(call.body) - 1))]
    # A vendor may find the signature or the body wrong first.
    return msgspec.structs.replace(call, body=body, expected=(INVALID, UNAUTHENTICATED), note="half a body")


def _wrong_key(call: Call, dice: random.Random) -> Call | None:  # noqa: ARG001 - every forger has this shape
    return msgspec.structs.replace(call, has_wrong_key=True, expected=(UNAUTHENTICATED,), note="wrong key")


Forger = Callable[[Call, random.Random], Call | None]
FORGERIES: dict[Mode, Forger] = {
    Mode.CLOCK_SKEW: _skewed,
    Mode.BROKEN_JSON: _broken,
    Mode.WRONG_KEY: _wrong_key,
}


def is_genuine(call: Call) -> bool:
    """Whether a correct vendor carries the call out, now or when it is repeated."""
    return SUCCESS in call.expected
