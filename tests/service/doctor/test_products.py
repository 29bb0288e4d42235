"""Products: usable keys and sensible addresses."""

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from service.doctor.product_addresses import check_product_addresses
from service.doctor.product_keys import check_product_keys
from tenancy.products import Product, ProductSecrets, ProductSettings

PUBLIC = "https://tenon.example.com"


@pytest.fixture
def a_product(private_key):
    """A product as it should be, but for some of its secrets or settings."""
    secrets = ProductSecrets(
        base_keys=("base-key-0123456789",),
        kit_keys=("kit-key-0123456789",),
        rsa_private_keys=(private_key,),
        order_access_key="access",
        order_secret_key="secret-of-orders",
    )
    settings = ProductSettings(front_end_url="https://saas.example.com")

    def make(**changes):
        of_secrets = {name: value for name, value in changes.items() if hasattr(secrets, name)}
        of_settings = {name: value for name, value in changes.items() if hasattr(settings, name)}
        return Product(
            slug="crm",
            name="CRM",
            settings=msgspec.structs.replace(settings, **of_settings),
            secrets=msgspec.structs.replace(secrets, **of_secrets),
            revision=1,
            created_at=datetime.now(UTC),
            updated_at=datetime.now(UTC),
        )

    return make


def judge(products, public_url=PUBLIC):
    return [*check_product_keys(products), *check_product_addresses(products, public_url=public_url)]


def short_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_a_product_as_it_should_be(a_product):
    findings = judge([a_product(), a_product(portal_url="https://portal.example.com")])
    assert {finding.level for finding in findings} == {"ok"}
    assert len(findings) == len({finding.check for finding in findings})


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({"base_keys": ()}, "base_keys", "error"),
        ({"base_keys": ("good-key-012345", "pasted-key-012345\n")}, "base_keys", "warning"),
        ({"kit_keys": ()}, "kit_keys", "warning"),
        ({"kit_keys": (" pasted-key-012345",)}, "kit_keys", "warning"),
        ({"rsa_private_keys": ()}, "rsa_keys", "error"),
        ({"rsa_private_keys": ("no key at all",)}, "rsa_keys", "error"),
        ({"order_access_key": None, "order_secret_key": None}, "order_query", "hint"),
        ({"order_secret_key": None}, "order_query", "warning"),
        ({"front_end_url": None}, "front_end_url", "hint"),
        ({"front_end_url": "http://saas.example.com"}, "front_end_url", "warning"),
        ({"front_end_url": "https://localhost:3000"}, "front_end_url", "warning"),
        ({"portal_url": "http://portal.example.com"}, "portal_url", "warning"),
        ({"portal_url": "http://127.0.0.1:1/portal"}, "portal_url", "warning"),
    ],
)
def test_what_a_product_lacks_is_told(a_product, changes, check, level):
    troubled = [finding for finding in judge([a_product(), a_product(**changes)]) if finding.level != "ok"]
    assert [(finding.check, finding.level) for finding in troubled] == [(f"products.{check}", level)]
    assert "crm" in troubled[0].message


def test_an_rsa_key_that_is_too_short_is_told(a_product):
    [finding] = [each for each in judge([a_product(rsa_private_keys=(short_key(),))]) if each.level != "ok"]
    assert "1024 bit" in finding.message


def test_a_product_of_the_first_edition_needs_no_keys_of_the_second(a_product):
    findings = judge([a_product(base_keys=(), kit_keys=(), v1_keys=("v1-key-0123456789",))])
    assert {finding.level for finding in findings} == {"ok"}


def test_where_tenon_is_local_the_addresses_of_products_may_be_too(a_product):
    product = a_product(front_end_url="http://localhost:3000", portal_url="http://127.0.0.1:1/portal")
    assert {finding.level for finding in judge([product], "http://127.0.0.1:8000")} == {"ok"}


def test_the_password_of_an_address_is_not_printed(a_product):
    findings = judge([a_product(front_end_url="http://ann:pass-word@saas.example.com/?token=hidden")])
    told = " ".join(finding.message for finding in findings)
    assert "saas.example.com" in told
    assert "pass-word" not in told
    assert "hidden" not in told


async def test_the_addresses_for_the_seller_center_are_told(installation):
    found = await installation.examine()
    address = f"{installation.settings.public_url}/koogallery/crm"
    assert found.one("products.production_address").message == f"For the seller center: {address}."


async def test_an_installation_without_products_is_told_what_to_do(installation):
    async with installation.altered(
        "CREATE TABLE put_aside AS SELECT * FROM product",
        "DELETE FROM product",
        back=["INSERT INTO product SELECT * FROM put_aside", "DROP TABLE put_aside"],
    ):
        found = await installation.examine()
    assert found.levels("products.present") == ["hint"]
    assert "PUT /v1/products" in found.one("products.present").remedy
