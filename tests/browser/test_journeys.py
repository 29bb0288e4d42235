"""The whole way of a person in a browser that runs no script: vendor, Tenon, upstream, and back, and out."""

from urllib.parse import urlsplit

import pytest

from tests.browser.steps import (
    follow,
    form_of_another_site,
    heading,
    log_in_at_centre,
    log_in_at_provider,
    opened,
    press,
    type_code,
)
from tests.peers import node_program, upstream_provider
from tests.relying.sites import open_site
from tests.service.offices import OTHER

pytestmark = pytest.mark.xdist_group("relying")

SECRET = "the-secret-of-tenon-at-the-provider"


@pytest.fixture(scope="module")
async def site(servers, migrated, private_key):
    async with open_site(servers, private_key) as site:
        yield site


@pytest.fixture(scope="module")
async def program():
    async with node_program("relying_openid_client.mjs", {}) as told:
        yield told["url"]


@pytest.fixture
async def office(site):
    return await site.open_office()


@pytest.fixture
async def vendor(site, office, program):
    """A vendor's application with pages for people."""
    party = await site.register(office, program)
    await party.do("serve")
    return party


@pytest.fixture
async def provider(site, office):
    """The enterprise signs its people in itself; lin's account there is ann's here."""
    client = {
        "client_id": "tenon",
        "client_secret": SECRET,
        "redirect_uris": [site.oidc_callback(office, "acme")],
        "post_logout_redirect_uris": [site.signed_out],
    }
    people = {"lin": {"preferred_username": "ann", "name": "Lin"}}
    async with upstream_provider(clients=[client], people=people) as provider:
        settings = {"kind": "oidc", "issuer": provider.issuer, "client_id": "tenon", "secret": SECRET}
        await office.put("/connections/acme", {**settings, "title": "Acme account"})
        yield provider


async def test_in_with_the_enterprises_own_provider_and_out_everywhere(chromium, office, vendor, provider):
    async with opened(chromium) as tab:
        await tab.goto(vendor.url)
        await follow(tab, "Sign in")
        await type_code(tab, office.code)
        await follow(tab, "Acme account")
        await log_in_at_provider(tab, "lin")
        assert await heading(tab) == "Welcome, Ann"
        await follow(tab, "Sign out without a hint")
        assert urlsplit(tab.url).path == "/oauth2/end-session"
        await press(tab, "Sign out")
        await press(tab, "Yes, sign me out")
        assert await heading(tab) == "You have left"
        assert await tab.locator("#state").inner_text() == "the-state"
        # The enterprise is remembered, and nobody is signed in any more, there neither.
        await tab.goto(vendor.url)
        await follow(tab, "Sign in")
        await follow(tab, office.code)
        await follow(tab, "Acme account")
        await log_in_at_provider(tab, "lin")
        assert await heading(tab) == "Welcome, Ann"
        await tab.get_by_role("link", name="Sign out", exact=True).click()
        await press(tab, "Yes, sign me out")
        assert await heading(tab) == "You have left"


async def test_in_and_out_with_the_marketplaces_account_in_chinese(chromium, site, office, vendor):
    async with opened(chromium, locale="zh-CN") as tab:
        await tab.goto(vendor.url)
        await follow(tab, "Sign in")
        assert await tab.locator("html").get_attribute("lang") == "zh-CN"
        await type_code(tab, "nobody-has-this-code")
        assert await tab.get_by_role("alert").is_visible()
        await type_code(tab, office.code)
        await log_in_at_centre(tab, office, "ann")
        assert await heading(tab) == "Welcome, Ann"
        await follow(tab, "Sign out without a hint")
        assert await tab.locator("html").get_attribute("lang") == "zh-CN"
        await tab.locator("main button").click()
        assert await heading(tab) == "You have left"
        await tab.goto(f"{site.address}/signed-in")
        assert await tab.locator("html").get_attribute("lang") == "zh-CN"
        assert "Ann" not in await tab.locator("main").inner_text()


async def test_somebody_whose_access_was_withdrawn_is_told_so_and_may_begin_anew(chromium, office, vendor):
    await office.authorise("eve")
    await office.authorise("eve", flag=3)
    async with opened(chromium) as tab:
        await tab.goto(vendor.url)
        await follow(tab, "Sign in")
        await type_code(tab, office.code)
        await log_in_at_centre(tab, office, "eve")
        assert await heading(tab) == "Your access has been withdrawn"
        await follow(tab, "Try again")
        assert await heading(tab) == "Choose your enterprise"


@pytest.mark.parametrize("home", ["/", "elsewhere"])
async def test_of_two_apps_the_chosen_one_is_opened_wherever_the_vendor_leads_then(
    chromium, office, vendor, home
):
    """Chromium applies `form-action` to all redirects that follow a form, the vendor's own included."""
    await office.employ("ann")
    if home == "elsewhere":
        home = f"{vendor.url.replace('127.0.0.1', 'localhost')}/after?state=elsewhere"
    await vendor.do("serve", home=home)
    async with opened(chromium) as tab:
        await tab.goto(f"{vendor.url}/login?tenant={office.tenant_id}")
        await log_in_at_centre(tab, office, "ann")
        await press(tab, OTHER)
        if home == "/":
            assert await tab.locator("#app").inner_text() == OTHER
        else:
            assert await tab.locator("#state").inner_text() == "elsewhere"


async def test_whoever_starts_at_the_marketplace_sees_who_is_signed_in_where_no_application_begins_a_login(
    chromium, site, office
):
    async with opened(chromium) as tab:
        await tab.goto(site.auth_centre.workbench_link(office.centre.enterprise, "ann"))
        assert urlsplit(tab.url).path == "/signed-in"
        assert "Ann" in await tab.locator("main").inner_text()
        await press(tab, "Sign out")
        assert urlsplit(tab.url).path == "/sign-out/done"


async def test_a_native_application_is_come_back_to_after_signing_out(chromium, site, office, program):
    """RFC 8252 7.1: the address of a native application has a scheme of its own."""
    back = "com.example.crm:/after"
    vendor = await site.register(office, program, post_logout_redirect_uris=[back])
    await vendor.do("serve")
    async with opened(chromium) as tab:
        await tab.goto(f"{vendor.url}/login?tenant={office.tenant_id}")
        await log_in_at_centre(tab, office, "ann")
        left = await vendor.do("leave", parameters={"post_logout_redirect_uri": back})
        await tab.goto(left["url"])
        # Nobody has installed the application, so the way ends there; that our page let the browser go is
        # told by the console, which says nothing of a policy.
        async with tab.expect_event("requestfailed") as failed:
            await press(tab, "Sign out")
        assert urlsplit((await failed.value).url).path == "/sign-out/done"


async def test_whoever_is_refused_and_begins_anew_gets_to_where_the_application_wanted(
    chromium, office, vendor
):
    await office.authorise("eve")
    await office.authorise("eve", flag=3)
    async with opened(chromium) as tab:
        await tab.goto(f"{vendor.url}/login?tenant={office.tenant_id}")
        await log_in_at_centre(tab, office, "eve")
        await follow(tab, "Try again")
        if await tab.locator("#tenant").count():
            await type_code(tab, office.code)
        await log_in_at_centre(tab, office, "ann")
        assert await heading(tab) == "Welcome, Ann"


async def test_a_sign_in_that_has_to_be_fresh_is_fresh_at_the_provider_too(
    chromium, office, vendor, provider
):
    """OpenID Connect Core 3.1.2.1: `prompt=login` has the person prove anew who it is."""
    link = f"{vendor.url}/login?tenant={office.tenant_id}&connection=acme"
    async with opened(chromium) as tab:
        await tab.goto(link)
        await log_in_at_provider(tab, "lin")
        await tab.goto(f"{link}&prompt=login")
        assert tab.url.startswith(provider.issuer)


async def test_a_form_of_the_vendors_site_asks_for_a_code_of_the_present_session(chromium, office, vendor):
    """OpenID Connect Core 3.1.2.1: both GET and POST."""
    async with opened(chromium) as tab:
        await tab.goto(f"{vendor.url}/login?tenant={office.tenant_id}")
        await log_in_at_centre(tab, office, "ann")
        begun = await vendor.do("begin", parameters={"prompt": "none"})
        await tab.goto(form_of_another_site(vendor, begun["url"]))
        await press(tab, "Go")
        assert "error=login_required" not in tab.url
        assert "code=" in tab.url


async def test_a_form_of_the_vendors_site_signs_out(chromium, office, vendor):
    """RP-Initiated Logout 2: both GET and POST."""
    async with opened(chromium) as tab:
        await tab.goto(f"{vendor.url}/login?tenant={office.tenant_id}")
        await log_in_at_centre(tab, office, "ann")
        back = f"{vendor.url}/after"
        left = await vendor.do("leave", parameters={"post_logout_redirect_uri": back})
        await tab.goto(form_of_another_site(vendor, left["url"]))
        await press(tab, "Go")
        if await tab.get_by_role("button", name="Sign out").count():
            await press(tab, "Sign out")
        assert await heading(tab) == "You have left"
        assert await office.everything("/sessions") == []
