"""``causeway doctor`` against Debian's Prosody and ejabberd, and the proof of its lines: they are put into the broken
configuration as they are printed, and then all is well."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from gateway.bridge import Finding, Verdict
from gateway.clock import SystemClock
from gateway.config import load
from gateway.doctor.round import Around, visit
from gateway.doctor.wire import visiting
from gateway.init import init
from gateway.ops.desk import Login
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.peers import Component, User
from gateway.playground.process import Child, free_ports, listening
from gateway.playground.prosody import Prosody
from gateway.playground.xmpp_client import XmppClient
from tests.rig.pasting import PatientEjabberd, PatientProsody

JID = "irc.localhost"
SECRET = "s3cret"

#: What Debian's ejabberd 23.01 cannot do, whatever is configured.
EJABBERD_CANNOT = {"irc right to change contacts", "irc right to send messages"}
#: Networks that the users choose, and what takes an account.
NOT_TRIED = {"irc networks", "irc carbons, archive, roster"}


async def nothing_in_dns(name: str, kind: str) -> bool:
    raise AssertionError("names below localhost are in no DNS")


async def found(
    tmp_path: Path, server: Prosody | Ejabberd | int, login: Login | None = None
) -> list[Finding]:
    """``server``: or the port where one would be."""
    config = tmp_path / "config.toml"
    init(JID, "irc", None, config, force=True, out=StringIO())
    environ = {
        "CAUSEWAY_XMPP__PORT": str(server if isinstance(server, int) else server.component_port),
        "CAUSEWAY_BRIDGES__IRC__SECRET": SECRET,
    }
    settings = load(config, environ)
    return [each async for each in visit(settings, config, login=login, around=Around(dns=nothing_in_dns))]


def subjects(findings: list[Finding], verdict: Verdict) -> set[str]:
    return {each.subject for each in findings if each.verdict is verdict}


def about(findings: list[Finding], subject: str) -> Finding:
    return next(each for each in findings if each.subject == subject)


def assert_well(findings: list[Finding], notes: set[str]) -> None:
    for verdict, expected in ((Verdict.FAIL, set()), (Verdict.NOTE, notes), (Verdict.UNKNOWN, NOT_TRIED)):
        assert subjects(findings, verdict) == expected, [str(each) for each in findings]


def directory(tmp_path: Path) -> Path:
    path = tmp_path / "server"
    path.mkdir()
    return path


@pytest.fixture
async def prosody(tmp_path: Path) -> AsyncIterator[PatientProsody]:
    """With a component, and nothing of what a gateway needs besides."""
    place = directory(tmp_path)
    server = await Prosody.start(place, components=[Component(JID, SECRET)], privileges=False)
    try:
        patient = PatientProsody(server, place)
        # Debian's has these two, which tell the server's version and its time.
        patient.replace(', "privilege"', ', "version", "time"')
        patient.replace('    modules_enabled = { "privilege" }\n', "")
        yield patient
    finally:
        await server.stop()


@pytest.fixture
async def ejabberd(tmp_path: Path) -> AsyncIterator[PatientEjabberd]:
    place = directory(tmp_path)
    server = await Ejabberd.start(place, components=[Component(JID, SECRET)], privileges=False)
    try:
        yield PatientEjabberd(server, place)
    finally:
        await server.stop()


async def healed(
    tmp_path: Path, patient: PatientProsody | PatientEjabberd, rounds: list[set[str]], notes: set[str]
) -> None:
    """Do what is said until nothing is, round by round; ``rounds`` are the subjects that lines were printed for."""
    await patient.server.restart()
    for expected in rounds:
        findings = await found(tmp_path, patient.server)
        broken = [each for each in findings if each.fix]
        assert {each.subject for each in broken} == expected
        for each in broken:
            patient.paste(each)
        await patient.server.restart()
    assert_well(await found(tmp_path, patient.server), notes)


# -- the three steps: init, paste, and all is well ---------------------------------------------------------------


def printed(tmp_path: Path, server: str) -> Finding:
    """What ``causeway init`` says, as the doctor would."""
    out = StringIO()
    init(JID, "irc", server, tmp_path / "config.toml", force=True, out=out)
    said = re.search(r"^Put this into (.+?):\n\n(.+?)\n\nYour users", out.getvalue(), re.M | re.S)
    assert said is not None
    return Finding(Verdict.NOTE, "", "", f"{said[2]}\n", said[1])


async def well_after_init(tmp_path: Path, server: Prosody | Ejabberd, notes: set[str]) -> None:
    await server.restart()
    await server.child.wait_ready(listening(server.host, server.component_port), within=30.0)
    config = tmp_path / "config.toml"
    settings = load(config, {"CAUSEWAY_XMPP__PORT": str(server.component_port)})
    assert_well([each async for each in visit(settings, config, around=Around(dns=nothing_in_dns))], notes)


async def test_what_init_prints_is_all_that_prosody_needs(tmp_path: Path) -> None:
    place = directory(tmp_path)
    server = await Prosody.start(place)
    try:
        prosody = PatientProsody(server, place)
        prosody.replace(', "privilege"', "")
        prosody.paste(printed(tmp_path, "prosody"))
        await well_after_init(tmp_path, server, set())
    finally:
        await server.stop()


async def test_what_init_prints_for_a_second_bridge_keeps_the_first_ones_rights(tmp_path: Path) -> None:
    place = directory(tmp_path)
    server = await Prosody.start(place)
    try:
        prosody = PatientProsody(server, place)
        prosody.replace(', "privilege"', "")
        printed(tmp_path, "prosody")
        out = StringIO()
        init("sms.localhost", "sms", "prosody", tmp_path / "config.toml", force=False, out=out)
        said = re.search(
            r"^Put this into (\S+), in place of .+?:\n\n(.+?)\n\nYour users", out.getvalue(), re.M | re.S
        )
        assert said is not None
        prosody.paste(Finding(Verdict.NOTE, "", "", f"{said[2]}\n", f"{said[1]}, a new file"))
        await server.restart()
        await server.child.wait_ready(listening(server.host, server.component_port), within=30.0)
        config = tmp_path / "config.toml"
        settings = load(config, {"CAUSEWAY_XMPP__PORT": str(server.component_port)})
        findings = [each async for each in visit(settings, config, around=Around(dns=nothing_in_dns))]
    finally:
        await server.stop()
    for bridge in ("irc", "sms"):
        for what in ("link", "right to change contacts", "right to send messages", "right to upload"):
            assert about(findings, f"{bridge} {what}").verdict is Verdict.OK


async def test_what_init_prints_is_all_that_ejabberd_needs(tmp_path: Path) -> None:
    place = directory(tmp_path)
    server = await Ejabberd.start(place)
    try:
        lines = printed(tmp_path, "ejabberd")
        port = f"port: {server.component_port}"  # the usual one may be taken here
        PatientEjabberd(server, place).paste(replace(lines, fix=lines.fix.replace("port: 5347", port)))
        await well_after_init(tmp_path, server, EJABBERD_CANNOT)
    finally:
        await server.stop()


# -- Prosody ----------------------------------------------------------------------------------------------------


async def test_prosody_that_knows_of_no_component_is_healed_by_one_file(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    prosody.replace(f'Component "{JID}"\n    component_secret = "{SECRET}"\n', "")
    prosody.part("other.cfg.lua", 'Component "other.localhost"\n    component_secret = "x"\n')
    await healed(tmp_path, prosody, [{"irc link"}], set())


async def test_prosody_with_everything_wrong_at_once_is_healed_line_by_line(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    prosody.replace(f'component_secret = "{SECRET}"', 'component_secret = "another"')
    prosody.replace("s2s_ports = { }", "s2s_ports = { }\ncomponent_stanza_size_limit = 65536")
    prosody.replace(
        '"http_file_share"\n', '"http_file_share"\n    http_file_share_access = { "admins.localhost" }\n'
    )
    await healed(tmp_path, prosody, [{"irc link", "irc stanza size"}, {"irc upload", "irc rights"}], set())


@pytest.mark.parametrize(
    ("granted", "lacking"),
    [
        ('message = "outgoing", iq = { ["urn:xmpp:http:upload:0"] = "get" }', "irc right to read contacts"),
        ('roster = "get", iq = { ["urn:xmpp:http:upload:0"] = "get" }', "irc right to change contacts"),
        ('roster = "both", iq = { ["urn:xmpp:http:upload:0"] = "get" }', "irc right to send messages"),
        ('roster = "both", message = "outgoing"', "irc right to upload"),
    ],
)
async def test_each_right_that_prosody_lacks_is_named_and_healed(
    tmp_path: Path, prosody: PatientProsody, granted: str, lacking: str
) -> None:
    prosody.part(
        "causeway-rights.cfg.lua",
        f'VirtualHost "localhost"\n    modules_enabled = {{ "privilege" }}\n'
        f'    privileged_entities = {{ ["{JID}"] = {{ {granted} }} }}\n'
        f'Component "{JID}"\n    modules_enabled = {{ "privilege" }}\n',
    )
    await healed(tmp_path, prosody, [{lacking}], set())


async def test_the_server_is_named_and_its_clock_compared(tmp_path: Path, prosody: PatientProsody) -> None:
    await prosody.server.restart()
    findings = await found(tmp_path, prosody.server)
    assert "(Prosody 0.12." in about(findings, "irc link").text
    assert about(findings, "irc server clock").text == "It is the same time here and at the XMPP server."


async def test_rights_that_prosody_grants_in_the_wrong_section_are_none(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    prosody.part(
        "old.cfg.lua",
        f'privileged_entities = {{ ["{JID}"] = {{ roster = "both", message = "outgoing" }} }}\n'
        f'Component "{JID}"\n    modules_enabled = {{ "privilege" }}\n',
    )
    await healed(tmp_path, prosody, [{"irc rights"}], set())


async def test_a_second_gateway_is_no_fault_of_prosodys_configuration(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    host, port = prosody.server.host, prosody.server.component_port
    async with visiting(JID, SECRET, host, port, SystemClock()) as running:
        assert running.up
        link = about(await found(tmp_path, prosody.server), "irc link")
        assert running.up
    assert link.verdict is Verdict.FAIL
    assert not link.fix
    assert "stop the other gateway" in link.text


# -- ejabberd ---------------------------------------------------------------------------------------------------


async def test_where_nothing_listens_there_are_lines_for_each_server(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    link = about(await found(tmp_path, port), "irc link")
    assert link.where == "your server, the one of these that it is"
    for place in ("Openfire's admin console", "/etc/prosody/conf.d/causeway", "/etc/ejabberd/causeway.yml"):
        assert place in link.fix


async def test_ejabberd_with_everything_wrong_at_once_is_healed_line_by_line(
    tmp_path: Path, ejabberd: PatientEjabberd
) -> None:
    listener = next(each for each in ejabberd.settings["listen"] if "hosts" in each)
    listener["hosts"][JID]["password"] = "another"
    listener["max_stanza_size"] = 65536
    ejabberd.settings["modules"]["mod_http_upload"]["access"] = "local"
    ejabberd.write()
    rounds = [{"irc link", "irc stanza size"}, {"irc upload", "irc rights"}]
    await healed(tmp_path, ejabberd, rounds, EJABBERD_CANNOT)


async def test_a_right_that_ejabberd_lacks_is_named_and_healed(
    tmp_path: Path, ejabberd: PatientEjabberd
) -> None:
    ejabberd.settings["modules"]["mod_privilege"] = {"roster": {"both": "gateways"}}
    ejabberd.write()
    await healed(tmp_path, ejabberd, [{"irc right to send messages"}], EJABBERD_CANNOT)


async def test_a_second_gateway_that_ejabberd_lets_in_is_found_out(
    tmp_path: Path, ejabberd: PatientEjabberd
) -> None:
    host, port = ejabberd.server.host, ejabberd.server.component_port
    async with visiting(JID, SECRET, host, port, SystemClock()) as running:
        assert running.up
        findings = await found(tmp_path, ejabberd.server)
    assert about(findings, "irc link").verdict is Verdict.OK
    assert about(findings, "irc second gateway").verdict is Verdict.FAIL


# -- with an account --------------------------------------------------------------------------------------------


@pytest.fixture(params=[Prosody, Ejabberd])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Prosody | Ejabberd]:
    """As it should be, with an account for tests."""
    running = await request.param.start(
        directory(tmp_path), components=[Component(JID, SECRET)], users=[User("tester", "pw")]
    )
    try:
        yield running
    finally:
        await running.stop()


async def test_an_account_shows_whether_users_get_everything(
    tmp_path: Path, server: Prosody | Ejabberd
) -> None:
    login = Login("tester@localhost", "pw", server.host, server.c2s_port)
    findings = {each.subject: each.verdict for each in await found(tmp_path, server, login=login)}
    assert findings["irc carbons"] is findings["irc archive"] is Verdict.OK
    if isinstance(server, Ejabberd):  # 23.01 grants what then fails
        assert findings["irc roster push"] is Verdict.NOTE
    else:
        assert findings["irc roster push"] is findings["irc messages as user"] is Verdict.OK
        assert findings["irc archive as user"] is Verdict.OK
    tester = await XmppClient.connect(server.host, server.c2s_port, "tester@localhost", "pw")
    try:
        roster = await tester.iq("tester@localhost", "<query xmlns='jabber:iq:roster'/>")
        assert roster.find(".//{jabber:iq:roster}item") is None
    finally:
        await tester.close()


async def test_a_wrong_password_of_the_account_is_the_operators_mistake(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    server = prosody.server
    await server.add_user(User("tester", "pw"))
    login = Login("tester@localhost", "wrong", server.host, server.c2s_port)
    finding = about(await found(tmp_path, server, login=login), "irc carbons, archive, roster")
    assert finding.verdict is Verdict.FAIL
    assert finding.text == "The server does not take the password of tester@localhost."


# -- a gateway that runs ----------------------------------------------------------------------------------------


async def test_a_gateway_that_runs_is_asked_and_nobody_notices(
    tmp_path: Path, ejabberd: PatientEjabberd
) -> None:
    """On ejabberd, where a second link would take half of the traffic away."""
    server = ejabberd.server
    await server.add_user(User("ann", "pw"))
    config = tmp_path / "config.toml"
    init(JID, "irc", None, config, force=True, out=StringIO())
    settings = load(config, {})
    text = config.read_text().replace(settings.bridges[0].secret.get_secret_value(), SECRET)
    config.write_text(text.replace("port = 5347", f"port = {server.component_port}"))
    gateway = Child("gateway", [sys.executable, "-m", "gateway", "run", "-c", str(config)], tmp_path)
    gateway.start()
    try:
        await gateway.wait_ready(gateway.logged("gateway ready"), within=30.0)
        user = await XmppClient.connect(server.host, server.c2s_port, "ann@localhost", "pw")
        await user.settle("localhost")
        user.inbox.clear()
        asked = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway",
            "doctor",
            "--json",
            "-c",
            str(config),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asked.communicate()
        lines = [json.loads(line) for line in said.splitlines()]
        verdicts = {each["subject"]: each["verdict"] for each in lines[:-1]}
        assert verdicts["irc link"] == verdicts["irc second gateway"] == verdicts["database"] == "ok"
        assert verdicts["irc rights"] == "note"
        assert asked.returncode == 0, said
        assert gateway.output().count("link up") == 1
        assert SECRET not in said.decode()
        await user.settle("localhost")
        assert not user.inbox.waiting()
        await user.close()
    finally:
        await gateway.stop()
