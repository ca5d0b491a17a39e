"""Moderation from an ordinary client, on real networks: what the iq says, what IRC sees, what people in the room hear."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import (
    XmppClient,
    error_condition,
    error_text,
    line,
    message,
    presence,
    show,
    status_codes,
)
from gateway.playground.inspircd import InspIRCd
from gateway.playground.ngircd import NgIRCd
from tests.scenario.stage import Company, Door, Play, Stage, chatter
from tests.waiting import DEADLINE

NETWORKS = ("insp", "old")
ADMIN = "http://jabber.org/protocol/muc#admin"
OWNER = "http://jabber.org/protocol/muc#owner"
DATA = "jabber:x:data"
USER = "{http://jabber.org/protocol/muc#user}"
BODY = "{jabber:client}body"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"

pytestmark = pytest.mark.parametrize("network", NETWORKS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, inspircd: InspIRCd, ngircd: NgIRCd) -> AsyncIterator[Stage]:
    doors = {"insp": Door(inspircd.host, inspircd.port), "old": Door(ngircd.host, ngircd.port)}
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", Play(doors))
    try:
        yield running
    finally:
        await running.stop()


class Room:
    """A new channel whose operator is alice, with carol of IRC in it."""

    def __init__(self, company: Company, network: str) -> None:
        self.company, self.stage, self.network = company, company.stage, network
        self.channel, self.nick = company.stage.new("#mod"), company.stage.new("Alice")
        self.address = company.stage.room(self.channel, network)

    async def open(self) -> "Room":
        self.alice = await self.company.user()
        await self.alice.join(self.address, self.nick, within=DEADLINE)
        self.carol = await self.company.irc(self.network)
        await self.carol.join(self.channel)
        await self.alice.expect(presence(f"{self.address}/{self.carol.nick}"))
        return self

    async def change(self, who: XmppClient, *items: str) -> Element:
        inner = "".join(f"<item {each}" + ("" if each.endswith(">") else "/>") for each in items)
        return await who.iq(self.address, f"<query xmlns='{ADMIN}'>{inner}</query>", type="set")

    async def listed(self, who: XmppClient, wanted: str) -> list[Element]:
        answer = await who.iq(self.address, f"<query xmlns='{ADMIN}'><item {wanted}/></query>")
        assert answer.get("type") == "result", show(answer)
        return answer.findall(f".//{{{ADMIN}}}item")

    async def standing(self, nick: str, affiliation: str, role: str) -> None:
        """Alice is told that somebody is that now."""

        def told(stanza: Element) -> bool:
            item = stanza.find(f"{USER}x/{USER}item")
            return (
                presence(f"{self.address}/{nick}")(stanza)
                and item is not None
                and (item.get("affiliation"), item.get("role")) == (affiliation, role)
            )

        await self.alice.expect(told, f"{nick} as {affiliation} and {role}")

    async def features(self) -> set[str | None]:
        info = await self.alice.iq(self.address, INFO)
        return {each.get("var") for each in info.iter("{http://jabber.org/protocol/disco#info}feature")}

    @property
    def her(self) -> str:
        return f"nick={quoteattr(self.carol.nick)}"


async def test_an_operator_gives_and_takes_ranks(company: Company, network: str) -> None:
    room = await Room(company, network).open()
    carol = room.carol.nick
    answer = await room.change(room.alice, f"{room.her} affiliation='member'")
    assert answer.get("type") == "result", show(answer)
    await room.carol.expect(line("MODE", room.channel, "+v", carol, sender=room.nick))
    await room.alice.expect(message(room.address, f"Mode {room.channel} [+v {carol}] by {room.nick}"))
    await room.standing(carol, "member", "participant")
    assert (await room.change(room.alice, f"{room.her} affiliation='admin'")).get("type") == "result"
    await room.standing(carol, "admin", "moderator")
    both = f"{room.her} affiliation='member' role='participant'"
    assert (await room.change(room.alice, both)).get("type") == "result"
    await room.standing(carol, "member", "participant")
    again = await room.change(room.alice, both)  # the network has nothing to say to that
    assert again.get("type") == "result"
    admins = await room.listed(room.alice, "affiliation='admin'")
    assert [item.get("nick") for item in admins] == [room.nick]
    participants = await room.listed(room.alice, "role='participant'")
    assert [item.get("nick") for item in participants] == [carol]


async def test_who_may_not_is_told_in_the_networks_words(company: Company, network: str) -> None:
    room = await Room(company, network).open()
    bob = await company.user("bob")
    await bob.join(room.address, company.stage.new("Bob"), within=DEADLINE)
    for item in (
        f"{room.her} affiliation='admin'",
        f"{room.her} role='none'",
        "jid='*!*@spam.example' affiliation='outcast'",
    ):
        refused = await room.change(bob, item)
        assert error_condition(refused) == "forbidden", show(refused)
        assert room.channel in error_text(refused)
    nobody = await room.change(room.alice, "nick='blectre' affiliation='admin'")
    assert error_condition(nobody) == "item-not-found"


async def test_bans_are_set_listed_and_lifted(company: Company, network: str) -> None:
    room = await Room(company, network).open()
    answer = await room.change(room.alice, f"{room.her} affiliation='outcast'><reason>spam</reason></item>")
    assert answer.get("type") == "result", show(answer)
    kicked = await room.carol.expect(line("KICK", room.channel, room.carol.nick, "spam", sender=room.nick))
    assert kicked is not None
    gone = await room.alice.expect(presence(f"{room.address}/{room.carol.nick}", type="unavailable"))
    assert 301 in status_codes(gone)
    bans = await room.listed(room.alice, "affiliation='outcast'")
    assert len(bans) == 1
    assert room.nick in (bans[0].findtext(f"{{{ADMIN}}}reason") or "")
    room.carol.send(f"JOIN {room.channel}")
    await room.carol.expect(lambda one: one.command == "474", "to be kept out")
    lifted = await room.change(room.alice, f"jid={quoteattr(bans[0].get('jid') or '')} affiliation='none'")
    assert lifted.get("type") == "result", show(lifted)
    assert await room.listed(room.alice, "affiliation='outcast'") == []
    await room.carol.join(room.channel)


async def test_mode_is_an_order_and_a_moderated_room_has_visitors(company: Company, network: str) -> None:
    room = await Room(company, network).open()
    room.alice.say(room.address, "/mode +m", type="groupchat")
    await room.alice.expect(message(room.address, f"Mode {room.channel} [+m] by {room.nick}"))
    await room.alice.expect(lambda one: 104 in status_codes(one), "news of the settings")
    await room.standing(room.carol.nick, "none", "visitor")
    assert "muc_moderated" in await room.features()
    answer = await room.change(room.alice, f"{room.her} role='participant'")
    assert answer.get("type") == "result", show(answer)
    await room.standing(room.carol.nick, "member", "participant")
    room.alice.say(room.address, "/mode +b *!*@spam.example", type="groupchat")
    await room.carol.expect(line("MODE", room.channel, "+b", "*!*@spam.example"))
    room.alice.say(room.address, "/mode b", type="groupchat")
    shown = await room.alice.expect(
        lambda one: (
            "*!*@spam.example" in (one.findtext(BODY) or "") and "Mode" not in (one.findtext(BODY) or "")
        ),
        "the list",
    )
    assert shown.get("from") == room.address
    assert not [one for one in chatter(room.alice) if (one.findtext(BODY) or "").startswith("/mode")]


async def fields(room: Room, who: XmppClient) -> dict[str, str]:
    form = await who.iq(room.address, f"<query xmlns='{OWNER}'/>")
    assert form.get("type") == "result", show(form)
    return {
        each.get("var") or "": each.findtext(f"{{{DATA}}}value") or ""
        for each in form.iter(f"{{{DATA}}}field")
    }


async def submit(room: Room, who: XmppClient, values: dict[str, str]) -> Element:
    inner = "".join(
        f"<field var={quoteattr(name)}><value>{escape(value)}</value></field>"
        for name, value in values.items()
    )
    form = f"<x xmlns='{DATA}' type='submit'>{inner}</x>"
    return await who.iq(room.address, f"<query xmlns='{OWNER}'>{form}</query>", type="set")


async def test_the_form_of_a_room_is_the_modes_of_the_channel(company: Company, network: str) -> None:
    room = await Room(company, network).open()
    config = "muc#roomconfig_"
    shown = await fields(room, room.alice)
    assert shown[f"{config}moderatedroom"] == "false"
    assert (await submit(room, room.alice, shown)).get("type") == "result"
    changed = shown | {
        f"{config}passwordprotectedroom": "true",
        f"{config}roomsecret": "sesame",
        f"{config}moderatedroom": "true",
        f"{config}maxusers": "7",
    }
    assert (await submit(room, room.alice, changed)).get("type") == "result"
    seen = await room.carol.expect(lambda one: one.command == "MODE", "the modes")
    assert list(seen.params[1:]) == ["+klm", "sesame", "7"]
    assert {"muc_passwordprotected", "muc_moderated"} <= await room.features()
    assert (await fields(room, room.alice))[f"{config}roomsecret"] == "sesame"
    dora = await company.irc(network, "dora")
    dora.send(f"JOIN {room.channel}")
    await dora.expect(lambda one: one.command == "475", "to be kept out")
    assert (await submit(room, room.alice, shown)).get("type") == "result"
    seen = await room.carol.expect(lambda one: one.command == "MODE", "the modes")
    assert set(seen.params[1]) == set("-klm")
    bob = await company.user("bob")
    await bob.join(room.address, company.stage.new("Bob"), within=DEADLINE)
    refused = await submit(room, bob, {f"{config}moderatedroom": "true"})
    assert error_condition(refused) == "forbidden", show(refused)
    assert room.channel in error_text(refused)
