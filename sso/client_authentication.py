"""How a client proves who it is at our endpoints: by the one method that it is registered with.

Source: RFC 6749 section 2.3, RFC 7521 section 4.2, RFC 7523 section 3 and OpenID Connect Core 1.0 section 9.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import unquote_plus

from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from sso.client_keys import read_signed, read_unproven
from sso.client_secrets import is_secret
from sso.clients import AuthMethod, Client
from sso.discreet import Discreet
from sso.oauth_errors import InvalidRequest
from tenancy.errors import Forbidden

FindClient = Callable[[str], Awaitable[Client | None]]
IsNewJti = Callable[[str, str, datetime], Awaitable[bool]]

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEEWAY_SECONDS = 60
_LONGEST_SECONDS = 300
_LONGEST_JTI = 255


class ClientRefused(Forbidden):
    """The client did not prove that it is the one it says it is."""

    oauth_code = "invalid_client"

    def __init__(self, reason: str, detail: str | None = None) -> None:
        """Say why: `reason` for the log; `detail` to whoever asks, so not whether there is such a client."""
        super().__init__(detail)
        self.reason = reason


class _Proof(Discreet, frozen=True, kw_only=True):
    shown: ClassVar[tuple[str, ...]] = ("method", "client_id")

    method: AuthMethod
    client_id: str
    value: str = ""


async def authenticate_client(
    find: FindClient,
    form: Mapping[str, str],
    authorization: str | None,
    *,
    audience: Sequence[str],
    now: datetime,
    is_new_jti: IsNewJti,
) -> Client:
    """Give the client that a request to one of our endpoints comes from.

    Args:
        find: the registered client of an id.
        form: the parameters of the body, never of the URL, each there once.
        authorization: the header as it came.
        audience: what assertions may be made for: the issuer and the endpoint.
        now: the present.
        is_new_jti: remembers (client id, `jti`, until when) and says whether it was new.

    Raises:
        ClientRefused: it did not prove itself, or otherwise than it is registered to (RFC 6749 section 5.2).
        InvalidRequest: it used more than one method.
        SessionsUnavailable: nobody can tell at the moment whether its assertion is new.
    """
    proof = _read_proof(form, authorization)
    if form.get("client_id", proof.client_id) not in {"", proof.client_id}:
        raise ClientRefused("client_id_differs", "client_id names another client than the proof does.")
    client = await find(proof.client_id)
    if proof.method == "private_key_jwt":
        claims = _read_assertion(client, proof.value)
        until = _check_claims(claims, proof.client_id, audience, now)
        if not await is_new_jti(proof.client_id, claims["jti"], until):
            raise ClientRefused("assertion_replayed", "The client assertion was used before.")
    elif proof.method != "none" and not is_secret(proof.value, () if client is None else client.secrets):
        raise ClientRefused("client_unknown" if client is None else "secret_wrong")
    if client is None:
        raise ClientRefused("client_unknown")
    registered = client.settings.token_endpoint_auth_method
    if registered != proof.method:
        told = None if proof.method == "none" else f"The client is registered with {registered}."
        raise ClientRefused("method_not_registered", told)
    return client


def _read_proof(form: Mapping[str, str], authorization: str | None) -> _Proof:
    # A parameter without a value counts as left out (RFC 6749 section 3.2).
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    assertion, assertion_type = form.get("client_assertion"), form.get("client_assertion_type")
    if sum([authorization is not None, bool(secret), bool(assertion or assertion_type)]) > 1:
        raise InvalidRequest("The client proves itself by more than one method.")
    if authorization is not None:
        return _read_basic(authorization)
    if secret:
        return _Proof(method="client_secret_post", client_id=client_id, value=secret)
    if assertion or assertion_type:
        if not assertion or assertion_type != _ASSERTION_TYPE:
            raise ClientRefused("assertion_type_unknown", f"client_assertion_type must be {_ASSERTION_TYPE}.")
        subject = read_unproven(assertion).get("sub")
        if not isinstance(subject, str):
            raise ClientRefused("assertion_unreadable")
        return _Proof(method="private_key_jwt", client_id=subject, value=assertion)
    if not client_id:
        raise ClientRefused("no_proof", "Say which client this is, and prove it as it is registered.")
    return _Proof(method="none", client_id=client_id)


def _read_basic(authorization: str) -> _Proof:
    """Both halves are form-encoded before they are put together (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
        client_id, secret = (unquote_plus(half, errors="strict") for half in text.split(":", 1))
    except ValueError:
        client_id = secret = ""
    if scheme.lower() != "basic" or not client_id or not secret:
        raise ClientRefused("authorization_unreadable", "Authorization must be Basic with id and secret.")
    return _Proof(method="client_secret_basic", client_id=client_id, value=secret)


def _read_assertion(client: Client | None, assertion: str) -> dict[str, Any]:
    keys = None if client is None else client.settings.jwks
    claims = None if keys is None else read_signed(assertion, keys)
    if claims is None:
        raise ClientRefused("assertion_not_signed_by_client")
    return claims


def _check_claims(claims: dict[str, Any], client_id: str, audience: Sequence[str], now: datetime) -> datetime:
    """Until when the assertion is valid."""
    present = int(now.timestamp())
    registry = JWTClaimsRegistry(
        now=present,
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": client_id},
        sub={"essential": True, "value": client_id},
        aud={"essential": True, "values": [*audience]},
        exp={"essential": True},
        jti={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise ClientRefused("claims_wrong", f"The client assertion is not valid: {error}") from error
    # Whoever else it was made for could pass it on to us.
    named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not set(named) <= {*audience}:
        raise ClientRefused("audience_shared", "The client assertion is made for somebody else too.")
    if claims["exp"] > present + _LONGEST_SECONDS + _LEEWAY_SECONDS:
        raise ClientRefused(
            "valid_too_long", f"The client assertion is valid for more than {_LONGEST_SECONDS} seconds."
        )
    if len(claims["jti"]) > _LONGEST_JTI:
        raise ClientRefused("jti_too_long", f"jti has more than {_LONGEST_JTI} characters.")
    return datetime.fromtimestamp(claims["exp"], tz=UTC) + timedelta(seconds=_LEEWAY_SECONDS)
