"""Issuing: codes for sessions, tokens for codes, tokens for refresh tokens, and taking them back.

Source: RFC 6749 4.1 and 6, RFC 7009, RFC 7662, OpenID Connect Core 3.1.3.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from sso.authorization import AuthorizationRequest
from sso.bearer import Located, make_family_id, make_lineage, make_token, read_token
from sso.bearer import digest as digest_of
from sso.client_sessions import note_client
from sso.clients import Client
from sso.errors import NotSignedIn
from sso.families import (
    ACCESS_SECONDS,
    CODE_SECONDS,
    Access,
    Code,
    Family,
    FamilyBroken,
    decode_family,
    demand_code,
    demand_refresh,
    encode_family,
    find_access,
    renewed,
)
from sso.oauth_errors import InvalidGrant, InvalidScope, InvalidToken
from sso.sessions import Held, Session, SessionStore, Upstream
from sso.sign_ins import demand_standing
from tenancy.standings import Standing


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """What a client gets, and whose it is; `nonce` is that of the authorization request."""

    session: Session
    upstream: Upstream | None
    standing: Standing
    family: Family
    scopes: tuple[str, ...]
    access_token: str
    refresh_token: str | None
    nonce: str | None = None


class Introspected(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is valid now."""

    session: Session
    standing: Standing
    family: Family
    scopes: tuple[str, ...]
    use: Literal["access", "refresh"]
    expires_at: datetime


async def issue_code(
    store: SessionStore, session: Session, request: AuthorizationRequest, *, app_id: str, now: datetime
) -> str:
    """A code for the client that has asked; the member's standing has been demanded before.

    Raises:
        NotSignedIn: the session has ended meanwhile.
    """
    family_id = make_family_id(now=now)
    text, digest = make_token("code", session.id, family_id)
    code = Code(
        digest=digest,
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        nonce=request.nonce,
        expires_at=now + timedelta(seconds=CODE_SECONDS),
    )
    family = Family(client_id=request.client_id, app_id=app_id, scopes=request.scopes, code=code)
    await note_client(session, request.client_id, app_id, now=now)
    if not await store.add_family(session.id, family_id, encode_family(family)):
        raise NotSignedIn
    return text


async def exchange_code(
    store: SessionStore,
    client: Client,
    text: str,
    *,
    redirect_uri: str | None,
    verifier: str,
    now: datetime,
) -> Issued:
    """Tokens for a code, once.

    Raises:
        InvalidGrant: the code is not valid, or the member may not use the app any more.
    """
    located, held, family = await _locate(store, read_token("code", text), now=now)
    try:
        code = demand_code(
            family,
            located.digest,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            verifier=verifier,
            now=now,
        )
    except FamilyBroken:
        await store.drop_family(located.session_id, located.family)
        raise
    issued = await _issue(store, client, located, held, family, family.scopes, now=now)
    return msgspec.structs.replace(issued, nonce=code.nonce)


async def refresh_tokens(
    store: SessionStore, client: Client, text: str, *, scope: str | None, now: datetime
) -> Issued:
    """New tokens for a refresh token, which is spent by it; presented again it ends its family.

    Raises:
        InvalidGrant: the token is not valid, or the member may not use the app any more.
        InvalidScope: more is asked for than was given at first, or not openid.
    """
    located, held, family = await _locate(store, read_token("refresh", text), now=now)
    try:
        demand_refresh(family, located.digest, lineage=digest_of(located.lineage), client_id=client.client_id)
    except FamilyBroken:
        await store.drop_family(located.session_id, located.family)
        raise
    scopes = family.scopes if scope is None else tuple(dict.fromkeys(scope.split()))
    if not {"openid"} <= set(scopes) <= set(family.scopes):
        raise InvalidScope("It must have openid and nothing new.")
    return await _issue(store, client, located, held, family, scopes, now=now)


async def _issue(
    store: SessionStore,
    client: Client,
    located: Located,
    held: Held,
    family: Family,
    scopes: tuple[str, ...],
    *,
    now: datetime,
) -> Issued:
    try:
        standing = await demand_standing(held, app_id=family.app_id, now=now)
    except NotSignedIn as refused:
        raise InvalidGrant("The person may not use the app any more.") from refused
    access_token, digest = make_token("access", located.session_id, located.family)
    access = Access(digest=digest, scopes=scopes, expires_at=now + timedelta(seconds=ACCESS_SECONDS))
    refresh_token, refresh, lineage = None, None, None
    if client.settings.refresh_tokens:
        start = make_lineage() if family.refresh is None else located.lineage
        refresh_token, refresh = make_token("refresh", located.session_id, located.family, lineage=start)
        lineage = digest_of(start)
    following = renewed(family, access, refresh=refresh, lineage=lineage, now=now)
    assert held.family is not None
    if not await store.replace_family(
        located.session_id, located.family, held.family, encode_family(following)
    ):
        # Somebody else has presented the same secret in this very moment.
        await store.drop_family(located.session_id, located.family)
        raise FamilyBroken
    await store.keep(held, now=now)
    return Issued(
        session=held.session,
        upstream=held.upstream,
        standing=standing,
        family=following,
        scopes=scopes,
        access_token=access_token,
        refresh_token=refresh_token,
    )


async def read_access(store: SessionStore, text: str, *, now: datetime) -> Introspected:
    """What an access token stands for.

    Raises:
        InvalidToken: it has run out, was withdrawn, or its member may not use the app any more.
    """
    try:
        located, held, family = await _locate(store, read_token("access", text), now=now)
        standing = await demand_standing(held, app_id=family.app_id, now=now)
    except (InvalidGrant, NotSignedIn) as refused:
        raise InvalidToken from refused
    access = find_access(family, located.digest, now=now)
    if access is None:
        raise InvalidToken
    await store.keep(held, now=now)
    return Introspected(
        session=held.session,
        standing=standing,
        family=family,
        scopes=access.scopes,
        use="access",
        expires_at=access.expires_at,
    )


async def introspect(store: SessionStore, text: str, *, now: datetime) -> Introspected | None:
    """What an access or refresh token stands for; None when it is not valid, whatever the reason."""
    try:
        if read_token("refresh", text) is None:
            return await read_access(store, text, now=now)
        located, held, family = await _locate(store, read_token("refresh", text), now=now)
        demand_refresh(family, located.digest, lineage=digest_of(located.lineage), client_id=family.client_id)
        standing = await demand_standing(held, app_id=family.app_id, now=now)
    except (InvalidGrant, InvalidToken, NotSignedIn):
        return None
    return Introspected(
        session=held.session,
        standing=standing,
        family=family,
        scopes=family.scopes,
        use="refresh",
        expires_at=held.session.until,
    )


async def revoke(store: SessionStore, client: Client, text: str, *, now: datetime) -> None:
    """Withdraw the family of a token of this client (RFC 7009 2.1); what is none is nothing to withdraw.

    Raises:
        InvalidGrant: the token is another client's.
    """
    token = read_token("refresh", text) or read_token("access", text)
    try:
        located, _, family = await _locate(store, token, now=now)
    except InvalidGrant:
        return
    is_known = family.refresh == located.digest or find_access(family, located.digest, now=now) is not None
    if not is_known:
        return
    if family.client_id != client.client_id:
        raise InvalidGrant("The token was given to another client.")
    await store.drop_family(located.session_id, located.family)


async def _locate(
    store: SessionStore, located: Located | None, *, now: datetime
) -> tuple[Located, Held, Family]:
    held = None if located is None else await store.find(located.session_id, family=located.family, now=now)
    if located is None or held is None or held.family is None:
        raise InvalidGrant
    return located, held, decode_family(held.family)
