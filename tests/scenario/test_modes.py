"""What operators and users can choose: a fixed server, servers that talk as biboumi lets them, and logging in by SASL."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from gateway.playground.atheme import Atheme
from gateway.playground.clients import iq, line, message, presence
from gateway.playground.inspircd import InspIRCd
from tests.scenario.stage import COMMANDS, Company, Door, Play, Stage, chatter, configure
from tests.waiting import DEADLINE, eventually

NET, QUIET = "net", "quiet"
BODY = "{jabber:client}body"
ITEMS = "http://jabber.org/protocol/disco#items"
PING = "<ping xmlns='urn:xmpp:ping'/>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, inspircd: InspIRCd) -> AsyncIterator[Stage]:
    place = directory / "atheme"
    place.mkdir()
    services = await Atheme.start(place, inspircd)
    play = Play(
        {
            NET: Door(inspircd.host, inspircd.port, {"allow_plaintext_login": "true"}),
            QUIET: Door(inspircd.host, inspircd.port, {"occupants": '"speakers"', "speakers_above": "3"}),
        },
        {
            "irc": {},
            "fixed": {"fixed_server": f'"{NET}"'},
            "chatty": {"server_messages": '"all"'},
        },
    )
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()
        await services.stop()


async def test_with_a_fixed_server_addresses_are_plain_names(company: Company) -> None:
    stage = company.stage
    channel, nick, gateway = stage.new("#fixed"), stage.new("Alice"), stage.play.jid("fixed")
    carol = await company.irc(NET)
    await carol.join(channel)
    alice = await company.user()
    room = f"{channel}@{gateway}"
    await alice.join(room, nick, within=DEADLINE)
    alice.say(room, "hello", type="groupchat")
    await carol.expect(line("PRIVMSG", channel, "hello", sender=nick))
    carol.say(nick, "psst")
    await alice.expect(message(f"{carol.nick}@{gateway}", "psst", type="chat"))
    alice.say(f"{carol.nick}@{gateway}", "yes?")
    await carol.expect(line("PRIVMSG", carol.nick, "yes?", sender=nick))
    alice.say(gateway, f"WHOIS {carol.nick}")
    await alice.expect(
        lambda one: one.get("from") == gateway and carol.nick in (one.findtext(BODY) or ""), "whois"
    )


async def test_chatty_servers_say_what_biboumi_says(company: Company) -> None:
    stage = company.stage
    alice = await company.user()
    await alice.join(stage.room(stage.new("#chatty"), NET, "chatty"), stage.new("Alice"), within=DEADLINE)
    server = stage.server(NET, "chatty")
    port = stage.play.networks[NET].port
    await eventually(
        lambda: any("of the day" in (one.findtext(BODY) or "") for one in chatter(alice)), "the welcome"
    )
    said = [one for one in chatter(alice) if one.get("from") == server]
    texts = [one.findtext(BODY) or "" for one in said]
    assert texts[:2] == [f"Connecting to {NET}:{port} (not encrypted)", "Connected to IRC server."]
    everything = "\n".join(texts)
    for expected in (
        r"^irc\.localhost: Your host is irc\.localhost, running version .* $",
        r"^irc\.localhost: This server was created ",
        r"^irc\.localhost: There are \d+ users and \d+ invisible on \d+ servers$",
        r"^irc\.localhost: I have \d+ clients and \d+ servers$",
        r"^irc\.localhost: .*Message of the day file is missing",
    ):
        assert re.search(expected, everything, re.MULTILINE), everything
    assert all(one.get("type") == "chat" for one in said)
    assert all(one.find("{urn:xmpp:hints}no-copy") is not None for one in said)
    # The carbons' <private/> beside it is for the server, which takes it out.


async def test_quiet_servers_say_nothing(company: Company) -> None:
    stage = company.stage
    alice = await company.user()
    room = stage.room(stage.new("#quiet"), NET)
    await alice.join(room, stage.new("Alice"), within=DEADLINE)
    await alice.iq(room, PING)
    assert not chatter(alice)


async def test_a_user_logs_in_to_services_with_what_was_configured(company: Company) -> None:
    stage = company.stage
    account = await company.irc(NET, "account")
    account.say("NickServ", "REGISTER s3same nobody@example.org")
    await account.expect(
        lambda one: one.sender == "NickServ" and "registered" in one.params[-1],
        "to be registered",
        within=DEADLINE,
    )
    alice, nick = await company.user(), stage.new("Alice")
    await configure(alice, stage.server(NET), sasl_username=account.nick, sasl_password="s3same")
    room = stage.room(stage.new("#sasl"), NET)
    await alice.join(room, nick, within=DEADLINE)
    await alice.iq(room, PING)
    assert not chatter(alice)
    account.send(f"WHOIS {nick}")
    await account.expect(line("330", account.nick, nick, account.nick))
    # Whoever comes later knows it from the first presence on (WHOX).
    bob = await company.user("bob")
    await bob.join(room, stage.new("Bob"), within=DEADLINE)
    shown = await bob.expect(presence(f"{room}/{nick}"))
    hats = [each.get("title") for each in shown.iter("{urn:xmpp:hats:0}hat")]
    assert f"Account: {account.nick}" in hats


async def test_a_wrong_password_of_services_is_one_error_with_the_way_out(company: Company) -> None:
    stage = company.stage
    alice = await company.user()
    await configure(alice, stage.server(NET), sasl_username="nobody", sasl_password="wr0ng")
    refused = await alice.try_join(stage.room(stage.new("#sasl"), NET), stage.new("Alice"), within=DEADLINE)
    words = "".join(refused.itertext())
    assert (
        refused.find("{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}not-authorized") is not None
    )
    assert "Correct them" in words
    assert "wr0ng" not in words
    await alice.iq(stage.server(NET), PING)
    assert not alice.inbox.waiting(presence(type="error"))
    assert not chatter(alice)


async def test_a_user_stays_in_a_room_in_its_own_encoding_and_is_there_again_after_a_restart(
    company: Company,
) -> None:
    stage = company.stage
    channel, nick = stage.new("#stay"), stage.new("Alice")
    room = stage.room(channel, NET)
    carol = await company.irc(NET)
    carol.encoding = "koi8-r"
    await carol.join(channel)
    alice = await company.user()
    await configure(
        alice, stage.server(NET), after_connect_commands="WAIT 1\nPRIVMSG " + carol.nick + " :psst"
    )
    await configure(alice, room, persistent="true", encoding_in="koi8-r", encoding_out="koi8-r")
    await alice.join(room, nick, within=DEADLINE)
    await carol.expect(line("PRIVMSG", carol.nick, "psst", sender=nick), "what is sent before the join")
    await carol.expect(line("JOIN", channel, sender=nick))
    alice.say(room, "привет", type="groupchat")
    await carol.expect(line("PRIVMSG", channel, "привет", sender=nick))
    carol.say(channel, "и тебе")
    await alice.expect(message(f"{room}/{carol.nick}", "и тебе"))
    alice.leave(room, nick)
    await alice.expect(presence(f"{room}/{nick}", type="unavailable"))
    await carol.settle()
    carol.say(channel, "ты где?")
    await carol.settle()
    await stage.restart_gateway()
    await carol.expect(line("QUIT", sender=nick), "the end of the old gateway's connection", within=DEADLINE)
    assert not carol.inbox.waiting(line("PART", channel, sender=nick))
    await carol.expect(line("JOIN", channel, sender=nick), "alice again, by herself", within=DEADLINE)
    await alice.join(room, nick, history=None, within=DEADLINE)
    await alice.expect(message(f"{room}/{carol.nick}", "ты где?"), "what was said while nobody looked")
    info = await alice.iq(
        stage.server(NET), f"<command xmlns='{COMMANDS}' node='get-irc-connection-info'/>", type="set"
    )
    text = "".join(info.itertext())
    assert f"on port {stage.play.networks[NET].port} since" in text
    assert f"{channel} from 1 resource: desk" in text
    assert f"You are {nick}!" in text
    await configure(alice, room, persistent="false")
    alice.leave(room, nick)
    await carol.expect(line("PART", channel, sender=nick))


async def test_in_a_big_room_only_who_is_active_is_shown_and_everything_else_works(company: Company) -> None:
    stage = company.stage
    channel, nick = stage.new("#crowd"), stage.new("Alice")
    carol, dave, erin = [await company.irc(QUIET, stem) for stem in ("carol", "dave", "erin")]
    for each in (carol, dave, erin):
        await each.join(channel)
    alice = await company.user()
    room = stage.room(channel, QUIET)
    await alice.join(room, nick, within=DEADLINE)
    note = "There are 4 people here. You are shown moderators and who speaks."
    await alice.expect(message(room, note, type="groupchat"))
    await alice.expect(presence(f"{room}/{carol.nick}"), "the operator")
    others = [each for each in alice.inbox.waiting(presence()) if (each.get("from") or "").startswith(room)]
    assert others == []
    alice.inbox.clear()

    dave.say(channel, "hello")
    await alice.expect_next(presence(f"{room}/{dave.nick}"))
    await alice.expect_next(message(f"{room}/{dave.nick}", "hello"))
    found = await alice.iq(room, f"<query xmlns='{ITEMS}'/>")
    jids = {each.get("jid") for each in found.iter(f"{{{ITEMS}}}item")}
    assert jids == {f"{room}/{each}" for each in (carol.nick, dave.nick, erin.nick, nick)}

    alice.say(f"{room}/{erin.nick}", "psst")
    await alice.expect(presence(f"{room}/{erin.nick}"), "whom one writes to")
    await erin.expect(line("PRIVMSG", erin.nick, "psst", sender=nick))
    erin.send("PART " + channel)
    await alice.expect(presence(f"{room}/{erin.nick}", type="unavailable"))
    await erin.join(channel)
    carol.send(f"MODE {channel} +o {nick}")
    await alice.expect(presence(f"{room}/{nick}"), "being an operator")
    await alice.settle(stage.server(QUIET))
    assert alice.inbox.waiting(presence(f"{room}/{erin.nick}")) == []
    kick = (
        f"<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='{erin.nick}' role='none'/></query>"
    )
    assert iq(type="result")(await alice.iq(room, kick, type="set"))
    await alice.expect(presence(f"{room}/{erin.nick}", type="unavailable", status=(307,)))
