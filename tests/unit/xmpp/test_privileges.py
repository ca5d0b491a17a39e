"""Using privileges: who may grant them, for whom they count, and what happens when they do not work."""

import asyncio

import pytest

from gateway.model import Condition
from gateway.xmpp.breaker import Breaker
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.privilege import Right
from gateway.xmpp.privileges import DEADLINE, Privileges
from gateway.xmpp.roster import RosterItem, Rosters, read_roster, render_item, suggestion
from gateway.xmpp.router import Router
from tests.unit.xmpp.support import ManualClock, Wire, parse, stanza

USER = "alice@localhost"
GRANT = (
    "<message from='{}' to='gw.localhost'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/>"
    "<perm access='iq'><namespace ns='urn:x' type='get'/></perm></privilege></message>"
)


class Rig:
    def __init__(self) -> None:
        self.clock, self.wire = ManualClock(), Wire()
        self.iq = IqTracker(self.wire.send, self.clock)
        self.privileges = Privileges("gw.localhost", self.iq, self.clock)
        self.router = Router(self.wire.send, self.clock)
        self.privileges.register(self.router)
        self.router.on("iq", "", "result", self.iq.accept)
        self.router.on("iq", "", "error", self.iq.accept)
        self.rosters = Rosters(self.privileges)

    def grant(self, sender: str = "localhost") -> None:
        self.router.dispatch(parse(GRANT.format(sender)))

    async def asked(self, work):
        """Start ``work``; the request it sends."""
        task = asyncio.ensure_future(work)
        await asyncio.sleep(0)
        return task, self.wire.one()

    def answer(self, request, payload: str = "", type_: str = "result") -> None:
        self.router.dispatch(
            parse(
                f"<iq type='{type_}' id='{request.get('id')}' from='{USER}' to='gw.localhost'>{payload}</iq>"
            )
        )


@pytest.fixture
async def rig() -> Rig:
    return Rig()


async def refused(work) -> Condition:
    with pytest.raises(RefusedError) as caught:
        await work
    return caught.value.refused.condition


async def test_nothing_is_asked_where_nothing_is_granted(rig: Rig) -> None:
    assert await refused(rig.rosters.read(USER)) is Condition.FORBIDDEN
    rig.grant("other.example")
    assert await refused(rig.rosters.read(USER)) is Condition.FORBIDDEN
    assert rig.wire.sent == []


@pytest.mark.parametrize("sender", ["eve@localhost", "eve@localhost/x", "localhost/x"])
async def test_only_a_bare_domain_can_grant(rig: Rig, sender: str) -> None:
    rig.grant(sender)
    assert rig.privileges.domains == {}
    (answer,) = rig.wire.take()
    assert answer.get("type") == "error"


async def test_servers_beyond_counting_are_not_remembered(rig: Rig) -> None:
    for number in range(1000):
        rig.grant(f"s{number}.example")
    assert len(rig.privileges.domains) == 256


async def test_a_later_advertisement_takes_rights_away(rig: Rig) -> None:
    rig.grant()
    rig.router.dispatch(parse(GRANT.format("localhost").replace("both", "get")))
    assert not rig.privileges.may("localhost", Right.ROSTER_SET)


async def test_a_roster_is_read(rig: Rig) -> None:
    rig.grant()
    task, request = await rig.asked(rig.rosters.read(USER))
    assert (request.get("to"), request.get("from"), request.get("type")) == (USER, "gw.localhost", "get")
    items = "<item jid='a@gw.localhost' name='A' subscription='to'><group>G</group></item><item jid='b@x'/>"
    rig.answer(request, f"<query xmlns='jabber:iq:roster'>{items}</query>")
    assert await task == {
        "a@gw.localhost": RosterItem("a@gw.localhost", "A", "to", ("G",)),
        "b@x": RosterItem("b@x"),
    }


async def test_what_is_never_answered_is_given_up_soon_and_then_left_alone(rig: Rig) -> None:
    rig.grant()
    for _ in range(3):
        task, _ = await rig.asked(rig.rosters.read(USER))
        rig.clock.advance(DEADLINE + 0.1)
        assert await refused(task) is Condition.REMOTE_SERVER_TIMEOUT
    assert not rig.privileges.may("localhost", Right.ROSTER_GET)
    assert rig.privileges.may("localhost", Right.ROSTER_SET)
    assert await refused(rig.rosters.read(USER)) is Condition.REMOTE_SERVER_TIMEOUT
    assert rig.wire.sent == []
    assert rig.privileges.resting("localhost").keys() == {Right.ROSTER_GET}
    rig.clock.advance(61)
    task, request = await rig.asked(rig.rosters.read(USER))
    assert await refused(rig.rosters.read(USER)) is Condition.REMOTE_SERVER_TIMEOUT  # one trial at a time
    rig.answer(request, "<query xmlns='jabber:iq:roster'/>")
    assert await task == {}
    assert rig.privileges.may("localhost", Right.ROSTER_GET)


async def test_an_error_about_one_item_does_not_count_against_the_right(rig: Rig) -> None:
    rig.grant()
    for _ in range(5):
        task, request = await rig.asked(rig.rosters.write(USER, RosterItem("a@gw.localhost")))
        error = "<error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        rig.answer(request, error, "error")
        assert await refused(task) is Condition.BAD_REQUEST
    assert rig.privileges.may("localhost", Right.ROSTER_SET)


async def test_ejabberds_failing_roster_set_opens_the_breaker(rig: Rig) -> None:
    rig.grant()
    for _ in range(3):
        task, request = await rig.asked(rig.rosters.write(USER, RosterItem("a@gw.localhost")))
        error = (
            "<query xmlns='jabber:iq:roster'/><error type='wait'><internal-server-error "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        )
        rig.answer(request, error, "error")
        assert await refused(task) is Condition.INTERNAL_SERVER_ERROR
    assert not rig.privileges.may("localhost", Right.ROSTER_SET)


async def test_only_items_that_the_user_has_not_named_are_renamed(rig: Rig) -> None:
    rig.grant()
    names = {
        "a@gw": ("", "Anna"),
        "b@gw": ("Bo", "Bob"),
        "c@gw": ("", "Carl"),
        "d@gw": ("", "Dora"),
        "e@gw": ("", "E"),
    }
    task, request = await rig.asked(rig.rosters.rename(USER, names))
    items = (
        "<item jid='a@gw' subscription='both'/><item jid='b@gw' name='Bo'/><item jid='c@gw' name='My Carl'/>"
        "<item jid='e@gw' name='E'/>"
    )
    rig.answer(request, f"<query xmlns='jabber:iq:roster'>{items}</query>")
    written = []
    for _ in range(2):
        while not rig.wire.sent:
            await asyncio.sleep(0)
        change = rig.wire.one()
        item = change[0][0]
        written.append((item.get("jid"), item.get("name"), item.get("subscription")))
        rig.answer(change)
    assert await task == 2
    assert written == [("a@gw", "Anna", None), ("b@gw", "Bob", None)]


async def test_a_request_in_the_users_name_gives_the_users_answer(rig: Rig) -> None:
    rig.grant()
    assert (
        await refused(rig.privileges.request(USER, "", "set", "urn:x", "<x xmlns='urn:x'/>"))
        is Condition.FORBIDDEN
    )
    task, request = await rig.asked(
        rig.privileges.request(USER, "up.localhost", "get", "urn:x", "<x xmlns='urn:x'/>")
    )
    inner = request[0][0]
    assert (inner.tag, inner.get("from"), inner.get("to")) == ("{jabber:client}iq", USER, "up.localhost")
    rig.answer(
        request,
        "<privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>"
        "<iq xmlns='jabber:client' type='result' id='1'><y xmlns='urn:x'/></iq></forwarded></privilege>",
    )
    assert (await task)[0].tag == "{urn:x}y"


async def test_a_roster_push_is_answered_and_a_strangers_is_not(rig: Rig) -> None:
    push = "<iq type='set' id='p' from='{}' to='gw.localhost'><query xmlns='jabber:iq:roster'/></iq>"
    rig.router.dispatch(parse(push.format(USER)))
    assert rig.wire.one().get("type") == "error"
    rig.grant()
    rig.router.dispatch(parse(push.format(USER)))
    assert rig.wire.one().get("type") == "result"
    rig.router.dispatch(parse(push.format(f"{USER}/phone")))
    assert rig.wire.one().get("type") == "error"


def test_a_roster_that_never_ends_is_read_within_bounds() -> None:
    answer = parse("<iq><query xmlns='jabber:iq:roster'>" + "<item jid='a@b'/>" * 20_100 + "</query></iq>")
    assert sum(1 for _ in read_roster(answer)) == 20_000


def test_items_are_escaped() -> None:
    item = RosterItem("a&b@gw", "<\"'>", "both", ("<G>",))
    assert parse(render_item(item)).get("name") == "<\"'>"
    assert parse(suggestion([item]))[0].get("jid") == "a&b@gw"


def test_a_breaker_waits_longer_each_time_and_forgets_when_it_works() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    for _ in range(3):
        assert breaker.closed()
        breaker.failed()
    for pause in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        assert not breaker.closed()
        assert breaker.open_for == pause
        now += pause
        assert breaker.closed()
        assert not breaker.closed()
        breaker.failed()
    now += 3600
    assert breaker.closed()
    breaker.succeeded()
    assert breaker.closed()
    assert breaker.open_for == 0


async def test_an_answer_to_nobody_is_no_advertisement(rig: Rig) -> None:
    with pytest.raises(RefusedError):
        rig.privileges.learn(
            stanza("<message from='localhost' to='x@gw.localhost'><body>hi</body></message>")
        )
