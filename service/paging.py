"""The two query parameters that all lists share."""

from typing import Annotated

from litestar.params import QueryParameter

from tenancy.paging import MAX_LIMIT

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many at the most.")]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the previous page.", max_length=2000)]

DEFAULT_LIMIT = 100
