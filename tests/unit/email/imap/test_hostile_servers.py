"""A watched mailbox whose server breaks off, is silent or talks nonsense: it is noticed and said, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from bridges.email.imap.client import ImapConnection, ImapError, Login, Trouble
from bridges.email.imap.watch import Attached, Cursor, Cursors, Statement, Watch
from bridges.email.sending.filing import Filings
from gateway.storage.bridge_tables import BridgeTables
from tests.unit.email.imap.scripted import DIALOGUE, ScriptedImap

STEPS = [each for each in DIALOGUE if each != "DONE"]
NONSENSE = (
    b"* BYE I go\r\n",
    b"\0\0\0\r\n",
    b"* 1 FETCH (((((((\r\n{tag} OK\r\n",
    b"* 1 FETCH (UID 5 BODY[] {99999999999999}\r\n",
    b"{tag} NO [UNAVAILABLE] not now\r\n",
    b"x" * 70_000,
)


class Shelf:
    def __init__(self, tables: BridgeTables) -> None:
        self.taken: list[bytes] = []
        self._tables = tables

    async def take(
        self, owner: str, mailbox: str, raw: bytes, also: Callable[[str], Sequence[Statement]]
    ) -> None:
        await self._tables.write(*also("m"))
        self.taken.append(raw)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedImap]:
    one = await ScriptedImap().start()
    yield one
    await one.stop()


async def run(server: ScriptedImap, tables: BridgeTables, answer: float = 12.0) -> Shelf:
    """Watch until it ends by itself, or there is nothing more to come."""
    shelf, cursors = Shelf(tables), Cursors(tables, "mail")
    attached = Attached("alice", "a@x.example", server.server, Login("a", "secret"))
    if await cursors.of("alice") is None:
        await cursors.save("alice", Cursor(7, 4))
    filings = Filings(tables, "mail", Path())
    watch = Watch(attached, cursors, shelf, filings, largest=1_000_000, answer=answer)
    running = asyncio.create_task(watch.run(lambda: None))
    idle = asyncio.create_task(server.idle.wait())
    try:
        async with asyncio.timeout(20):
            await asyncio.wait([running, idle], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
    finally:
        for each in (running, idle):
            each.cancel()
        await asyncio.wait([running, idle])
    return shelf


async def test_a_mail_is_taken(server: ScriptedImap, tables: BridgeTables) -> None:
    assert len((await run(server, tables)).taken) == 1
    assert server.commands[:3] == ["AUTHENTICATE", "SELECT", "UID SEARCH"]


async def test_a_connection_cut_anywhere_loses_nothing_and_takes_nothing_twice(
    server: ScriptedImap, tables: BridgeTables
) -> None:
    whole = sum(len(DIALOGUE[each]) for each in STEPS)
    taken = 0
    for cut in range(0, whole, 9):
        server.cut = cut
        with pytest.raises(ImapError) as error:
            await run(server, tables)
        assert error.value.trouble is Trouble.UNREACHABLE, cut
        cursor = await Cursors(tables, "mail").of("alice")
        taken += cursor is not None and cursor.uid == 5
        if taken:
            break
    assert taken == 1
    server.cut = None
    assert not (await run(server, tables)).taken  # it is here already


@pytest.mark.parametrize("step", STEPS)
async def test_a_server_that_never_answers_is_given_up(
    server: ScriptedImap, tables: BridgeTables, step: str
) -> None:
    server.answers[step] = None
    if step == "IDLE":
        # It seems to wait, and is asked whether it is there.
        connection = await ImapConnection.open(server.server, timeout=0.2)
        connection.capabilities = frozenset({"IDLE"})
        with pytest.raises(ImapError) as error:
            await connection.idle(0.1)
        await connection.close()
    else:
        with pytest.raises(ImapError) as error:
            await run(server, tables, 0.2)
    assert error.value.trouble is Trouble.UNREACHABLE
    assert "did not answer in time" in str(error.value)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_nonsense_ends_the_connection_with_a_sentence(
    server: ScriptedImap, tables: BridgeTables, step: str, nonsense: bytes
) -> None:
    server.answers[step] = nonsense
    said = await _said(server, tables)
    assert said == "" or said.endswith((".", "I go", "not now"))
    assert "secret" not in said


async def _said(server: ScriptedImap, tables: BridgeTables) -> str:
    try:
        await run(server, tables, 0.2)
    except ImapError as error:
        return str(error)
    return ""
