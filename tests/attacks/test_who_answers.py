"""Whom a request is answered for, and how freshly they have signed in."""

from datetime import timedelta

from tests.attacks.asking import ask, assert_page, error_of
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import query_of, sign_in, told


async def test_a_prompt_that_contradicts_itself_is_refused(relying, ann):
    """OpenID Connect Core 3.1.2.1."""
    for prompt in ("none login", "none consent", "create", "login hack"):
        _, request = relying.request(prompt=prompt)
        assert await error_of(ann, request) == "invalid_request"


async def test_a_silent_request_without_a_session_shows_nothing(relying, app):
    """OpenID Connect Core 3.1.2.6."""
    _, request = relying.request(prompt="none")
    assert await error_of(Browser(app), request) == "login_required"


async def test_a_silent_request_of_somebody_who_has_lost_access_gives_no_code(relying, ann, office):
    """OpenID Connect Core 3.1.2.6: standing is asked, whatever the session says."""
    await office.authorise("ann", flag=3)
    _, request = relying.request(prompt="none")
    assert await error_of(ann, request) in {"login_required", "access_denied"}


async def test_a_max_age_that_is_none_is_refused(relying, ann):
    """OpenID Connect Core 3.1.2.1."""
    for age in ("-1", "x", "1e9", "99999999999", "٣", "1.5", " 1"):
        _, request = relying.request(max_age=age)
        assert await error_of(ann, request) == "invalid_request"


async def test_a_session_older_than_max_age_is_not_enough(relying, app, office):
    """OpenID Connect Core 3.1.2.1: `auth_time` must be as fresh as was asked for."""
    await office.authorise("ann")
    browser = await sign_in(app, office, "ann", ago=timedelta(minutes=30))
    _, request = relying.request(prompt="none")
    assert "code" in told(await ask(browser, request, max_age="3600"), {**request, "max_age": "3600"})
    assert await error_of(browser, request, max_age="600") == "login_required"
    assert await error_of(browser, request, max_age="0") == "login_required"
    _, request = relying.request(max_age="600")
    assert (await ask(browser, request)).headers["location"].startswith("/sign-in?")


async def test_asking_for_a_new_sign_in_is_not_answered_by_the_old_session(relying, ann):
    """OpenID Connect Core 3.1.2.1: neither at once nor by going straight on."""
    for prompt in ("login", "select_account", "login consent"):
        _, request = relying.request(prompt=prompt)
        answer = await ask(ann, request)
        link = answer.headers["location"]
        assert link.startswith("/sign-in?request=")
        again = await ann.get("/oauth2/continue", params={"request": query_of(link)["request"]})
        assert again.headers["location"].startswith("/sign-in?request=")


async def test_a_new_sign_in_satisfies_a_request_for_one(relying, ann, app, office):
    """The other half: a session that began after the request was brought is fresh."""
    _, request = relying.request(prompt="login", max_age="0")
    handle = query_of((await ask(ann, request)).headers["location"])["request"]
    fresh = await sign_in(app, office, "ann")
    ann.cookies["tenon-session"] = fresh.cookies["tenon-session"]
    answer = await ann.get("/oauth2/continue", params={"request": handle})
    assert "code" in told(answer, request)


async def test_a_session_of_one_enterprise_does_not_answer_for_another(relying, ann, neighbour):
    """A hint of another enterprise leads to signing in there, silently to an error."""
    for tenant in (neighbour.tenant_id, "neighbour.example", "no-such-enterprise"):
        _, request = relying.request(tenant=tenant)
        assert (await ask(ann, request)).headers["location"].startswith("/sign-in?request=")
        assert await error_of(ann, request, prompt="none") == "login_required"


async def test_the_enterprise_may_be_named_by_id_or_code_in_any_spelling_of_the_id(relying, ann, office):
    """What the sign-in page takes for it must be it here too, or the browser goes round for ever."""
    tenant = await office.get("")
    for named in (
        office.tenant_id,
        office.tenant_id.upper(),
        office.tenant_id.replace("-", ""),
        tenant["code"],
        tenant["code"].upper(),
        f" {tenant['code']} ",
    ):
        _, request = relying.request(tenant=named)
        assert "code" in told(await ask(ann, request), request), named


async def test_an_app_that_the_person_may_not_use_gives_no_code(relying, ann, office):
    """The client's hint is no permission."""
    for wanted in ("app-of-somebody", office.app.upper(), "'; DROP TABLE app; --", "\0"):
        _, request = relying.request(app=wanted)
        assert_page(await ask(ann, request), 403)
        assert await error_of(ann, request, prompt="none") == "access_denied"


async def test_an_app_of_another_product_gives_no_code(stranger, ann):
    """A client gets people of its own product only."""
    _, request = stranger.request()
    assert_page(await ask(ann, request), 403)
    assert await error_of(ann, request, prompt="none") == "access_denied"


async def test_a_hint_of_somebody_else_gets_no_code_of_who_is_signed_in(relying, ann, app, office):
    """OpenID Connect Core 3.1.2.1: for the person that the ID token names, or an error."""
    await office.authorise("eve")
    eve = await sign_in(app, office, "eve")
    hint = (await relying.tokens(eve))["id_token"]
    _, request = relying.request(id_token_hint=hint)
    assert await error_of(ann, request, prompt="none") == "login_required"
    assert "code" in told(await ask(eve, request, prompt="none"), request)
    link = (await ask(ann, request)).headers["location"]
    assert link.startswith("/sign-in?request=")
    # Signing in once more as the same person would go round for ever.
    ann.cookies |= (await sign_in(app, office, "ann")).cookies
    answer = await ann.get("/oauth2/continue", params={"request": query_of(link)["request"]})
    assert told(answer, request)["error"] == "login_required"


async def test_a_hint_that_proves_nothing_is_refused(relying, sister, ann):
    """OpenID Connect Core 3.1.2.1: made up, or made for another client."""
    other = (await sister.tokens(ann))["id_token"]
    _, request = relying.request()
    for hint in ("x", "eyJhbGciOiJub25lIn0.e30.", other, other[:-4] + "AAAA"):
        assert await error_of(ann, request, id_token_hint=hint) == "invalid_request"
