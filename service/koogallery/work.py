"""What a proven call asks for, read but not yet done."""

from collections.abc import Awaitable, Callable

import msgspec

from service.koogallery.results import Answer
from tenancy.bindings import Place
from tenancy.pushes import Push


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A push with all that its message says, and the use case that carries it out."""

    push: Push
    place: Place | None = None
    run: Callable[[], Awaitable[Answer]]
