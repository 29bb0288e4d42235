"""What a person does in a browser on the way through vendor, Tenon and upstream."""

from contextlib import asynccontextmanager
from urllib.parse import urlencode, urlsplit

PATIENCE = 15_000


@asynccontextmanager
async def opened(chromium, **options):
    """A tab without script that reaches this machine only; our pages' policies must hold nothing up."""
    context = await chromium.new_context(java_script_enabled=False, **{"locale": "en-GB", **options})
    try:
        context.set_default_timeout(PATIENCE)
        await context.route(lambda url: urlsplit(url).hostname not in {"127.0.0.1", "localhost"}, refuse)
        tab = await context.new_page()
        told = []
        tab.on("console", lambda message: told.append(message.text))
        yield tab
        assert [text for text in told if "Content Security Policy" in text] == []
    finally:
        await context.close()


async def refuse(route):
    await route.abort()


async def heading(tab):
    return await tab.locator("h1").inner_text()


async def press(tab, name):
    await tab.get_by_role("button", name=name).click()


async def follow(tab, name):
    await tab.get_by_role("link", name=name).click()


async def type_code(tab, code):
    await tab.locator("#tenant").fill(code)
    await tab.locator("main button").click()


async def log_in_at_provider(tab, login):
    await tab.locator("[name=login]").fill(login)
    await tab.locator("[name=password]").fill("-")
    await press(tab, "Sign-in")
    await press(tab, "Continue")


async def log_in_at_centre(tab, office, account):
    await tab.get_by_label("Application").select_option(office.centre.client_id)
    await tab.get_by_label("Account").fill(account)
    await press(tab, "Sign in")


def form_of_another_site(vendor, link):
    """Cookies know hosts, not ports: the vendor has another one here than Tenon."""
    return f"{vendor.url.replace('127.0.0.1', 'localhost')}/form?{urlencode({'to': link})}"
