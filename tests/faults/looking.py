"""How a gateway is, seen at all of its doors: over HTTP, on the page, in a terminal, in its presence, in words to admins."""

import asyncio
import io
import sqlite3
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import aiohttp

from gateway import cli
from gateway.commands.status import DEGRADED, READY
from gateway.control.client import Client
from gateway.playground.clients import Pattern, XmppClient, message, presence
from tests.faults import hasty
from tests.scenario.stage import Company, Stage
from tests.waiting import DEADLINE, eventually

NET = "net"
ADMINS = {"admins": '["admin@localhost"]'}
#: What Python runs for a gateway that nobody has to wait for.
HASTY = ("-P", hasty.__file__)

_USER = "X-Operator"
_BODY = "{jabber:client}body"


def page_at(port: int) -> str:
    """Tables of the configuration."""
    return (
        f'[operator]\nlisten = "127.0.0.1:{port}"\nproxy_user_header = "{_USER}"\n'
        '[web]\ntrusted_proxies = ["127.0.0.1"]\n'
    )


def control(stage: Stage) -> Client:
    return Client(stage.directory / "causeway.sock")


def kept(database: Path, owner: str) -> list[str]:
    """What is in a user's archive of rooms, in its order."""
    query = (
        "SELECT body FROM archive JOIN archives ON archives.id = archive.archive_id "
        "WHERE owner = ? AND peer IS NULL ORDER BY archive.id"
    )
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
        return [row[0] for row in rows.execute(query, (owner,))]


@dataclass(slots=True)
class Onlookers:
    """``admin`` is one of the gateway's, ``user`` is not; both have its presence."""

    stage: Stage
    port: int  # of the page
    admin: XmppClient
    user: XmppClient

    @classmethod
    async def come(cls, company: Company, port: int, user: XmppClient) -> "Onlookers":
        admin = await company.user("admin", exactly=True)
        gateway = company.stage.play.jid("irc")
        for each in (admin, user):
            each.send(f"<presence to='{gateway}' type='subscribe'/>")
            await each.expect(presence(gateway, type="available"), within=DEADLINE)
        return cls(company.stage, port, admin, user)

    async def see(self, *words: str, hard: bool) -> None:
        """Of a trouble that there is now. It is seen everywhere; users see only a hard one, in general words."""
        await self._at_the_doors(words, hard)
        await self.admin.expect(self._shown("xa" if hard else "away", *words), within=DEADLINE)
        if hard:
            seen = await self.user.expect(self._shown("xa", "cannot carry messages"), within=DEADLINE)
            assert str(self.stage.directory) not in (seen.findtext("{jabber:client}status") or "")

    async def see_none(self, *, hard: bool) -> None:
        """Nothing ails it any more; ``hard`` is what was seen before."""
        await self._at_the_doors((), False)
        for each in (self.admin, self.user)[: 2 if hard else 1]:
            await each.expect(self._shown(""), within=DEADLINE)

    async def told(self, *words: str) -> None:
        """The admin, in a message."""
        told = await self.admin.expect(
            message(type="chat", also=lambda one: all(word in (one.findtext(_BODY) or "") for word in words)),
            f"to be told {words}",
            DEADLINE,
        )
        assert (told.get("from") or "").startswith(self.stage.play.jid("irc"))

    def _shown(self, show: str, *words: str) -> Pattern:
        def fits(one: Element) -> bool:
            status = one.findtext("{jabber:client}status") or ""
            return (one.findtext("{jabber:client}show") or "") == show and all(
                each in status for each in words
            )

        return presence(self.stage.play.jid("irc"), also=fits)

    async def _at_the_doors(self, words: tuple[str, ...], hard: bool) -> None:
        """Wait until this is the matter, and nothing else, wherever one looks."""

        async def so() -> bool:
            found = await asyncio.to_thread(control(self.stage).readiness)
            texts = [each.text for each in found.ailments]
            if len(texts) != len(words) or found.ready is hard:
                return False
            ready, _ = await self._fetched("/readyz")
            status, page = await self._fetched("/")
            assert status == 200
            exit_status, screen = await asyncio.to_thread(self._typed)
            shown = all(each in text for each in words for text in (" ".join(texts), page, screen))
            return shown and (ready, exit_status) == ((503, DEGRADED) if hard else (200, READY))

        await eventually(so, f"{words or 'nothing'} to be the matter")

    async def _fetched(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(headers={_USER: "olga"}) as web,
            web.get(f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            return answer.status, await answer.text()

    def _typed(self) -> tuple[int, str]:
        """``causeway status``."""
        with redirect_stdout(io.StringIO()) as out:
            return cli.main(["status", "--once", "-c", str(self.stage.config)]), out.getvalue()
