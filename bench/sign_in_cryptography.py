"""The cryptography of signing in alone, in a loop: what it takes on one core."""

import hmac
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import uuid4

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from cryptography.hazmat.primitives.asymmetric import rsa

from sso.bearer import make_cookie, make_family_id, make_token, read_token
from sso.client_secrets import digest_secret, is_secret, make_secret
from sso.flows import digest_of, make_handle
from sso.issued_tokens import sign_id_token
from sso.jwt_signing import SigningKey
from tenancy.secrets import Keyring

_STRETCH_SECONDS = 0.3


def cryptography() -> Mapping[str, Callable[[], float]]:
    """What gives the runs per second of each, measured anew."""
    secret = make_secret()
    digests = [digest_secret(secret)]
    session, now = uuid4(), datetime.now(UTC)
    family = make_family_id(now=now)
    signer = SigningKey(id="k" * 43, algorithm="RS256", private_key=rsa.generate_private_key(65537, 2048))
    keyring = Keyring([("bench", b"k" * 32)])
    sealed = keyring.seal(b"the-client-secret", purpose="app")

    def introspect() -> None:
        assert is_secret(secret, digests)
        _prove(access, access_digest)

    def refresh() -> None:
        assert is_secret(secret, digests)
        _prove(renewable, renewable_digest)
        make_token("access", session, family)
        make_token("refresh", session, family)

    def sign_in() -> None:
        browser = make_handle()
        for _ in range(3):  # the request, the enterprise's page and the callback each know the browser
            digest_of(browser)
        keyring.open(sealed, purpose="app")
        keyring.seal(b"t" * 150, purpose="upstream")
        make_cookie(session)
        _prove(*make_token("code", session, family))
        create_s256_code_challenge("v" * 64)
        assert is_secret(secret, digests)
        token, _ = make_token("access", session, family)
        make_token("refresh", session, family)
        sign_id_token(
            signer,
            issuer="https://id.example.com",
            audience="bench",
            subject=str(session),
            claims={"tenant": str(session), "app": "app-1", "user_name": "member1", "name": "员工1"},
            auth_time=now,
            nonce="n" * 11,
            access_token=token,
            sid=str(session),
            now=now,
        )

    access, access_digest = make_token("access", session, family)
    renewable, renewable_digest = make_token("refresh", session, family)
    return {
        "sign-in": lambda: _rate(sign_in),
        "refresh": lambda: _rate(refresh),
        "introspection": lambda: _rate(introspect),
    }


def _prove(text: str, digest: bytes) -> None:
    for use in ("access", "refresh", "code"):
        located = read_token(use, text)
        if located is not None:
            assert hmac.compare_digest(located.digest, digest)
            return
    raise AssertionError


def _rate(step: Callable[[], None]) -> float:
    count, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < _STRETCH_SECONDS:
        step()
        count += 1
    return count / seconds
