"""The operator's page of a freshly made machine in Chromium, for ``scripts/fresh-machine --pictures``.

    look.py ADDRESS TOKEN DIRECTORY

Runs on the machine outside, in the network of the one inside. Signs in as a person does, goes to every page, wide and
narrow, light and dark, and fails if the browser complains of anything.
"""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import async_playwright, expect

from tests.browser.chromium import CHROMIUM, FLAGS

PAGES = ("Overview", "Accounts", "Messages", "Failures", "Limits", "Access", "Doctor", "Gateway")
WINDOWS = {"wide": (1280, 900), "narrow": (390, 844)}


async def main(address, token, directory):
    wrong = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for window, (width, height) in WINDOWS.items():
            for colours in ("light", "dark"):
                page = await browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=colours
                )
                page.on("pageerror", lambda error: wrong.append(str(error)))
                page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
                await page.goto(f"{address}/login")
                await page.get_by_label("Token").fill(token)
                await page.get_by_role("button", name="Sign in").click()
                for name in PAGES:
                    links = page.get_by_role("navigation", name="Pages")
                    await links.get_by_role("link", name=name).click()
                    await expect(page.get_by_role("heading", level=1)).to_be_visible()
                    if name == "Doctor":
                        await page.get_by_role("button", name="Examine").click()
                        await expect(page.locator(".summary")).to_contain_text("Done.", timeout=120_000)
                    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if wider > 0:
                        wrong.append(f"{name}, {window}: {wider} pixels wider than the window")
                    picture = Path(directory) / f"{name.lower()}-{window}-{colours}.png"
                    await page.screenshot(path=picture, full_page=True)
                await page.close()
        await browser.close()
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"Looked at {len(PAGES)} pages, wide and narrow, light and dark: {directory}")


asyncio.run(main(*sys.argv[1:]))
