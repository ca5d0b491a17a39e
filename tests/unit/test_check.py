"""``causeway check``: a line for everything that was looked at, a status that tells whether anything failed."""

import socket
import sqlite3
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest

from gateway.bridge import Finding, Verdict
from gateway.check import check
from gateway.clock import SystemClock
from gateway.init import init
from gateway.playground.process import free_ports
from gateway.storage.database import Database
from gateway.xmpp.diagnosis import LinkState, LinkStatus, diagnose
from gateway.xmpp.stream import Symptom, Trouble
from tests.unit.email.sending.scripted import Scripted


class Link:
    """Answers every try in the same way and remembers what was tried."""

    def __init__(self, status: LinkStatus) -> None:
        self.status = status
        self.tried: list[tuple[str, str, str, int]] = []

    async def __call__(self, jid: str, secret: str, host: str, port: int) -> LinkStatus:
        self.tried.append((jid, secret, host, port))
        return self.status


class Upload:
    """The same for upload services."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.finding = Finding(Verdict.OK, "upload service upload.example.org")

    async def __call__(self, jid: str, secret: str, host: str, port: int, named: str) -> Finding:
        self.asked.append((jid, named))
        return self.finding


UP = LinkStatus(LinkState.UP, "The server accepts it.")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    init("irc.example.org", "irc", "prosody", path, force=False, out=StringIO())
    return path


def change(path: Path, *, mode: int | None = None, text: str | None = None) -> None:
    if text is not None:
        path.write_text(text)
    if mode is not None:
        path.chmod(mode)


async def checked(
    config: Path, link: Link | None = None, upload: Upload | None = None, **environ: str
) -> tuple[bool, list[str]]:
    out = StringIO()
    good = await check(config, environ, out, try_link=link or Link(UP), try_upload=upload or Upload())
    return good, out.getvalue().replace(f"{config.parent}/", "").splitlines()


async def test_a_fresh_installation_is_all_well(config: Path) -> None:
    link = Link(UP)
    assert await checked(config, link) == (
        True,
        [
            "ok    config.toml: irc at irc.example.org",
            "ok    key file causeway.key",
            "ok    Nobody else on this machine may read or change what the gateway keeps.",
            "ok    The database causeway.db will be made at the first start.",
            "ok    media directory media will be made at the first start",
            "ok    link of irc: The server accepts it.",
            "ok    files of irc: upload service upload.example.org",
        ],
    )
    ((jid, secret, host, port),) = link.tried
    assert (jid, host, port) == ("irc.example.org", "127.0.0.1", 5347)
    assert len(secret) >= 32


async def test_looking_makes_no_database(config: Path) -> None:
    await checked(config)
    assert sorted(path.name for path in config.parent.iterdir()) == ["causeway.key", "config.toml"]


async def test_every_problem_of_the_configuration_is_a_line_and_nothing_else_is_tried(config: Path) -> None:
    link = Link(UP)
    good, lines = await checked(config, link, CAUSEWAY_XMPP__PORT="x", CAUSEWAY_LOG__LEVEL="loud")
    assert not good
    assert len(lines) == 2
    assert all(line.startswith("FAIL  environment variable CAUSEWAY_") for line in lines)
    assert link.tried == []


async def test_a_missing_key_fails(config: Path) -> None:
    (config.parent / "causeway.key").unlink()
    good, lines = await checked(config)
    assert not good
    assert lines[1].startswith("FAIL  The key file causeway.key does not exist: ")


async def test_a_key_that_others_can_use_fails(config: Path) -> None:
    (config.parent / "causeway.key").chmod(0o644)
    good, lines = await checked(config)
    assert not good
    assert "run 'chmod 600 causeway.key'" in lines[1]


async def test_a_file_that_is_no_database_fails(config: Path) -> None:
    (config.parent / "causeway.db").write_text(
        "this is not a database, but long enough to look like one" * 20
    )
    good, lines = await checked(config)
    assert not good
    assert lines[3].startswith("FAIL  ")
    assert "causeway.db is not an SQLite database: " in lines[3]


async def test_a_database_of_a_later_version_fails_and_stays_as_it_is(config: Path) -> None:
    database = config.parent / "causeway.db"
    await (await Database.open(f"sqlite:///{database}", clock=SystemClock())).close()
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE schema_version SET number = 999 WHERE number = 1")
    connection.close()
    before = {each.name: each.read_bytes() for each in config.parent.iterdir()}
    good, lines = await checked(config)
    assert not good
    assert "999" in lines[3]
    assert {each.name: each.read_bytes() for each in config.parent.iterdir()} == before


async def test_a_directory_that_is_not_there_fails(config: Path) -> None:
    good, lines = await checked(config, CAUSEWAY_STORAGE__DATABASE="sqlite:///no/causeway.db")
    assert not good
    assert lines[3] == (
        "FAIL  The directory no for the database does not exist: create it, or correct storage.database."
    )


async def test_a_refused_link_fails_with_its_sentence(config: Path) -> None:
    good, lines = await checked(config, Link(LinkStatus(LinkState.REFUSED, "The secret is wrong: mend it.")))
    assert not good
    assert lines[-1] == "FAIL  link of irc: The secret is wrong: mend it."


async def test_a_conflict_may_be_the_gateway_itself(config: Path) -> None:
    conflict = diagnose(
        Trouble(Symptom.STREAM_ERROR, condition="conflict"),
        jid="irc.example.org",
        host="127.0.0.1",
        port=5347,
    )
    good, lines = await checked(config, Link(LinkStatus(conflict.state, conflict.reason)))
    assert not good
    assert lines[-1].endswith("If the gateway itself is running now, this is its own link, and all is well.")


# -- files -----------------------------------------------------------------------------------------------------


def line_about(lines: list[str], *words: str) -> str:
    return next(line for line in lines if all(word in line for word in words))


async def test_a_media_directory_that_cannot_be_one_fails(config: Path) -> None:
    (config.parent / "media").write_text("a file")
    good, lines = await checked(config)
    assert not good
    assert "FAIL  media is no directory: move it away, or correct media.directory." in lines


@pytest.mark.parametrize(
    ("url", "verdict", "word"),
    [
        ("https://files.example.org", "ok", "begin with"),
        ("http://files.example.org", "note", "certificate"),
        ("https://localhost:8080", "note", "rest of the world"),
        ("https://192.168.1.7", "note", "rest of the world"),
        ("https://[::1]", "note", "rest of the world"),
        ("https://fileserver", "note", "rest of the world"),
    ],
)
async def test_links_that_nobody_can_follow_are_noticed(
    config: Path, url: str, verdict: str, word: str
) -> None:
    environ = {"CAUSEWAY_MEDIA__PUBLIC_URL": url, "CAUSEWAY_MEDIA__LISTEN": "127.0.0.1:5290"}
    good, lines = await checked(config, **environ)
    assert good
    assert line_about(lines, url, word).startswith(verdict)


async def test_without_any_way_to_give_files_out_there_is_a_note(config: Path) -> None:
    upload = Upload()
    good, lines = await checked(config, None, upload, CAUSEWAY_MEDIA__UPLOAD="false")
    assert (good, upload.asked) == (True, [])
    assert line_about(lines, "cannot be passed on").startswith("note")


async def test_the_upload_service_is_asked_for_over_a_link_that_works(config: Path) -> None:
    upload = Upload()
    await checked(config, None, upload, CAUSEWAY_MEDIA__UPLOAD_SERVICE="up.example.org")
    assert upload.asked == [("irc.example.org", "up.example.org")]
    await checked(config, Link(LinkStatus(LinkState.REFUSED, "No.")), upload)
    assert len(upload.asked) == 1


async def test_an_upload_service_that_does_not_answer_fails(config: Path) -> None:
    upload = Upload()
    upload.finding = Finding(Verdict.FAIL, "up.example.org does not answer as an upload service")
    good, lines = await checked(config, None, upload)
    assert not good
    assert lines[-1] == "FAIL  files of irc: up.example.org does not answer as an upload service"


async def test_a_port_that_a_bridge_cannot_have_fails(config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        wanted = {
            "CAUSEWAY_BRIDGES__IRC__IDENTD_PORT": port,
            "CAUSEWAY_BRIDGES__IRC__IDENTD_HOST": "127.0.0.1",
        }
        good, lines = await checked(config, **wanted)
        assert not good
        assert lines[5].startswith(f"FAIL  services of irc: identd cannot listen on 127.0.0.1 port {port}: ")
    good, lines = await checked(config, **wanted)
    assert good
    assert lines[5] == "ok    services of irc"


# -- mail ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def mail_server() -> AsyncIterator[Scripted]:
    server = await Scripted(offers=("DSN", "SMTPUTF8")).start()
    yield server
    await server.stop()


@pytest.fixture
def mail_config(tmp_path: Path, mail_server: Scripted) -> Path:
    path = tmp_path / "config.toml"
    init("mail.example.org", "email", "prosody", path, force=False, out=StringIO())
    change(path, text=path.read_text().replace("port = 25\n", f"port = {mail_server.port}\n"))
    return path


def call_it_post(path: Path) -> None:
    text = path.read_text().replace("[bridges.email]", '[bridges.post]\nkind = "email"')
    path.write_text(text.replace("[bridges.email.", "[bridges.post."))


async def test_mail_is_tried_and_what_could_be_better_fails_nothing(mail_config: Path) -> None:
    good, lines = await checked(mail_config, CAUSEWAY_BRIDGES__EMAIL__LMTP__LISTEN="lmtp/../lmtp.sock")
    assert not good  # there is no directory lmtp
    listen = {"CAUSEWAY_BRIDGES__EMAIL__LMTP__LISTEN": f"127.0.0.1:{free_ports(1)[0]}"}
    good, lines = await checked(mail_config, **listen)
    assert good
    assert "ok    data directory data/email will be made at the first start" in lines
    assert "ok    services of email" in lines
    assert [line for line in lines if line.startswith("note")] == [
        "note  email: Every mail comes with a warning that its sender may be forged: have your mail server check "
        "senders, and name it in `authserv_ids` of [bridges.email.trust].",
        "note  email: Nobody reads mail to postmaster@ and abuse@, which every mail domain has to have: register, and set "
        "`postmaster` of [bridges.email] to your own mail address there.",
    ]
    call_it_post(mail_config)
    good, lines = await checked(
        mail_config, CAUSEWAY_BRIDGES__POST__LMTP__LISTEN=listen["CAUSEWAY_BRIDGES__EMAIL__LMTP__LISTEN"]
    )
    assert good
    notes = " ".join(line for line in lines if line.startswith("note  post: "))
    assert "of [bridges.post.trust]." in notes
    assert "of [bridges.post] to" in notes
    assert "[bridges.email" not in notes


async def test_a_mail_server_that_is_not_there_fails(mail_config: Path, mail_server: Scripted) -> None:
    port = mail_server.port
    await mail_server.stop()
    good, lines = await checked(
        mail_config, CAUSEWAY_BRIDGES__EMAIL__LMTP__LISTEN=f"127.0.0.1:{free_ports(1)[0]}"
    )
    assert not good
    assert line_about(lines, f"127.0.0.1:{port}", "Connection refused").startswith(
        "FAIL  services of email: "
    )


async def test_files_that_cannot_be_kept_fail(mail_config: Path) -> None:
    (mail_config.parent / "data").write_text("a file")
    good, lines = await checked(mail_config)
    assert not good
    assert "FAIL  data is no directory: move it away, or correct storage.directory." in lines
