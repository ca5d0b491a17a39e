"""What of smsd's tables is under way when somebody stops waiting for it."""

import asyncio
import sqlite3
from pathlib import Path

from bridges.sms.gammu.box import Box
from bridges.sms.gammu.parts import Part
from bridges.sms.gammu.settings import GammuRoute
from tests.unit.sms.gammu.daemon import PHONE, Daemon, make_sqlite


async def test_what_is_begun_ends_before_the_tables_are_closed_though_nobody_waits_for_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "smsd.db"
    await asyncio.to_thread(make_sqlite, path)
    route = GammuRoute(kind="gammu", database=str(path), number="+12125550001", phone=PHONE)
    box = Box(route.url, PHONE)
    smsd = sqlite3.connect(path, isolation_level=None)
    smsd.execute("BEGIN IMMEDIATE")
    part = Part(text="hi", data="00680069", header="", coding="Default_No_Compression")
    putting = asyncio.create_task(box.put("r1", "+13105550001", [part], 7))
    await asyncio.sleep(0)  # it has begun
    putting.cancel()
    await asyncio.wait([putting])
    assert putting.cancelled()
    smsd.execute("ROLLBACK")
    smsd.close()
    await box.close()
    (row,) = await Daemon(route).outbox()
    assert row.CreatorID == "causeway:r1"
