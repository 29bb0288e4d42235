"""Names in paths, exactly as the caller wrote them."""

from typing import Any
from urllib.parse import unquote

from litestar import Request
from litestar.datastructures import State


def name_after(request: Request[Any, Any, State], segments: int) -> str:
    """What follows that many segments of the path, slashes included.

    The framework's own parameter has its slashes tidied, so that `R`, `R/` and `/R` would be one.
    """
    raw: bytes = request.scope["raw_path"]
    return unquote(raw.decode("latin-1").split("/", segments + 1)[-1])
