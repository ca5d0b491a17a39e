"""After a restore nothing is sent that may have been sent since, and who wrote it is told so; all else stays."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.storage.schema import deliveries
from tests.unit.backup.conftest import typed


def _row(home: Path, table: str, **values: object) -> None:
    """With defaults for all other columns."""
    with closing(sqlite3.connect(home / "causeway.db")) as connection, connection:
        columns = {
            name: "" if kind == "TEXT" else 0
            for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")
        }
        row = columns | values
        places = ", ".join("?" for _ in row)
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", tuple(row.values()))


def _all(home: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / "causeway.db")) as connection:
        return connection.execute(sql).fetchall()


def _delivery(home: Path, id_: str, **values: object) -> None:
    row = {
        "id": id_,
        "bridge": "irc",
        "kind": "chat",
        "state": "queued",
        "active": 1,
        "body": "hello",
    } | values
    assert set(row) <= set(deliveries.c.keys())
    _row(home, "deliveries", **row)


@pytest.fixture
def waiting(home: Path) -> Path:
    """A gateway with something of everything on its way."""
    _delivery(home, "out")
    _delivery(home, "handed", handed=1)
    _delivery(home, "in", inbound=1)
    _delivery(home, "done", state="delivered", active=0)
    _delivery(home, "receipt", state="delivered", active=1)
    sms = {"bridge": "sms", "owner": "ann@example.org", "text": "hi", "media": "[]", "refused": "[]"}
    _row(home, "sms_messages", id="waits", state="queued", seq=7, **sms)
    _row(home, "sms_messages", id="sent", state="sent", seq=6, **sms)
    for message, number, state, doubtful in (
        ("waits", 1, "accepted", 0),
        ("waits", 2, "writing", 1),
        ("waits", 3, "waiting", 0),
        ("sent", 1, "unknown", 1),
    ):
        _row(home, "sms_pieces", bridge="sms", message=message, n=number, state=state, doubtful=doubtful)
    _row(home, "sms_optouts", bridge="sms", theirs="+1", ours="+2", stopped=1, answer="ref")
    mail = {"bridge": "email", "owner": "ann@example.org"}
    _row(home, "email_mails", id="m1", file="m1", lines="[]", **mail)
    _row(
        home,
        "email_recipients",
        id="r1",
        mail="m1",
        address="a@x.org",
        state="waiting",
        told="waiting",
        **mail,
    )
    _row(home, "email_recipients", id="r2", mail="m1", address="b@x.org", state="accepted", **mail)
    _row(home, "email_drafts", id="d1", recipients="[]", state="open", **mail)
    _row(home, "email_draft_lines", reference="l1", id="l1", draft="d1", state="open", text="Dear", **mail)
    _row(home, "email_draft_lines", reference="l0", id="l0", draft="d0", state="sent", **mail)
    return home


@pytest.mark.parametrize("way", ["restore", "db settle"])
def test_what_waited_is_unknown_and_told(
    waiting: Path, tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if way == "restore":
        assert typed(waiting, "backup", tmp_path / "b") == 0
        assert typed(waiting, "restore", tmp_path / "b", "--force") == 0
    else:
        assert typed(waiting, "db", "settle") == 0
    assert "5 messages waited" in capsys.readouterr().out
    assert _all(waiting, "SELECT id, state, active, handed FROM deliveries ORDER BY id") == [
        ("done", "delivered", 0, 0),
        ("handed", "unknown", 1, 0),
        ("in", "queued", 1, 0),
        ("out", "unknown", 1, 0),
        ("receipt", "delivered", 1, 0),
    ]
    assert _all(waiting, "SELECT id, state, owed, text, news FROM sms_messages ORDER BY id") == [
        ("sent", "sent", 0, "hi", 0),
        ("waits", "unknown", 1, "", 7),
    ]
    assert _all(waiting, "SELECT message, n, state, doubtful FROM sms_pieces ORDER BY message, n") == [
        ("sent", 1, "unknown", 1),
        ("waits", 1, "accepted", 0),
        ("waits", 2, "lost", 0),
        ("waits", 3, "lost", 0),
    ]
    assert _all(waiting, "SELECT answer FROM sms_optouts") == [("",)]
    assert _all(waiting, "SELECT id, state, owed FROM email_recipients ORDER BY id") == [
        ("r1", "failed", 1),
        ("r2", "accepted", 0),
    ]
    assert _all(waiting, "SELECT id FROM email_drafts") == []
    assert _all(waiting, "SELECT id, state, text, news != '' FROM email_draft_lines ORDER BY id") == [
        ("l0", "sent", "", 0),
        ("l1", "failed", "", 1),
    ]


def test_what_waited_is_sent_if_the_gateway_did_not_run_since(
    waiting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [
        _all(waiting, f"SELECT * FROM {name}") for name in ("deliveries", "sms_messages", "email_drafts")
    ]
    assert typed(waiting, "backup", tmp_path / "b") == 0
    assert typed(waiting, "restore", tmp_path / "b", "--force", "--send-waiting") == 0
    after = [
        _all(waiting, f"SELECT * FROM {name}") for name in ("deliveries", "sms_messages", "email_drafts")
    ]
    assert after == before
    assert "are sent, as you wanted" in capsys.readouterr().out
