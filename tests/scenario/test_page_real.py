"""The operator's page of a real gateway in a real browser, while people talk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from prometheus_client.parser import text_string_to_metric_families

from gateway.playground.ngircd import NgIRCd
from gateway.playground.process import free_ports
from tests.browser.chromium import chromium, windows
from tests.scenario.stage import Company, Door, Play, Stage, line, meet
from tests.waiting import DEADLINE, eventually

NET = "ngircd"
TOKEN = "not so easily guessed"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, ngircd: NgIRCd) -> AsyncIterator[Stage]:
    (port,) = free_ports(1)
    table = f'[operator]\nlisten = "127.0.0.1:{port}"\ntoken = "{TOKEN}"\n'
    play = Play({NET: Door(ngircd.host, ngircd.port)}, {"irc": {}, "spare": {}}, more=table)
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()


def address(stage: Stage) -> str:
    return "http://" + stage.config.read_text(encoding="utf-8").split('listen = "')[1].split('"')[0]


async def sign_in(page: Page, stage: Stage) -> None:
    await page.goto(f"{address(stage)}/login")
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


async def to(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()


def total(page: Page, row: int) -> Locator:
    """Messages of one direction: 0 in, 1 out."""
    return page.locator("#facts-irc .traffic tbody tr").nth(row).locator("td").nth(3)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_an_operator_sees_and_steers_a_gateway_while_people_talk(
    stage: Stage, company: Company, script: bool
) -> None:
    scene = await meet(company, NET)
    bare = scene.alice.bare
    async with chromium() as browser, windows(browser) as opening:
        page = await opening(java_script_enabled=script)
        await sign_in(page, stage)

        # Numbers move when a message passes, by themselves or when the page is loaded again.
        before = await total(page, 0).inner_text()
        await scene.talk("first")

        async def moved() -> bool:
            if not script:
                await page.reload()
            return await total(page, 0).inner_text() != before

        assert await eventually(moved)

        # A message is found by its id: its way, not its text.
        id_ = scene.alice.say(stage.contact(scene.carol.nick, NET), "not for the page")
        await scene.carol.expect(line("PRIVMSG", scene.carol.nick), within=DEADLINE)
        await to(page, "Messages")
        await page.get_by_label("Any id").fill(id_)
        await page.get_by_role("button", name="Search").click()
        await expect(page.locator(".steps li").first).to_be_visible()
        await expect(page.locator("main")).not_to_contain_text("not for the page")

        # So is a user.
        await to(page, "Accounts")
        await page.get_by_label("User, network or reason").fill(bare)
        await page.get_by_role("button", name="Show").click()
        row = page.get_by_role("row", name=bare)
        await expect(row).to_contain_text("connected")

        # A limit is changed, and holds.
        await to(page, "Limits")
        await page.locator("#joins_per_minute").fill("77")
        await page.get_by_role("button", name="Change limits of irc").click()
        await expect(page.get_by_role("status")).to_contain_text("changed, from now on")
        await expect(page.locator("#joins_per_minute")).to_have_value("77")
        await page.locator("#joins_per_minute").fill("")
        await page.get_by_role("button", name="Change limits of irc").click()
        await expect(page.locator("#joins_per_minute")).to_have_value("")

        # Restarting another bridge disturbs nobody.
        await to(page, "Gateway")
        await page.get_by_role("link", name="Restart spare").click()
        await page.get_by_role("button", name="Restart spare").click()
        await expect(page.get_by_role("status")).to_contain_text("spare was restarted")
        await scene.talk("second")

        # The doctor says something about the bridge.
        await to(page, "Doctor")
        await page.get_by_label("What").select_option("irc")
        await page.get_by_role("button", name="Examine").click()
        await expect(page.locator(".summary")).to_contain_text("Done.", timeout=2_000 * DEADLINE)
        assert await page.locator(".findings .good").count() > 0

        # Somebody is shut out at once, and let in again.
        await to(page, "Access")
        await page.get_by_label("User or domain").fill(bare)
        await page.get_by_role("button", name="Decide").click()
        await expect(page.get_by_role("status")).to_contain_text(f"{bare} is shut out of irc")
        await scene.carol.expect(line("QUIT", sender=scene.nick), within=DEADLINE)
        await page.get_by_role("row", name=bare).get_by_role("button").click()
        await expect(page.get_by_role("status")).to_contain_text("is taken back")


async def test_machines_get_numbers_and_readiness(stage: Stage) -> None:
    async with aiohttp.ClientSession(address(stage)) as session:

        async def ready() -> bool:
            async with session.get("/readyz") as response:
                return response.status == 200

        assert await eventually(ready)
        async with session.get("/metrics") as response:
            assert response.status == 401
        async with session.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}) as response:
            assert response.status == 200
            families = list(text_string_to_metric_families(await response.text()))
    samples = [sample for family in families for sample in family.samples]
    assert {each.labels["bridge"] for each in samples if each.name == "causeway_link_up"} == {"irc", "spare"}
    assert all(family.type != "unknown" and family.documentation for family in families)


async def test_a_thousand_connections_do_not_keep_people_from_talking(stage: Stage, company: Company) -> None:
    scene = await meet(company, NET)
    host, _, port = address(stage).removeprefix("http://").rpartition(":")
    opened: list[asyncio.StreamWriter] = []
    try:
        for _ in range(10):
            pairs = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(100)))
            opened += [writer for _, writer in pairs]
            await scene.talk(f"meanwhile {len(opened)}")
    finally:
        for writer in opened:
            writer.close()
    async with aiohttp.ClientSession(address(stage)) as session:

        async def alive() -> bool:
            try:
                async with session.get("/healthz") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        assert await eventually(alive)
