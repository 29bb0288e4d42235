"""Tools of whoever forges ID tokens."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from sso.errors import IdTokenRefused
from tests.sso.issuers import rsa_key


def encode(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def half_hash(text, digest):
    full = hashlib.new(digest, text.encode()).digest()
    return base64.urlsafe_b64encode(full[: len(full) // 2]).rstrip(b"=").decode()


async def refusal(issuer, **changes):
    with pytest.raises(IdTokenRefused) as refused:
        await issuer.sign_in(**changes)
    assert refused.value.detail
    return refused.value.reason


def sign_text(text):
    return rsa_key().private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
