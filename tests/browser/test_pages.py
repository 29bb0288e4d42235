"""Every page as a person meets it: no accessibility fault that axe knows, nothing cut off or blocked."""

from contextlib import asynccontextmanager

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.service.pages.samples import LANGUAGES, PAGES

ADDRESS = "http://tenon.test/page"
# Refusals differ in words alone: one with everything on it stands for all.
STRUCTURES = {
    name: make
    for name, make in PAGES.items()
    if not name.startswith("refused") or name == "refused_bad_request"
}


@asynccontextmanager
async def opened(chromium, *, width, scheme="light"):
    """A function that shows a response in a tab, and everything that the browser complained of."""
    context = await chromium.new_context(viewport={"width": width, "height": 640}, color_scheme=scheme)
    try:
        tab = await context.new_page()
        complaints = []
        tab.on("console", lambda message: complaints.append(message.text))
        shown = {}

        async def answer(route):
            if route.request.url != ADDRESS:
                await route.fulfill(status=204)
                return
            response = shown["response"]
            headers = {**response.headers, "Content-Type": response.media_type}
            # The status belongs to other tests; Chromium itself complains of errors.
            await route.fulfill(status=200, headers=headers, body=response.content)

        await tab.route("**/*", answer)

        async def show(response):
            shown["response"] = response
            await tab.goto(ADDRESS)
            return tab

        yield show, complaints
    finally:
        await context.close()


# Each two of language, width and scheme meet. 320 px is also what 1280 px are at 400 %; a page that holds at
# both holds at 200 %.
@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 320, "light"), ("zh-CN", 320, "dark"), ("en", 1280, "dark"), ("zh-CN", 1280, "light")],
)
async def test_no_page_has_an_accessibility_fault(chromium, language, width, scheme):
    faults = {}
    async with opened(chromium, width=width, scheme=scheme) as (show, complaints):
        for name, make in STRUCTURES.items():
            results = await Axe().run(await show(make(language)))
            assert results.response["testEngine"]["name"] == "axe-core"
            if results.violations_count:
                faults[name] = results.generate_report()
    assert faults == {}
    assert complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_page_is_wider_than_a_small_screen(chromium, language):
    async with opened(chromium, width=320) as (show, _):
        for name, make in PAGES.items():
            tab = await show(make(language))
            assert await tab.evaluate("document.documentElement.scrollWidth") <= 320, name


async def test_the_style_is_applied_under_the_policy(chromium):
    async with opened(chromium, width=1280) as (show, _):
        tab = await show(PAGES["signed_out"]("en"))
        assert await tab.evaluate("getComputedStyle(document.querySelector('main')).borderRadius") == "12px"


async def test_everything_to_press_is_reached_by_keyboard_in_reading_order_and_shows_it(chromium):
    async with opened(chromium, width=1280) as (show, _):
        for name, make in STRUCTURES.items():
            tab = await show(make("en"))
            stops = await tab.locator("a, button, input:not([type=hidden])").element_handles()
            for stop in stops:
                await tab.keyboard.press("Tab")
                assert await stop.evaluate("one => one === document.activeElement"), name
                assert await stop.evaluate("one => getComputedStyle(one).outlineWidth") == "3px", name


async def test_everything_to_press_is_large_enough_to_hit(chromium):
    async with opened(chromium, width=320) as (show, _):
        for name, make in STRUCTURES.items():
            tab = await show(make("en"))
            for target in await tab.locator("a.choice, .button, .choice, input[type=text]").all():
                box = await target.bounding_box()
                assert min(box["width"], box["height"]) >= 44, name
