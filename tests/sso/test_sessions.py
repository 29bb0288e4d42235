"""Sessions as they are kept: how long, and that all that was given out in one goes with it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from sso.bearer import make_cookie, make_family_id, make_token, read_cookie, read_token
from sso.sessions import Session, Upstream

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ONE = timedelta(seconds=1)


@pytest.fixture
def store(runtime):
    return runtime.sessions


async def started(store, *, at=NOW, tenant_id=None, member_id=None, upstream=None):
    session_id = uuid4()
    _, digest = make_cookie(session_id)
    session = Session(
        id=session_id,
        tenant_id=tenant_id or uuid4(),
        member_id=member_id or uuid4(),
        connection="koogallery",
        digest=digest,
        authenticated_at=at,
        started_at=at,
        until=at + store.lifetimes.most,
    )
    await store.start(session, upstream)
    return session


async def test_a_session_is_found_as_it_was_kept(store):
    upstream = Upstream(sealed=b"sealed", renew_at=NOW + ONE)
    session = await started(store, upstream=upstream)
    held = await store.find(session.id, now=NOW + ONE)
    assert (held.session, held.upstream, held.family) == (session, upstream, None)


async def test_a_session_without_use_ends_after_the_idle_time(store):
    idle = store.lifetimes.idle
    session = await started(store)
    held = await store.find(session.id, now=NOW + idle - ONE)
    await store.keep(held, now=NOW + idle - ONE)
    assert await store.find(session.id, now=NOW + 2 * idle - 3 * ONE) is not None
    assert await store.find(session.id, now=NOW + 3 * idle) is None


async def test_a_session_ends_after_the_longest_time_however_much_it_is_used(store):
    session = await started(store)
    moment = NOW
    while moment + store.lifetimes.idle / 2 < session.until:
        moment += store.lifetimes.idle / 2
        await store.keep(await store.find(session.id, now=moment), now=moment)
    assert await store.find(session.id, now=session.until - ONE) is not None
    assert await store.find(session.id, now=session.until) is None


async def test_looking_for_a_session_does_not_keep_it_alive(store):
    """Its id stands in every ID token; only who proves the session uses it."""
    idle = store.lifetimes.idle
    session = await started(store)
    for part in (0.5, 0.9):
        assert await store.find(session.id, now=NOW + part * idle) is not None
    assert await store.find(session.id, now=NOW + idle) is None


async def test_a_session_that_has_ended_is_not_brought_back_by_a_use_under_way(store):
    session = await started(store)
    held = await store.find(session.id, now=NOW + timedelta(minutes=5))
    await store.end(session)
    await store.keep(held, now=NOW + timedelta(minutes=5))
    assert not await store._redis.exists(f"tenon:session:{session.id}")


async def test_redis_forgets_a_session_by_itself(store):
    session = await started(store)
    left = await store._redis.pttl(f"tenon:session:{session.id}")
    assert 0 < left <= store.lifetimes.idle.total_seconds() * 1000


async def test_ending_a_session_ends_all_that_was_given_out_in_it(store):
    session = await started(store)
    family = make_family_id(now=NOW)
    assert await store.add_family(session.id, family, b"a family")
    assert (await store.find(session.id, family=family, now=NOW)).family == b"a family"
    assert await store.end(session)
    assert await store.find(session.id, family=family, now=NOW) is None
    assert not await store.replace_family(session.id, family, b"a family", b"another")
    assert not await store.end(session)


async def test_nothing_is_given_out_in_a_session_that_has_ended(store):
    session = await started(store)
    await store.end(session)
    assert not await store.add_family(session.id, make_family_id(now=NOW), b"a family")
    assert await store.find(session.id, now=NOW) is None


async def test_of_two_who_replace_the_same_family_one_succeeds(store):
    session = await started(store)
    family = make_family_id(now=NOW)
    await store.add_family(session.id, family, b"first")
    assert await store.replace_family(session.id, family, b"first", b"second")
    assert not await store.replace_family(session.id, family, b"first", b"third")
    assert (await store.find(session.id, family=family, now=NOW)).family == b"second"


async def test_a_session_holds_a_bounded_number_of_families_and_the_oldest_make_room(store):
    session = await started(store)
    families = [make_family_id(now=NOW + n * ONE) for n in range(40)]
    for family in families:
        assert await store.add_family(session.id, family, family.encode())
    kept = [
        family
        for family in families
        if (await store.find(session.id, family=family, now=NOW)).family is not None
    ]
    assert kept == families[-32:]


async def test_the_sessions_of_a_tenant_are_listed_in_the_order_of_their_start(store):
    tenant_id, member_id = uuid4(), uuid4()
    sessions = [
        await started(store, at=NOW + n * ONE, tenant_id=tenant_id, member_id=member_id if n % 2 else None)
        for n in range(5)
    ]
    first = await store.list_ids(tenant_id, after=None, limit=3)
    rest = await store.list_ids(tenant_id, after=first[-1], limit=3)
    assert [name for _, name in [*first, *rest]] == [str(one.id) for one in sessions]
    own = await store.list_ids(tenant_id, member_id=member_id, after=None, limit=10)
    assert [name for _, name in own] == [str(sessions[1].id), str(sessions[3].id)]
    assert await store.list_ids(uuid4(), after=None, limit=10) == []


def test_a_cookie_names_its_session_and_proves_it():
    session_id = uuid4()
    text, digest = make_cookie(session_id)
    assert read_cookie(text) == (session_id, digest)


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-1], lambda text: text + "A", lambda text: "é" + text[1:]]
)
def test_what_is_no_cookie_names_nothing(spoil):
    text, _ = make_cookie(uuid4())
    assert read_cookie(spoil(text)) is None


def test_a_token_is_good_for_one_use_only():
    session_id, family = uuid4(), make_family_id(now=NOW)
    text, digest = make_token("refresh", session_id, family)
    located = read_token("refresh", text)
    assert (located.session_id, located.family, located.digest) == (session_id, family, digest)
    assert read_token("access", text) is None
    assert read_token("code", text) is None


def test_a_token_has_one_spelling_only():
    """Unused bits of the last character would else make several texts of one secret."""
    text, _ = make_cookie(uuid4())
    swapped = [text[:-1] + other for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if other != text[-1]]
    digests = {read[1] for read in map(read_cookie, swapped) if read is not None}
    assert len(digests) == sum(read_cookie(one) is not None for one in swapped)
