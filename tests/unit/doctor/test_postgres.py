"""What is tried of a PostgreSQL database."""

from io import StringIO
from pathlib import Path

from gateway.bridge import Verdict
from gateway.clock import SystemClock
from gateway.config import load
from gateway.doctor.examination import examined
from gateway.doctor.keeping import of_storage
from gateway.init import init
from tests.rig.postgres import Postgres


async def test_its_version_is_told_and_whether_it_is_reached(tmp_path: Path, postgres: Postgres) -> None:
    config = tmp_path / "config.toml"
    init("irc.example.org", "irc", "prosody", config, force=False, out=StringIO())
    storage = load(config, {}).storage
    url = await postgres.create("doctor")
    try:
        reached = storage.model_copy(update={"database": url})
        found = [each async for each in examined(of_storage(reached, SystemClock(), None))]
        by_subject = {each.subject: each for each in found}
        assert by_subject["database"].verdict is Verdict.OK
        assert by_subject["commits"].text.startswith("PostgreSQL ")
        assert "database file" not in by_subject
    finally:
        await postgres.drop("doctor")
    gone = storage.model_copy(update={"database": url})
    (finding,) = [each async for each in examined(of_storage(gone, SystemClock(), None))]
    assert finding.verdict is Verdict.FAIL
