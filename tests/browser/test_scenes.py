"""The operator's page as a browser shows it, over a desk of the test's."""

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from gateway.bridge import Finding, Verdict
from gateway.clock import SystemClock
from gateway.ops.status import Direction
from tests.browser import scenes
from tests.browser.chromium import Opening
from tests.fakes.desk import FakeDesk
from tests.unit.page.house import TOKEN, House, house

pytestmark = pytest.mark.asyncio(loop_scope="module")

FITS = "document.documentElement.scrollWidth <= innerWidth"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
LOOKS = {
    "usual": ({"viewport": WIDE, "color_scheme": "light"}, ("", "accounts", "limits", "access")),
    "troubled": (
        {"viewport": NARROW, "color_scheme": "dark"},
        ("", "accounts", "failures", "messages?id=m1", "doctor", "gateway"),
    ),
}
PAGES = ("?span=day", "accounts?page=3", "limits", "access", "doctor", "gateway", "restart?bridge=irc")


async def sign_in(page: Page, place: House) -> None:
    await page.goto(f"http://127.0.0.1:{place.port}/login")
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


@pytest.mark.parametrize("scene", LOOKS)
async def test_everybody_can_read_every_page(opening: Opening, scene: str) -> None:
    look, paths = LOOKS[scene]
    async with house(desk=getattr(scenes, scene)(SystemClock())) as place:
        page = await opening(**look)
        await page.goto(f"http://127.0.0.1:{place.port}/login")
        await _is_sound(page)
        await sign_in(page, place)
        for path in paths:
            await page.goto(f"http://127.0.0.1:{place.port}/{path}")
            await _is_sound(page)


async def test_nothing_is_wider_than_the_smallest_screens(opening: Opening) -> None:
    async with house(desk=scenes.huge(SystemClock())) as place:
        page = await opening(viewport={"width": 320, "height": 600})
        await sign_in(page, place)
        for path in PAGES:
            await page.goto(f"http://127.0.0.1:{place.port}/{path}")
            assert await page.evaluate(FITS), path


async def _is_sound(page: Page) -> None:
    """No rule of WCAG 2.2 AA that a program can check is broken, and nothing is to be scrolled sideways."""
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = await Axe().run(page, options={**rules, "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate(FITS), page.url


async def test_it_can_be_used_with_the_keyboard_alone(opening: Opening) -> None:
    async with house(desk=scenes.usual(SystemClock())) as place:
        page = await opening()
        await page.goto(f"http://127.0.0.1:{place.port}/login")
        await expect(page.get_by_label("Token")).to_be_focused()
        await page.keyboard.type(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#main")).to_be_focused()
        for _ in range(3):  # hour, day, accounts of the first bridge
            await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Accounts").nth(1)).to_be_focused()
        width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "2px"


async def test_numbers_move_while_one_looks_and_nothing_that_is_open_is_closed(opening: Opening) -> None:
    async with house(desk=scenes.usual(SystemClock())) as place:
        page = await opening()
        await sign_in(page, place)
        await expect(page.locator(".live")).to_have_text("live")
        await page.locator("#traffic-irc-table summary").click()
        await page.locator("#latency-irc-table summary").focus()
        cell = page.locator("#facts-irc .traffic tbody tr").first.locator("td").nth(3)
        await expect(cell).to_have_text("184,032")
        said = await page.locator("#plots-irc .plot desc").first.text_content()
        _count(place.desk, 184_033)
        await expect(cell).to_have_text("184,033")
        await expect(page.locator("#plots-irc .plot desc").first).not_to_have_text(said)
        await expect(page.locator("#traffic-irc-table")).to_have_attribute("open", "")
        await expect(page.locator("#latency-irc-table summary")).to_be_focused()


def _count(desk: scenes.Busy, total: int) -> None:
    irc, *others = desk.view.bridges
    incoming = replace(irc.traffic[Direction.IN], total=total)
    irc = replace(irc, traffic={**irc.traffic, Direction.IN: incoming})
    desk.view = replace(desk.view, bridges=(irc, *others))
    desk.busy = 600.0


async def test_trouble_shows_by_itself(opening: Opening) -> None:
    async with house(desk=scenes.usual(SystemClock())) as place:
        page = await opening()
        await sign_in(page, place)
        await expect(page.locator("#state")).to_have_text("All is well")
        place.desk.health.report("database", "The database is gone: look at the disk.")
        place.desk.view = replace(place.desk.view, ready=False, ailments=tuple(place.desk.health))
        await expect(page.locator("#ailments")).to_contain_text("The database is gone")
        await expect(page.locator("#state")).to_have_text("Not carrying messages")
        assert await page.locator("#ailments").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_everything_can_be_done(opening: Opening, script: bool) -> None:
    async with house(desk=scenes.usual(SystemClock())) as place:
        page = await opening(java_script_enabled=script)
        await sign_in(page, place)
        menu = page.get_by_role("navigation", name="Pages")

        await menu.get_by_role("link", name="Accounts").click()
        await page.get_by_label("State").select_option("bad-credentials")
        await page.get_by_label("User, network or reason").fill("user106")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_role("row")).to_have_count(2)

        await menu.get_by_role("link", name="Limits").click()
        await page.get_by_label("New contacts an hour").fill("5")
        await page.get_by_role("button", name="Change limits of irc").click()
        await expect(page.get_by_role("status")).to_contain_text("The limits of irc are changed")

        await menu.get_by_role("link", name="Access").click()
        await page.get_by_label("User or domain").fill("bad@evil.example")
        await page.get_by_role("button", name="Decide").click()
        await expect(page.get_by_role("status")).to_contain_text("bad@evil.example is shut out of irc")

        await menu.get_by_role("link", name="Messages").click()
        await page.get_by_label("Any id").fill("m1")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_role("heading", name="Waits for the network")).to_be_visible()

        await menu.get_by_role("link", name="Gateway").click()
        await page.get_by_label("Least that is logged").select_option("debug")
        await page.get_by_role("button", name="Change").click()
        await page.get_by_role("link", name="Restart irc").click()
        await page.get_by_role("button", name="Restart irc").click()
        await expect(page.get_by_role("status")).to_contain_text("irc was restarted")

        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Causeway")
        assert place.desk.done == [
            ("limits", "irc", {"new_contacts_per_hour": 5}, "page"),
            ("decide", "irc", "bad@evil.example", False, "", "page"),
            ("trace", "m1"),
            ("log level", "debug", "page"),
            ("restart", "irc", "page"),
        ]


class SlowDoctor(FakeDesk):
    """Finds the second thing when the test lets it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gate = asyncio.Event()

    async def doctor(self, bridge=""):
        yield Finding(Verdict.OK, "The first is well.", "first")
        await self.gate.wait()
        yield Finding(Verdict.FAIL, "The second is not.", "second", "paste = this", "a file")


@pytest_asyncio.fixture(loop_scope="module")
async def slow() -> SlowDoctor:
    return SlowDoctor(SystemClock(), scenes.usual(SystemClock()).view)


async def test_findings_are_shown_as_they_come(opening: Opening, slow: SlowDoctor) -> None:
    async with house(desk=slow) as place:
        page = await opening()
        await sign_in(page, place)
        await page.goto(f"http://127.0.0.1:{place.port}/doctor")
        await page.get_by_role("button", name="Examine").click(no_wait_after=True)
        await expect(page.locator(".findings")).to_contain_text("The first is well.")
        await expect(page.locator(".findings")).not_to_contain_text("The second")
        slow.gate.set()
        await expect(page.locator(".findings pre")).to_have_text("paste = this")
        await expect(page.locator(".summary")).to_contain_text("1 ok, 1 failed.")
        await expect(page.get_by_role("button", name="Copy")).to_be_visible()
