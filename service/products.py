"""Products over HTTP: keys are written and never read back."""

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Router, delete, get, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from service.callers import act_of, demand_token
from service.paging import DEFAULT_LIMIT, Cursor, Limit
from service.product_input import MADE_KEY, ProductInput, key_fingerprint, merge_secrets
from service.revisions import IfMatch, etag, expected_revision
from service.runtime import Runtime
from sso.keys import fingerprint, load_private_key, make_private_key, public_line
from tenancy.errors import Invalid
from tenancy.paging import Page
from tenancy.products import (
    SLUG,
    Product,
    ProductSettings,
    find_product,
    list_products,
    put_product,
    read_product,
    remove_product,
)


class SlugInvalid(Invalid):
    """A product's name in addresses has 1 to 63 lower-case letters, digits and hyphens."""


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    """A product as it is shown: fingerprints instead of keys.

    `production_address`, `login_address` and `rsa_public_keys` (base64, one line each) are what the seller
    center asks for.
    """

    product: str
    name: str
    production_address: str
    login_address: str
    rsa_public_keys: list[str]
    rsa_fingerprints: list[str]
    base_key_fingerprints: list[str]
    kit_key_fingerprints: list[str]
    v1_key_fingerprints: list[str]
    order_query_configured: bool
    front_end_url: str | None
    admin_url: str | None
    memo: str | None
    provisioning: str
    v1_utc_offset_hours: int
    order_query_url: str | None
    portal_url: str | None
    revision: int
    created_at: datetime
    updated_at: datetime


def _view(product: Product, runtime: Runtime) -> ProductView:
    secrets, settings = product.secrets, product.settings
    rsa_keys = [load_private_key(pem) for pem in secrets.rsa_private_keys]
    return ProductView(
        product=product.slug,
        name=product.name,
        production_address=f"{runtime.settings.public_url}/koogallery/{product.slug}",
        login_address=f"{runtime.settings.public_url}/sign-in/koogallery/{product.slug}",
        rsa_public_keys=[public_line(key) for key in rsa_keys],
        rsa_fingerprints=[fingerprint(key) for key in rsa_keys],
        base_key_fingerprints=[key_fingerprint(key) for key in secrets.base_keys],
        kit_key_fingerprints=[key_fingerprint(key) for key in secrets.kit_keys],
        v1_key_fingerprints=[key_fingerprint(key) for key in secrets.v1_keys],
        order_query_configured=bool(secrets.order_access_key and secrets.order_secret_key),
        front_end_url=settings.front_end_url,
        admin_url=settings.admin_url,
        memo=settings.memo,
        provisioning=settings.provisioning,
        v1_utc_offset_hours=settings.v1_utc_offset_hours,
        order_query_url=settings.order_query_url,
        portal_url=settings.portal_url,
        revision=product.revision,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )


def _tagged(product: Product, runtime: Runtime) -> Response[ProductView]:
    return Response(_view(product, runtime), headers=etag(product.revision))


@put("/{product:str}")
async def write_product(
    product: FromPath[str],
    data: JSONBody[ProductInput],
    request: Request[Any, Any, State],
    state: State,
    if_match: IfMatch = None,
) -> Response[ProductView]:
    """Create or replace a product."""
    runtime: Runtime = state.runtime
    slug = _slug(product)
    spare = await _spare_rsa_key(slug, data, runtime)
    written = await put_product(
        slug,
        name=data.name,
        settings=msgspec.convert(
            {name: getattr(data, name) for name in ProductSettings.__struct_fields__}, ProductSettings
        ),
        merge=lambda kept: merge_secrets(data, kept, spare),
        keyring=runtime.keyring,
        act=act_of(request),
        expected_revision=expected_revision(if_match),
    )
    runtime.products.forget(slug)
    return _tagged(written, runtime)


async def _spare_rsa_key(slug: str, data: ProductInput, runtime: Runtime) -> str | None:
    """Make the key that the product may need; outside of every transaction, for it takes a while."""
    given = data.rsa_private_keys
    if isinstance(given, tuple) and given and MADE_KEY not in given:
        return None
    before = await find_product(slug, keyring=runtime.keyring)
    if given is msgspec.UNSET and before is not None and before.secrets.rsa_private_keys:
        return None
    return await asyncio.to_thread(make_private_key)


def _slug(text: str) -> str:
    if SLUG.fullmatch(text) is None:
        raise SlugInvalid
    return text


@get("/{product:str}")
async def show_product(product: FromPath[str], state: State) -> Response[ProductView]:
    """Show a product."""
    runtime: Runtime = state.runtime
    return _tagged(await read_product(product, keyring=runtime.keyring), runtime)


@get("/")
async def show_products(
    state: State, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ProductView]:
    """List products."""
    runtime: Runtime = state.runtime
    page = await list_products(keyring=runtime.keyring, cursor=cursor, limit=limit)
    return Page([_view(product, runtime) for product in page.items], page.next)


@delete("/{product:str}")
async def drop_product(product: FromPath[str], request: Request[Any, Any, State], state: State) -> None:
    """Remove a product that has no instances left."""
    runtime: Runtime = state.runtime
    await remove_product(product, act=act_of(request))
    runtime.products.forget(product)


router = Router(
    "/v1/products",
    route_handlers=[write_product, show_product, show_products, drop_product],
    guards=[demand_token],
    opt={"caller": "token"},
    tags=["products"],
)
