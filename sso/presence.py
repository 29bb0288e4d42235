"""Presence: whether whoever has signed in is still here, at the upstream that says so as well as with us."""

from datetime import datetime, timedelta

import msgspec
import structlog

from sso.errors import NotSignedIn, RenewalRefused
from sso.koogallery import renew
from sso.sessions import Held, Session, Upstream
from sso.sign_ins import demand_standing, end_session
from sso.upstreams import KeptSignIn, Upstreams, open_sign_in, renewal_of, seal_sign_in
from tenancy.acts import SYSTEM, Act
from tenancy.errors import Unavailable
from tenancy.sign_in_places import list_credentials, list_places
from tenancy.standings import Standing

log = structlog.get_logger(__name__)

# While one request renews, and after a failure, others leave it alone for so long.
_PAUSE = timedelta(minutes=1)


async def find_present(
    upstreams: Upstreams, held: Held | None, *, now: datetime
) -> tuple[Session | None, Standing | None]:
    """The session and the standing of its member; (None, None) when either has ended.

    Raises:
        SessionsUnavailable, DatabaseUnavailable: nobody can tell at the moment.
    """
    if held is None or not await keep_upstream(upstreams, held.session, held.upstream, now=now):
        return None, None
    try:
        return held.session, await demand_standing(held, now=now)
    except NotSignedIn:
        return None, None


async def keep_upstream(
    upstreams: Upstreams, session: Session, upstream: Upstream | None, *, now: datetime
) -> bool:
    """Renew what is kept of the upstream sign-in when it is due; False when the upstream has ended it.

    An upstream that cannot be reached ends nothing: it is asked again a minute later.
    """
    if upstream is None or upstream.renew_at is None or now < upstream.renew_at:
        return True
    # Only one request asks, since a refresh token may be good once.
    asking = msgspec.structs.replace(upstream, renew_at=now + _PAUSE)
    if not await upstreams.sessions.replace_upstream(session.id, upstream, asking):
        return True
    try:
        renewed = await _renew(upstreams, session, upstream, now=now)
    except RenewalRefused:
        act = Act(actor=SYSTEM, at=now)
        await end_session(upstreams.sessions, session, reason="upstream_ended", act=act)
        return False
    except Unavailable as error:
        log.warning("upstream_not_renewed", session=str(session.id), code=error.code, detail=error.detail)
        return True
    await upstreams.sessions.replace_upstream(session.id, asking, renewed)
    return True


async def _renew(upstreams: Upstreams, session: Session, upstream: Upstream, *, now: datetime) -> Upstream:
    kept = open_sign_in(upstreams.keyring, session.tenant_id, session.member_id, upstream)
    places = await list_places([session.tenant_id])
    credentials = await list_credentials(session.tenant_id, kept.product or "", keyring=upstreams.keyring)
    credential = next(
        (one for one in credentials if (one.app_id, one.instance_id) == (kept.app_id, kept.instance_id)), None
    )
    # Where the app is not any more, standing says so; there is nothing to ask with.
    if credential is None or kept.refresh_token is None or not places:
        return msgspec.structs.replace(upstream, renew_at=None)
    tokens = await renew(
        upstreams.http,
        places[0].domain_name,
        credential,
        kept.refresh_token,
        allow_http=upstreams.allow_http,
    )
    following = KeptSignIn(
        app_id=kept.app_id,
        instance_id=kept.instance_id,
        product=kept.product,
        refresh_token=tokens.refresh_token or kept.refresh_token,
    )
    return Upstream(
        sealed=seal_sign_in(upstreams.keyring, session.tenant_id, session.member_id, following),
        renew_at=renewal_of(tokens, now=now) or now + timedelta(seconds=tokens.expires_in),
    )
