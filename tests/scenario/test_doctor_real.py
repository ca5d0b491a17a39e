"""``causeway doctor`` against Debian's Prosody and ejabberd, and the proof of its lines: they are put into the broken
configuration as they are printed, and then all is well.

One server of each kind serves all tests: each begins by configuring it (``reset``, and ``hold`` once it is broken).
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import side_by_side
from gateway.clock import SystemClock
from gateway.config import load
from gateway.doctor.announced import of_announced
from gateway.doctor.patient import Patient
from gateway.doctor.round import Around, visit
from gateway.doctor.servers import Met, Place
from gateway.doctor.wire import visiting
from gateway.init import init
from gateway.ops.desk import Login
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.match import presence
from gateway.playground.peers import Component, User
from gateway.playground.process import Child, free_ports, listening
from gateway.playground.prosody import Prosody
from gateway.playground.xmpp_client import XmppClient
from tests.rig.pasting import PatientEjabberd, PatientProsody

pytestmark = pytest.mark.asyncio(loop_scope="module")

JID = "irc.localhost"
SECRET = "s3cret"
TESTER = User("tester", "pw")
UPLOAD = '["urn:xmpp:http:upload:0"] = "get"'

#: What Debian's ejabberd 23.01 cannot do, whatever is configured.
EJABBERD_CANNOT = {"irc right to change contacts", "irc right to send messages"}
#: Networks that the users choose, and what Prosody tells contacts only.
NOT_TRIED = {PatientProsody: {"irc networks", "irc archive"}, PatientEjabberd: {"irc networks"}}

PatientServer = PatientProsody | PatientEjabberd


async def nothing_in_dns(name: str, kind: str) -> bool:
    raise AssertionError("names below localhost are in no DNS")


async def examined(config: Path, port: int, login: Login | None = None, **more: str) -> list[Finding]:
    settings = load(config, {"CAUSEWAY_XMPP__PORT": str(port), **more})
    return [each async for each in visit(settings, config, login=login, around=Around(dns=nothing_in_dns))]


async def found(tmp_path: Path, port: int, login: Login | None = None) -> list[Finding]:
    """Of a configuration whose one bridge has the secret that the server knows."""
    config = tmp_path / "config.toml"
    init(JID, "irc", None, config, force=True, out=StringIO())
    return await examined(config, port, login, CAUSEWAY_BRIDGES__IRC__SECRET=SECRET)


def subjects(findings: list[Finding], verdict: Verdict) -> set[str]:
    return {each.subject for each in findings if each.verdict is verdict}


def about(findings: list[Finding], subject: str) -> Finding:
    return next(each for each in findings if each.subject == subject)


def assert_well(patient: PatientServer, findings: list[Finding], notes: set[str]) -> None:
    unknown = NOT_TRIED[type(patient)]
    for verdict, expected in ((Verdict.FAIL, set()), (Verdict.NOTE, notes), (Verdict.UNKNOWN, unknown)):
        assert subjects(findings, verdict) == expected, [str(each) for each in findings]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_prosody(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PatientProsody]:
    place = tmp_path_factory.mktemp("prosody")
    server = await Prosody.start(place, components=[Component(JID, SECRET)], users=[TESTER], privileges=False)
    try:
        yield PatientProsody(server, place)
    finally:
        await server.stop()


@pytest.fixture
def prosody(running_prosody: PatientProsody) -> PatientProsody:
    """With a component, and nothing of what a gateway needs besides."""
    running_prosody.reset()
    # Debian's has these two, which tell the server's version and its time.
    running_prosody.replace(', "privilege"', ', "version", "time"')
    running_prosody.replace('    modules_enabled = { "privilege" }\n', "")
    return running_prosody


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_ejabberd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PatientEjabberd]:
    place = tmp_path_factory.mktemp("ejabberd")
    server = await Ejabberd.start(place, components=[Component(JID, SECRET)], users=[TESTER])
    try:
        yield PatientEjabberd(server, place)
    finally:
        await server.stop()


@pytest.fixture
def ejabberd(running_ejabberd: PatientEjabberd) -> PatientEjabberd:
    """As it should be."""
    running_ejabberd.reset()
    return running_ejabberd


async def healed(tmp_path: Path, patient: PatientServer, rounds: list[set[str]], notes: set[str]) -> None:
    """Do what is said until nothing is, round by round; ``rounds`` are the subjects that lines were printed for."""
    await patient.hold()
    for expected in rounds:
        findings = await found(tmp_path, patient.server.component_port)
        broken = [each for each in findings if each.fix]
        assert {each.subject for each in broken} == expected
        for each in broken:
            patient.paste(each)
        await patient.hold()
    assert_well(patient, await found(tmp_path, patient.server.component_port), notes)


# -- the three steps: init, paste, and all is well ---------------------------------------------------------------


async def init_pasted(
    config: Path, kind: str, patient: PatientServer, to_port: Callable[[str], str] = lambda lines: lines
) -> None:
    """What ``causeway init`` says of one more bridge, done."""
    out = StringIO()
    name = "prosody" if isinstance(patient, PatientProsody) else "ejabberd"
    init(f"{kind}.localhost", kind, name, config, force=False, out=out)
    said = re.search(
        r"^Put this into (\S+?), (?:a new file|in place of all that is there):\n\n(.+?)\n\nYour users",
        out.getvalue(),
        re.M | re.S,
    )
    assert said is not None
    patient.paste(Finding(Verdict.NOTE, "", "", f"{to_port(said[2])}\n", f"{said[1]}, a new file"))
    await patient.hold()
    await patient.server.child.wait_ready(listening(patient.server.host, patient.server.component_port))


async def assert_second_keeps_the_first(config: Path, port: int, notes: set[str]) -> None:
    findings = await examined(config, port)
    for bridge in ("irc", "sms"):
        for what in (
            "link",
            "rights",
            "right to read contacts",
            "right to change contacts",
            "right to send messages",
        ):
            told = [each.verdict for each in findings if each.subject == f"{bridge} {what}"]
            expected = Verdict.NOTE if f"irc {what}" in notes else Verdict.OK
            assert told == ([] if what == "rights" else [expected]), what


async def test_what_init_prints_is_all_that_prosody_needs_for_one_bridge_and_for_two(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    prosody.replace(f'Component "{JID}"\n    component_secret = "{SECRET}"\n', "")
    config, port = tmp_path / "config.toml", prosody.server.component_port
    await init_pasted(config, "irc", prosody)
    assert_well(prosody, await examined(config, port), set())
    await init_pasted(config, "sms", prosody)
    await assert_second_keeps_the_first(config, port, set())


async def test_what_init_prints_is_all_that_ejabberd_needs_for_one_bridge_and_for_two(
    tmp_path: Path, ejabberd: PatientEjabberd
) -> None:
    config, port = tmp_path / "config.toml", ejabberd.server.component_port

    def to_port(lines: str) -> str:
        return lines.replace("port: 5347", f"port: {port}")  # the usual one may be taken here

    ejabberd.settings["listen"] = [each for each in ejabberd.settings["listen"] if "hosts" not in each]
    ejabberd.settings["modules"].pop("mod_privilege")
    ejabberd.write()
    await init_pasted(config, "irc", ejabberd, to_port)
    assert_well(ejabberd, await examined(config, port), EJABBERD_CANNOT)
    await init_pasted(config, "sms", ejabberd, to_port)
    await assert_second_keeps_the_first(config, port, EJABBERD_CANNOT)


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


async def test_each_right_that_prosody_lacks_is_named_and_healed(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    """Four bridges, each without another right."""
    granted = {
        "right to read contacts": f'message = "outgoing", iq = {{ {UPLOAD} }}',
        "right to change contacts": f'roster = "get", iq = {{ {UPLOAD} }}',
        "right to send messages": f'roster = "both", iq = {{ {UPLOAD} }}',
        "right to upload": 'roster = "both", message = "outgoing"',
    }
    config = tmp_path / "config.toml"
    init(JID, "irc", None, config, force=True, out=StringIO())
    entities = components = ""
    for number, rights in enumerate(granted.values()):
        jid = f"irc{number}.localhost"
        entities += f'["{jid}"] = {{ {rights} }}, '
        components += (
            f'Component "{jid}"\n    component_secret = "{SECRET}"\n    modules_enabled = {{ "privilege" }}\n'
        )
        with config.open("a") as file:
            file.write(f'\n[bridges.irc{number}]\nkind = "irc"\njid = "{jid}"\nsecret = "{SECRET}"\n')
    prosody.part(
        "causeway-rights.cfg.lua",
        f'VirtualHost "localhost"\n    modules_enabled = {{ "privilege" }}\n'
        f"    privileged_entities = {{ {entities} }}\n{components}",
    )
    prosody.part("causeway.cfg.lua", components)
    await prosody.hold()
    port = prosody.server.component_port
    findings = await examined(config, port, CAUSEWAY_BRIDGES__IRC__SECRET=SECRET)
    for number, subject in enumerate(granted):
        broken = [each.subject for each in findings if each.fix and each.subject.startswith(f"irc{number} ")]
        assert broken == [f"irc{number} {subject}"]
    assert "(Prosody 0.12." in about(findings, "irc link").text
    assert about(findings, "irc server clock").text == "It is the same time here and at the XMPP server."
    # The lines are the same for each of them.
    prosody.paste(about(findings, f"irc0 {next(iter(granted))}"))
    await prosody.hold()
    findings = await examined(config, port, CAUSEWAY_BRIDGES__IRC__SECRET=SECRET)
    assert not [each for each in findings if each.verdict in (Verdict.FAIL, Verdict.NOTE)]


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
    await prosody.hold()
    host, port = prosody.server.host, prosody.server.component_port
    async with visiting(JID, SECRET, host, port, SystemClock()) as running:
        assert running.up
        link = about(await found(tmp_path, port), "irc link")
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
    ejabberd.settings["modules"].pop("mod_privilege")
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
    await ejabberd.hold()
    host, port = ejabberd.server.host, ejabberd.server.component_port
    async with visiting(JID, SECRET, host, port, SystemClock()) as running:
        assert running.up
        findings = await found(tmp_path, port)
    assert about(findings, "irc link").verdict is Verdict.OK
    assert about(findings, "irc second gateway").verdict is Verdict.FAIL


# -- with an account --------------------------------------------------------------------------------------------


async def lent(tmp_path: Path, patient: PatientServer, password: str = "pw") -> dict[str, Finding]:
    """What is found with the account, which is as it was afterwards."""
    server = patient.server
    login = Login("tester@localhost", password, server.host, server.c2s_port)
    findings = {each.subject: each for each in await found(tmp_path, server.component_port, login)}
    tester = await XmppClient.connect(server.host, server.c2s_port, "tester@localhost", "pw")
    try:
        roster = await tester.iq("tester@localhost", "<query xmlns='jabber:iq:roster'/>")
        assert roster.find(".//{jabber:iq:roster}item") is None
    finally:
        await tester.close()
    return findings


async def test_an_account_of_prosody_shows_whether_users_get_everything(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    await prosody.hold()
    wrong = (await lent(tmp_path, prosody, "wrong"))["irc account"]
    assert wrong.verdict is Verdict.FAIL
    assert wrong.text == "The server does not take the password of tester@localhost."
    prosody.paste(about(await found(tmp_path, prosody.server.component_port), "irc rights"))
    await prosody.hold()
    findings = await lent(tmp_path, prosody)
    tried = ("carbons", "archive", "messages as user", "archive as user", "roster push", "upload as user")
    assert {each: findings[f"irc {each}"].verdict for each in tried} == dict.fromkeys(tried, Verdict.OK)


async def test_an_account_of_ejabberd_shows_whether_users_get_everything(
    tmp_path: Path, ejabberd: PatientEjabberd
) -> None:
    await ejabberd.hold()
    findings = await lent(tmp_path, ejabberd)
    assert findings["irc carbons"].verdict is findings["irc archive"].verdict is Verdict.OK
    assert findings["irc roster push"].verdict is Verdict.NOTE  # 23.01 grants what then fails


async def test_prosody_tells_of_archives_whoever_may_see_one_of_its_users(
    tmp_path: Path, prosody: PatientProsody
) -> None:
    await prosody.hold()
    server = prosody.server
    tester = await XmppClient.connect(server.host, server.c2s_port, "tester@localhost", "pw")
    try:
        async with visiting(JID, SECRET, server.host, server.component_port, SystemClock()) as wire:
            wire.send(f"<presence from='{JID}' to='tester@localhost' type='subscribe'/>")
            await tester.expect(presence(type="subscribe"))
            tester.send(f"<presence type='subscribed' to='{JID}'/>")
            await tester.settle("localhost")
            place = Place(JID, "localhost", ((JID, SECRET),))
            for contacts, verdict in (
                ([], Verdict.UNKNOWN),
                (["x@other.localhost", "nobody@localhost", "tester@localhost"], Verdict.OK),
            ):
                known = replace(wire, contacts=contacts)
                patient = Patient("irc", known, server.host, server.component_port, place, Met())
                findings = [each async for each in side_by_side(of_announced(patient))]
                assert [each.verdict for each in findings] == [Verdict.OK, verdict]
    finally:
        await tester.close()


# -- a gateway that runs ----------------------------------------------------------------------------------------


async def test_a_gateway_that_runs_is_asked_and_nobody_notices(
    tmp_path: Path, ejabberd: PatientEjabberd
) -> None:
    """On ejabberd, where a second link would take half of the traffic away."""
    ejabberd.settings["modules"].pop("mod_privilege")
    ejabberd.write()
    await ejabberd.hold()
    server = ejabberd.server
    config = tmp_path / "config.toml"
    init(JID, "irc", None, config, force=True, out=StringIO())
    settings = load(config, {})
    text = config.read_text().replace(settings.bridges[0].secret.get_secret_value(), SECRET)
    config.write_text(text.replace("port = 5347", f"port = {server.component_port}"))
    gateway = Child("gateway", [sys.executable, "-m", "gateway", "run", "-c", str(config)], tmp_path)
    gateway.start()
    try:
        await gateway.wait_ready(gateway.logged("gateway ready"), within=30.0)
        user = await XmppClient.connect(server.host, server.c2s_port, "tester@localhost", "pw")
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
        assert verdicts["irc carbons"] == verdicts["irc archive"] == "ok"
        assert verdicts["irc rights"] == "note"
        assert asked.returncode == 0, said
        assert gateway.output().count("link up") == 1
        assert SECRET not in said.decode()
        await user.settle("localhost")
        assert not user.inbox.waiting()
        await user.close()
    finally:
        await gateway.stop()
