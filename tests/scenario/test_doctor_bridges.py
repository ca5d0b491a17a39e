"""``causeway doctor`` of an installation with all three bridges and real peers of every kind: asked as an operator asks,
while the gateway runs, when peers are in trouble, and when nothing runs."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from gateway.bridge import Examined, Finding, Verdict
from gateway.check import built
from gateway.config import load
from gateway.control.client import Client
from gateway.playground.certificate import make_certificate
from gateway.playground.inspircd import InspIRCd
from gateway.playground.kannel import PASSWORD, SMPP, USERNAME, Kannel, Way
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.process import free_ports
from tests.fakes.sms_providers import FAMILIES, Provider, Said
from tests.fakes.sms_signing import TELNYX_PUBLIC
from tests.rig.smsc import NodeSmsc
from tests.rig.smsd import PHONE, Smsd
from tests.scenario.stage import Company, Door, Play, Stage
from tests.waiting import DEADLINE

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS, MODEM = "+12125550001", "+12125550002"
OPERATOR = "olga@localhost"

_MORE = """\
[bridges.mail.lmtp]
listen = "127.0.0.1:{lmtp}"

[bridges.mail.smarthost]
port = {mail.submission_port}

[bridges.mail.trust]
authserv_ids = ["mx.localhost"]

[web]
listen = "127.0.0.1:{web}"
public_url = "http://127.0.0.1:{web}"

[bridges.sms.routes.centre]
kind = "smpp"
host = "127.0.0.1"
port = {smsc.port}
system_id = "causeway"
password = "secret"

[bridges.sms.routes.kannel]
kind = "kannel"
url = "{kannel.url}"
username = "{user}"
password = "{password}"
smsc = "{smpp}"
config_file = "{kannel.config}"

[bridges.sms.routes.modem]
kind = "gammu"
database = "{smsd.database}"
number = "{modem}"
phone = "{phone}"
poll = 0.2

[bridges.sms.routes.telnyx]
kind = "http"
preset = "telnyx"
values = {{ base = "{provider.base}" }}
secrets = {{ key = "KEY1", public_key = "{key}" }}

[[bridges.sms.numbers]]
number = "{ours}"
routes = ["centre", "kannel", "telnyx"]

[[bridges.sms.numbers]]
number = "{modem}"
routes = ["modem"]
"""


@dataclass
class House:
    stage: Stage
    irc: InspIRCd
    mail: Postfix
    smsc: NodeSmsc
    kannel: Kannel
    smsd: Smsd
    provider: Provider

    async def command(self) -> tuple[int | None, Mapping[str, Finding]]:
        """What the command comes to, and what it finds."""
        command = (sys.executable, "-m", "gateway", "doctor", "--json", "-c", str(self.stage.config))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(3 * DEADLINE):
            printed, _ = await process.communicate()
        told = [each for line in printed.splitlines() if "subject" in (each := json.loads(line))]
        found = [Finding(Verdict(each["verdict"]), each["text"], each["subject"]) for each in told]
        return process.returncode, {each.subject: each for each in found}

    async def asked(self) -> Mapping[str, Finding]:
        """What the running gateway says, as the command asks it."""
        client = Client(self.stage.directory / "causeway.sock")
        found = await asyncio.to_thread(lambda: list(client.doctor()))
        return {each.subject: each for each in found}

    async def alone(self, *bridges: str) -> Mapping[str, Finding]:
        """What bridges say that nothing runs of."""
        settings = load(self.stage.config, {})
        found: dict[str, Finding] = {}
        for each in (each for each in settings.bridges if each.name in bridges):
            bridge = cast("Examined", built(each, settings.web.of_bridge(each.name)))
            found |= {f"{each.name} {one.subject}": one async for one in bridge.examine()}
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(directory: Path) -> AsyncIterator[House]:
    places = {name: directory / name for name in ("irc", "mail", "smsc", "kannel", "smsd")}
    for place in places.values():
        place.mkdir()
        place.chmod(0o711)
    async with AsyncExitStack() as stack:
        web, door = free_ports(2)
        certificate = make_certificate(places["irc"], days=90)
        irc = await InspIRCd.start(places["irc"], certificate=certificate)
        stack.push_async_callback(irc.stop)
        mail = await Postfix.start(places["mail"], routes={"mail.localhost": lmtp("127.0.0.1", door)})
        stack.push_async_callback(mail.stop)
        smsc = await NodeSmsc.start(places["smsc"])
        stack.push_async_callback(smsc.stop)
        smsd = await Smsd.start(places["smsd"])
        stack.push_async_callback(smsd.stop)
        provider = await stack.enter_async_context(Provider(FAMILIES["telnyx"]))
        kannel = Kannel(places["kannel"], Way(web, smsc.port))
        stack.push_async_callback(kannel.stop)
        more = _MORE.format(
            lmtp=door,
            mail=mail,
            web=web,
            smsc=smsc,
            kannel=kannel,
            user=USERNAME,
            password=PASSWORD,
            smpp=SMPP,
            smsd=smsd,
            phone=PHONE,
            provider=provider,
            key=TELNYX_PUBLIC,
            ours=OURS,
            modem=MODEM,
        )
        bridges = {
            "irc": {"realname_contact": '"abuse@gw.example"'},
            "mail": {
                "domains": '["mail.localhost"]',
                "alias_domain": '"mail.localhost"',
                "postmaster": '"olga@mail.localhost"',
            },
            "sms": {"region": '"US"', "registration": '"free"', "operator": f'"{OPERATOR}"'},
        }
        tls = {"tls_ports": f"[{irc.tls_port}]", "ca_file": f'"{certificate.authority}"'}
        doors = {"playground": Door(irc.host, irc.port, tls)}
        kinds = {"mail": "email", "sms": "sms"}
        play = Play(
            {}, bridges, kinds=kinds, more=_network(doors) + more, access={"admins": f'["{OPERATOR}"]'}
        )
        stage = await Stage.start(directory, "prosody", play)
        stack.push_async_callback(stage.stop)
        await kannel.start(await _callbacks(stage))
        yield House(stage, irc, mail, smsc, kannel, smsd, provider)


def _network(doors: Mapping[str, Door]) -> str:
    """With TLS alone."""
    return "".join(
        f'[bridges.irc.networks."{name}"]\naddress = "{door.host}"\n'
        + "".join(f"{key} = {value}\n" for key, value in door.more.items())
        for name, door in doors.items()
    )


async def _callbacks(stage: Stage) -> str:
    """The address that the operator is told to give to Kannel."""
    people = Company(stage)
    try:
        olga = await people.user(OPERATOR.partition("@")[0], exactly=True)
        command = "<command xmlns='http://jabber.org/protocol/commands' node='sms-routes' action='execute'/>"
        answer = await olga.iq("sms.localhost", command, type="set", within=DEADLINE)
    finally:
        await people.goodbye()
    found = re.search(r"http://\S+/kannel/\S+", "\n".join(answer.itertext()))
    assert found is not None
    return found[0]


async def test_of_a_house_where_all_is_well_nothing_fails(house: House) -> None:
    newest = await house.smsc.session()
    people = Company(house.stage)
    try:
        user = await people.user()
        await user.join(house.stage.room("#well", "playground"), "well")
        status, found = await house.command()
    finally:
        await people.goodbye()
    assert found["irc users"].text == "1 of 1 users who want to be on a network are there, or on their way."
    assert status == 0, [each for each in found.values() if each.verdict is Verdict.FAIL]
    for subject in (
        "irc tls of playground",
        "mail lmtp",
        "mail smarthost",
        "sms route centre",
        "sms route kannel",
        "sms callbacks of route kannel",
        "sms route modem",
        "sms route telnyx",
        "sms callbacks of route telnyx",
    ):
        assert found[subject].verdict is Verdict.OK, found[subject]
    # Who has set nothing better for Kannel is told, and no more.
    assert "dlr-storage" in found["sms settings of route kannel"].text
    # The standing connection told all of it, and nothing was sent to anybody.
    assert await house.smsc.session() == newest
    assert not [each for each in house.provider.asked if each.method != "GET"]
    assert house.smsd.rows("SELECT 1 FROM outbox") == []
    house.stage.assert_calm()


async def test_each_peer_that_is_in_trouble_is_named_and_the_others_are_well(house: House) -> None:
    await house.irc.kill()
    await house.mail.kill()
    house.provider.next = [Said(401, {})]
    found = await house.asked()
    assert "refuses connections" in found["irc tls of playground"].text
    assert "cannot be reached" in found["mail smarthost"].text
    assert "refuses the credentials" in found["sms route telnyx"].text
    failed = {subject for subject, each in found.items() if each.verdict is Verdict.FAIL}
    assert failed == {"irc tls of playground", "mail smarthost", "sms route telnyx"}
    assert found["sms route centre"].verdict is Verdict.OK


async def test_without_a_gateway_that_runs_what_can_be_tried_is_tried(house: House) -> None:
    await house.stage.gateway.stop(grace=10.0)
    found = await house.alone("mail", "sms")
    assert "as soon as the gateway runs" in found["mail lmtp"].text
    assert "lets causeway in" in found["sms route centre"].text
    assert found["sms route kannel"].verdict is Verdict.OK
    assert found["sms callbacks of route telnyx"].verdict is Verdict.UNKNOWN


async def test_a_password_that_kannel_does_not_know_is_refused_without_a_text(house: House) -> None:
    text = await asyncio.to_thread(house.stage.config.read_text)
    wrong = text.replace(f'password = "{PASSWORD}"', 'password = "another"')
    await asyncio.to_thread(house.stage.config.write_text, wrong)
    found = await house.alone("sms")
    assert "refuses the credentials" in found["sms route kannel"].text
