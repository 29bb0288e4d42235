"""Field encryption against the published vectors."""

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.koogallery import fields
from service.koogallery.fields import FieldNotDecryptable, decrypt_field, encrypt_field

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text("utf-8"))
AES = {name: vector for name, vector in VECTORS["vectors"].items() if vector["scheme"].startswith("aes")}
IV = "Ab3dE6gH9jK2mN5p"


@pytest.mark.parametrize("name", AES)
def test_published_field(name: str) -> None:
    vector: dict[str, Any] = AES[name]
    settings = {"access_key": vector["accessKey"], "encrypt_type": vector["encryptType"]}
    assert decrypt_field(vector["cipher"], **settings) == vector["plain"]
    assert encrypt_field(vector["plain"], iv=vector["iv"], **settings) == vector["cipher"]


@pytest.mark.parametrize("name", AES)
def test_published_key(name: str) -> None:
    vector = AES[name]
    expected = bytes.fromhex(vector["keyHex"])
    assert fields._sha1prng(vector["accessKey"], len(expected)) == expected


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(min_size=1, max_size=10).filter(lambda key: key.isascii()),
    st.sampled_from("12"),
    st.text(string.ascii_letters + string.digits, min_size=16, max_size=16),
)
def test_what_is_encrypted_decrypts(plain: str, key: str, encrypt_type: str, iv: str) -> None:
    value = encrypt_field(plain, access_key=key, encrypt_type=encrypt_type, iv=iv)
    assert decrypt_field(value, access_key=key, encrypt_type=encrypt_type) == plain


@pytest.mark.parametrize(
    "value",
    [
        "",
        "short",
        IV,
        IV + "!!!!",
        IV + "AAAA",
        IV + "A" * 24,
        "é" * 16 + "A" * 24,
        IV + "é" * 24,
        "\ud800" * 40,
    ],
)
def test_a_malformed_field_is_refused(value: str) -> None:
    with pytest.raises(FieldNotDecryptable, match="access key"):
        decrypt_field(value, access_key="k", encrypt_type="1")


def test_a_field_of_another_key_or_type_is_refused() -> None:
    value = encrypt_field("13900000001", access_key="one", encrypt_type="1", iv=IV)
    with pytest.raises(FieldNotDecryptable):
        decrypt_field(value, access_key="other", encrypt_type="1")
    with pytest.raises(FieldNotDecryptable):
        decrypt_field(value, access_key="one", encrypt_type="2")


@pytest.mark.parametrize("encrypt_type", ["", "0", "3", "AES"])
def test_an_unknown_type_is_refused_both_ways(encrypt_type: str) -> None:
    with pytest.raises(FieldNotDecryptable, match="encryptType"):
        decrypt_field(IV + "A" * 24, access_key="k", encrypt_type=encrypt_type)
    with pytest.raises(FieldNotDecryptable, match="encryptType"):
        encrypt_field("x", access_key="k", encrypt_type=encrypt_type, iv=IV)


@pytest.mark.parametrize("iv", ["", "short", IV + "x", "é" * 16, "0123456789abcde-"])
def test_a_malformed_initialisation_vector_is_refused(iv: str) -> None:
    with pytest.raises(ValueError, match="16 ASCII"):
        encrypt_field("x", access_key="k", encrypt_type="1", iv=iv)
