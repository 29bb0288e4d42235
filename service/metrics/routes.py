"""`/metrics` among the public routes: for a bearer token, or where nobody else can reach it."""

import hmac
from urllib.parse import urlsplit

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException

from service.metrics.exposition import CONTENT_TYPE, expose
from service.runtime import Runtime
from service.settings import Settings

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@get("/metrics", opt={"caller": "anyone"}, include_in_schema=False)
async def read_metrics(request: Request[None, None, State]) -> Response[bytes]:
    """Show all metrics; to others than those who may see them there is nothing here."""
    runtime: Runtime = request.app.state.runtime
    if not _may_see(request.headers.get("authorization", ""), runtime.settings):
        raise NotFoundException
    return Response(await expose(runtime.metrics), headers={"Content-Type": CONTENT_TYPE})


def _may_see(authorization: str, settings: Settings) -> bool:
    """With a token its bearer only; without one whoever asks a process that is for its own machine."""
    if settings.metrics_token is None:
        return urlsplit(settings.public_url).hostname in _LOCAL
    scheme, _, token = authorization.partition(" ")
    # In bytes: the comparison takes only ASCII as text.
    is_same = hmac.compare_digest(
        token.strip().encode("utf-8", "surrogatepass"), settings.metrics_token.encode()
    )
    return is_same and scheme.lower() == "bearer"
