"""A product's RSA keys: which are accepted, and which ciphertexts they open."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sso.keys import (
    KeyRefused,
    Padding,
    decrypt_client_secret,
    encrypt_client_secret,
    fingerprint,
    load_private_key,
    make_private_key,
    public_line,
)

SECRET = "s3cret-示例"


@pytest.fixture(scope="module")
def pem() -> str:
    return make_private_key()


@pytest.fixture(scope="module")
def key(pem: str) -> rsa.RSAPrivateKey:
    return load_private_key(pem)


@pytest.fixture(scope="module")
def other_key() -> rsa.RSAPrivateKey:
    return load_private_key(make_private_key())


def test_a_new_key_has_3072_bit_and_is_pkcs8(pem: str, key: rsa.RSAPrivateKey) -> None:
    assert pem.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert key.key_size == 3072


def test_pkcs8_pkcs1_and_one_line_base64_load_as_the_same_key(pem: str, key: rsa.RSAPrivateKey) -> None:
    pkcs1 = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    line = "".join(pem.splitlines()[1:-1])
    assert pkcs1.startswith("-----BEGIN RSA PRIVATE KEY-----")
    for form in (pem, f"\n  {pem}\n", pkcs1, line, f"{line[:64]}\r\n{line[64:]}\n"):
        assert fingerprint(load_private_key(form)) == fingerprint(key)


def test_a_key_is_parsed_once(pem: str) -> None:
    assert load_private_key(pem) is load_private_key(pem)


def test_a_short_key_is_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(KeyRefused, match="2048 bit"):
        load_private_key(pem)


def test_a_key_that_is_not_rsa_is_refused() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = curve.public_key().public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyRefused, match="not an RSA key"):
        load_private_key(pem)
    with pytest.raises(KeyRefused, match="not an RSA key"):
        encrypt_client_secret(SECRET, base64.b64encode(public).decode())


def test_a_key_behind_a_password_is_refused(key: rsa.RSAPrivateKey) -> None:
    locked = serialization.BestAvailableEncryption(b"password")
    with pytest.raises(KeyRefused, match="unencrypted"):
        load_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode())


@pytest.mark.parametrize("text", ["", "nonsense", "AAAA", "-----BEGIN PRIVATE KEY-----", "é"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused, match="cannot be read"):
        load_private_key(text)
    with pytest.raises(KeyRefused, match="cannot be read"):
        encrypt_client_secret(SECRET, text)


def test_the_public_line_is_one_line_of_spki(key: rsa.RSAPrivateKey) -> None:
    line = public_line(key)
    assert line.split() == [line]
    assert serialization.load_der_public_key(base64.b64decode(line)) == key.public_key()


def test_fingerprints_tell_keys_apart(key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey) -> None:
    assert len(fingerprint(key)) == 16
    assert fingerprint(key) != fingerprint(other_key)


@pytest.mark.parametrize("variant", Padding)
def test_every_oaep_variant_decrypts_with_whichever_key_fits(
    variant: Padding, key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    ciphertext = encrypt_client_secret(SECRET, public_line(key), variant)
    assert decrypt_client_secret(ciphertext, [key]) == SECRET
    assert decrypt_client_secret(ciphertext, [other_key, key]) == SECRET
    assert decrypt_client_secret(ciphertext, [other_key]) is None
    assert decrypt_client_secret(ciphertext, []) is None


def test_the_variants_are_the_three_documented_ones(key: rsa.RSAPrivateKey) -> None:
    digests = [
        (hashes.SHA256(), hashes.SHA256()),
        (hashes.SHA256(), hashes.SHA1()),
        (hashes.SHA1(), hashes.SHA1()),
    ]
    for variant, (digest, mask_digest) in zip(Padding, digests, strict=True):
        ciphertext = base64.b64decode(encrypt_client_secret(SECRET, public_line(key), variant))
        oaep = padding.OAEP(mgf=padding.MGF1(mask_digest), algorithm=digest, label=None)
        assert key.decrypt(ciphertext, oaep).decode() == SECRET


def test_line_breaks_in_the_ciphertext_do_not_matter(key: rsa.RSAPrivateKey) -> None:
    ciphertext = encrypt_client_secret(SECRET, public_line(key))
    assert decrypt_client_secret(f"{ciphertext[:76]}\r\n{ciphertext[76:]}\n", [key]) == SECRET


def test_what_does_not_decrypt_gives_none(key: rsa.RSAPrivateKey) -> None:
    binary = key.public_key().encrypt(b"\xff\xfe", Padding.SHA256.oaep())
    pkcs1 = key.public_key().encrypt(b"secret", padding.PKCS1v15())
    for ciphertext in (binary, pkcs1, b"", b"short", bytes(384), b"\xff" * 384, bytes(10_000)):
        assert decrypt_client_secret(base64.b64encode(ciphertext).decode(), [key]) is None
    for text in ("not base64!", "é", "AAA", "\ud800"):
        assert decrypt_client_secret(text, [key]) is None


def test_a_secret_too_long_for_the_key_is_refused(key: rsa.RSAPrivateKey) -> None:
    assert encrypt_client_secret("x" * 318, public_line(key))
    with pytest.raises(ValueError, match=r"."):
        encrypt_client_secret("x" * 319, public_line(key))
