"""A real browser. Where it is missing, tests fail."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.waiting import DEADLINE

CHROMIUM = "/usr/bin/chromium"
#: It is root who runs CI, and the browser is to ask nobody but us.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = DEADLINE * 1000
Opening = Callable[..., Awaitable[Page]]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    expect.set_options(timeout=MILLISECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def windows(browser: Browser) -> AsyncIterator[Opening]:
    """Opens windows of their own; what goes wrong in any of them fails the test."""
    wrong: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_(**options: object) -> Page:
            context: BrowserContext = await stack.enter_async_context(_closing(browser, options))
            page = await context.new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
            return page

        yield open_
    assert not wrong


@asynccontextmanager
async def _closing(browser: Browser, options: dict[str, object]) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(**options)
    try:
        yield context
    finally:
        await context.close()
