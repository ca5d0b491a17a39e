"""What the doctor finds out about a message centre: by the connections that there are, or by one login if there are none."""

import asyncio
import random
from typing import Any

from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.route import Centre
from bridges.sms.smpp.settings import SmppRoute
from gateway.bridge import Verdict
from tests.unit.clock import settle
from tests.unit.sms.smpp.peer import Wire
from tests.unit.sms.smpp.test_route import Rig, rig

__all__ = ["rig"]


async def test_a_route_that_runs_is_examined_by_its_connections_alone(rig: Rig) -> None:
    async with rig.running(binds=2):
        logins = len(rig.smsc.endpoints)
        found = {each.subject: each for each in await rig.route.examined()}
        assert len(rig.smsc.endpoints) == logins
        assert "2 connections with 127.0.0.1:2775" in found["route test"].text
        assert {each.verdict for each in found.values()} == {Verdict.OK}


async def test_a_login_that_is_refused_is_a_failure_of_the_route_that_runs(rig: Rig) -> None:
    def refuse(wire: Wire) -> None:
        wire.octets(bytes.fromhex("00000010 80000009 0000000e 00000001"))

    rig.smsc.on_login = refuse
    async with rig.running():
        found = {each.subject: each for each in await rig.route.examined()}
        assert found["route test"].verdict is Verdict.FAIL
        assert "password is wrong" in found["route test"].text


def idle(rig: Rig, **settings: Any) -> Centre:
    wanted = {"kind": "smpp", "host": "127.0.0.1", "system_id": "me", "password": "pw", **settings}
    return Centre("test", SmppRoute(**wanted), rig.clock, random.Random(1), connector=rig.smsc.connect)


async def test_a_route_that_does_not_run_logs_in_for_sending_only_and_out_again(rig: Rig) -> None:
    trying = asyncio.create_task(idle(rig).examined())
    await settle()
    assert rig.smsc.wire.of(Command.BIND_TRANSMITTER)
    (request,) = rig.smsc.wire.of(Command.UNBIND)
    rig.smsc.wire.says(Command.UNBIND_RESP, request.sequence)
    found = {each.subject: each for each in await trying}
    assert "lets me in" in found["route test"].text
    assert {each.verdict for each in found.values()} == {Verdict.OK}


async def test_nothing_is_taken_from_a_gateway_that_receives_elsewhere(rig: Rig) -> None:
    [finding] = await idle(rig, bind="rx").examined()
    assert finding.verdict is Verdict.UNKNOWN
    assert len(rig.smsc.endpoints) == 0


async def test_a_line_without_tls_through_the_world_is_noted(rig: Rig) -> None:
    trying = asyncio.create_task(idle(rig, host="smsc.example", tls=False).examined())
    await settle()
    (request,) = rig.smsc.wire.of(Command.UNBIND)
    rig.smsc.wire.says(Command.UNBIND_RESP, request.sequence)
    found = {each.subject: each for each in await trying}
    assert found["tls of route test"].verdict is Verdict.NOTE
