"""Names in paths, exactly as the caller wrote them."""

from typing import Any
from urllib.parse import unquote

from litestar import Request
from litestar.datastructures import State

from tenancy.subjects import Subject, read_subject

# Where the subject begins: /v1/tenants/{}/apps/{}/grants/{}/ and …/groups/{}/members/{}/.
_SUBJECT = 7


def name_after(request: Request[Any, Any, State], segments: int) -> str:
    """What follows that many segments of the path, slashes included.

    The framework's own parameter has its slashes tidied, so that `R`, `R/` and `/R` would be one.
    """
    raw: bytes = request.scope["raw_path"]
    return unquote(raw.decode("latin-1").split("/", segments + 1)[-1])


def subject_of(request: Request[Any, Any, State], subject_type: str) -> Subject:
    """The subject that the path ends with."""
    return read_subject(subject_type, name_after(request, _SUBJECT))
