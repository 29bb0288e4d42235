"""One Chromium for all tests in a browser."""

import pytest
from playwright.async_api import async_playwright

from tests.browser.chromium import ARGUMENTS, NoChromium, find_chromium


@pytest.fixture(scope="session")
async def chromium():
    """A running Chromium; tests open contexts of their own in it."""
    try:
        path = find_chromium()
    except NoChromium as reason:
        pytest.skip(f"There is no Chromium to be had here. {reason}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        await browser.close()
