"""One browser for each module."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import Opening, chromium, windows


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def opening(browser: Browser) -> AsyncIterator[Opening]:
    async with windows(browser) as opening_:
        yield opening_
