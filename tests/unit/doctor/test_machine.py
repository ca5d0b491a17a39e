"""What is tried on the machine itself: disks, files, the database and its key, the web."""

import asyncio
import os
import sqlite3
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import side_by_side
from gateway.clock import SystemClock
from gateway.config import load
from gateway.doctor.keeping import of_storage
from gateway.doctor.machine import Machine, of_machine
from gateway.init import init
from gateway.secrets import SecretBox
from gateway.settings import Settings
from gateway.storage.database import Database, opened
from gateway.storage.migrations import MIGRATIONS
from gateway.storage.schema import account_settings
from gateway.web.server import serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "config.toml"
    init("irc.example.org", "irc", "prosody", path, force=False, out=StringIO())
    return load(path, {})


def space(*, free: int = 10**9, inodes: int = 10**6) -> os.statvfs_result:
    # f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail, f_flag, f_namemax
    return os.statvfs_result((4096, 1, 10**10, free, free, 10**7, inodes, inodes, 0, 255))


async def about(settings: Settings, machine: Machine, subject: str) -> Finding:
    findings = [each async for each in side_by_side(of_machine(settings, machine))]
    return next(each for each in findings if each.subject == subject)


async def test_a_full_disk_is_a_fault(settings: Settings) -> None:
    full = await about(settings, Machine(space=lambda path: space(free=50_000_000)), "disk")
    assert full.verdict is Verdict.FAIL
    assert full.text.startswith("Only 50 MB are free")
    assert (await about(settings, Machine(space=lambda path: space()), "disk")).verdict is Verdict.OK


async def test_a_disk_without_inodes_is_a_fault(settings: Settings) -> None:
    finding = await about(settings, Machine(space=lambda path: space(inodes=12)), "disk")
    assert finding.verdict is Verdict.FAIL
    assert "Only 12 more files" in finding.text


@pytest.mark.parametrize(
    ("files", "verdict"), [(256, Verdict.FAIL), (1024, Verdict.OK), (65536, Verdict.OK), (-1, Verdict.OK)]
)
async def test_a_limit_of_open_files_is_measured_by_the_users_there_may_be(
    settings: Settings, files: int, verdict: Verdict
) -> None:
    finding = await about(settings, Machine(open_files=lambda: files), "open files")
    assert finding.verdict is verdict
    assert ("LimitNOFILE" in finding.fix) is (verdict is Verdict.FAIL)


async def test_a_public_address_has_to_lead_to_this_gateway(settings: Settings) -> None:
    async with serving("127.0.0.1", 0, []) as ours, serving("127.0.0.1", 0, []) as others:
        for public, verdict in ((ours, Verdict.OK), (others, Verdict.FAIL)):
            web = settings.web.model_copy(
                update={"listen": f"127.0.0.1:{ours}", "public_url": f"http://127.0.0.1:{public}"}
            )
            finding = await about(replace(settings, web=web), Machine(live=True), "web")
            assert finding.verdict is verdict
    gone = await about(replace(settings, web=web), Machine(live=True), "web")
    assert gone.verdict is Verdict.FAIL
    assert (await about(replace(settings, web=web), Machine(), "web")).verdict is Verdict.UNKNOWN


# -- the database -----------------------------------------------------------------------------------------------


async def kept(settings: Settings) -> dict[str, Finding]:
    found = [each async for each in side_by_side(of_storage(settings, SystemClock(), None))]
    return {each.subject: each for each in found}


@pytest.fixture
async def filled(settings: Settings) -> Settings:
    """With a stored password."""
    key = SecretBox.load(settings.storage.key_file)
    row = {"bridge": "irc", "owner": "a@b", "network": "n", "name": "password"}
    async with opened(settings.storage.database, clock=SystemClock()) as database:
        await database.write(
            account_settings.insert(), {**row, "value": key.seal("geheim", "somewhere"), "secret": True}
        )
    return settings


async def test_a_database_that_is_not_there_yet_is_not_made(settings: Settings) -> None:
    found = await kept(settings)
    assert found["database"].text.endswith("will be made at the first start.")
    assert settings.storage.database_file is not None
    assert not settings.storage.database_file.exists()


def on_disk(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that there is to see of a directory, itself included."""
    seen = {".": (directory.stat().st_mtime_ns, directory.stat().st_uid, b"")}
    for each in directory.rglob("*"):
        content = each.read_bytes() if each.is_file() else b""
        seen[str(each)] = (each.stat().st_mtime_ns, each.stat().st_uid, content)
    return seen


async def test_looking_leaves_no_trace_of_a_gateway_that_was_ended(filled: Settings, tmp_path: Path) -> None:
    before = on_disk(tmp_path)
    found = await kept(filled)
    assert "today's" in found["database"].text
    assert on_disk(tmp_path) == before


async def test_looking_leaves_no_trace_of_one_that_was_killed_and_sees_its_last_commit(
    filled: Settings, tmp_path: Path
) -> None:
    """Its log lies beside the file, and holds what is new."""
    file = filled.storage.database_file
    assert file is not None
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('UPDATE schema_version SET number = 999 WHERE number = 1')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(file))
    assert await ended.wait() == -9
    before = on_disk(tmp_path)
    assert {Path(each).name for each in before} >= {f"{file.name}-wal", f"{file.name}-shm"}
    finding = (await kept(filled))["database"]
    assert finding.verdict is Verdict.FAIL
    assert "is of a newer Causeway, version 999" in finding.text
    assert on_disk(tmp_path) == before


async def test_an_older_database_is_not_migrated_by_looking(settings: Settings, tmp_path: Path) -> None:
    await (
        await Database.open(settings.storage.database, clock=SystemClock(), migrations=MIGRATIONS[:4])
    ).close()
    before = on_disk(tmp_path)
    finding = (await kept(settings))["database"]
    assert finding.verdict is Verdict.NOTE
    assert f"will be migrated at the next start (version 4 to {MIGRATIONS[-1].number})" in finding.text
    assert on_disk(tmp_path) == before


async def test_an_empty_file_is_left_empty(settings: Settings) -> None:
    file = settings.storage.database_file
    assert file is not None
    file.touch(0o600)
    assert (await kept(settings))["database"].text.endswith("its tables will be made at the first start.")
    assert file.stat().st_size == 0


async def test_a_database_is_looked_through_and_its_key_tried(filled: Settings) -> None:
    found = await kept(filled)
    assert {each.verdict for each in found.values()} <= {Verdict.OK, Verdict.NOTE}  # a slow disk is noted
    assert found["stored passwords"].text == "The key file opens what is stored."
    assert found["database file"].text.endswith("and whole.")


async def test_a_database_that_was_moved_away_under_the_gateway_is_a_fault(settings: Settings) -> None:
    file = settings.storage.database_file
    assert file is not None
    async with opened(settings.storage.database, clock=SystemClock()) as database:
        file.rename(file.with_name("kept.db"))
        found = [each async for each in side_by_side(of_storage(settings, SystemClock(), database))]
    assert [each.verdict for each in found] == [Verdict.FAIL]
    assert "was moved away or replaced while the gateway runs" in found[0].text


async def test_another_key_is_told_before_users_meet_it(filled: Settings) -> None:
    filled.storage.key_file.unlink()
    SecretBox.create(filled.storage.key_file)
    finding = (await kept(filled))["stored passwords"]
    assert finding.verdict is Verdict.FAIL
    assert finding.text.startswith("1 of 1 stored passwords cannot be read.")
    assert "geheim" not in finding.text


async def test_a_damaged_database_is_a_fault(filled: Settings) -> None:
    file = filled.storage.database_file
    assert file is not None
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'archive'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with file.open("r+b") as raw:
        raw.seek((root - 1) * size)
        raw.write(b"\xff" * size)
    finding = (await kept(filled))["database file"]
    assert finding.verdict is Verdict.FAIL
    assert "causeway restore" in finding.text
