"""The doors to the gateway itself from the wire: chat bot, prompts, search, cards."""

from gateway.doors.access import AccessPolicy
from gateway.texts import Text
from tests.component.doorstep import X, ask, chat, query, submission
from tests.component.stage import ALICE, JID, ROOM, C, condition, staged


async def test_help_lists_the_commands_with_numbers_and_nodes(stage):
    text = await chat(stage, "help")
    assert "1. Do a ping (ping)" in text
    assert "export-my-data" in text
    assert "Administration" not in text


async def test_a_command_is_run_by_its_number_its_node_or_its_title(stage):
    assert [await chat(stage, word) for word in ("1", "PING", "Do a ping")] == ["Pong"] * 3


async def test_what_is_no_command_gets_one_line_and_a_link(stage):
    text = await chat(stage, "what is this?")
    assert "\n" not in text
    assert f"xmpp:{JID}?message;body=help" in text
    assert "what is this" not in text


async def test_the_thread_is_kept_and_the_answer_goes_to_the_client_that_wrote(stage):
    stage.send(
        f"<message type='chat' from='{ALICE}' to='{JID}'><body>ping</body><thread>t-1</thread></message>"
    )
    answer = await stage.expect("message", to=ALICE)
    assert (answer.findtext(f"{C}thread"), answer.get("type")) == ("t-1", "chat")


async def test_a_form_is_asked_field_by_field(stage):
    text = await chat(stage, "configure-network")
    assert "Which network?" in text
    text = await chat(stage, "loop")
    assert "Nick to use instead of the one asked for" in text
    assert "Max history length" in await chat(stage, "dora")
    assert await chat(stage, "keep") == "Configuration successfully applied."
    assert await stage.component.stores.accounts.settings("loopback", "alice@localhost", "loop") == {
        "nick": "dora"
    }


async def test_a_wrong_answer_is_asked_again_and_back_and_cancel_work(stage):
    await chat(stage, "configure-network")
    assert "not the name of a network" in await chat(stage, "#room")
    await chat(stage, "loop")
    assert "“back” goes back" in await chat(stage, "help")
    assert "Network" in await chat(stage, "back")
    assert "cancelled" in await chat(stage, "cancel")
    assert "nothing to cancel" in await chat(stage, "cancel")


async def test_two_clients_of_one_user_have_two_talks(stage):
    await chat(stage, "configure-network")
    assert await chat(stage, "ping", who="alice@localhost/laptop") == "Pong"


async def test_it_speaks_the_language_of_the_message(stage):
    text = await chat(stage, "hilfe", extra=" xml:lang='de-AT'")
    assert "Ping ausführen (ping)" in text
    stage.component.tell_user(ALICE.partition("/")[0], Text("1 second"))
    assert (await stage.expect("message")).findtext(f"{C}body") == "1 Sekunde", (
        "told in it from now on, unasked"
    )


async def test_floods_are_answered_with_an_error_and_no_more(stage):
    for number in range(160):
        stage.send(
            f"<message type='chat' id='f{number}' from='{ALICE}' to='{JID}'><body>ping</body></message>"
        )
    rest = await stage.silence()
    errors = [each for each in rest if each.get("type") == "error"]
    assert len(rest) == 160
    assert len(errors) >= 35
    assert {condition(each) for each in errors} == {"resource-constraint"}


async def test_an_error_is_never_answered(stage):
    stage.send(
        f"<message type='error' from='{ALICE}' to='{JID}'><body>help</body><error type='cancel'/></message>"
    )
    assert await stage.silence() == []


async def test_text_to_a_network_that_takes_instructions_is_not_the_bots(stage):
    await stage.join()
    stage.send(f"<message type='chat' from='{ALICE}' to='loop@{JID}'><body>help</body></message>")
    answer = await stage.expect("message", from_=f"loop@{JID}")
    assert answer.findtext(f"{C}body") == "You said: help"


async def test_a_network_without_instructions_has_the_bot_for_its_own_commands(registering):
    text = await chat(registering, "help", to=f"loop@{JID}")
    assert "Configure a few settings for that network (configure)" in text
    assert "export-my-data" not in text


async def test_the_prompt_gives_the_address_or_says_why_not(registering):
    prompt = (await ask(registering, query("jabber:iq:gateway")))[0]
    assert [each.text for each in prompt] == [
        "Write a name, or a room with its number sign.",
        "Name on the loopback network",
    ]
    answer = await ask(registering, query("jabber:iq:gateway", "<prompt>loop:Dora</prompt>", kind="set"))
    assert answer[0][0].text == f"dora@{JID}"
    answer = await ask(
        registering, query("jabber:iq:gateway", "<prompt>dora@example.org</prompt>", kind="set")
    )
    assert condition(answer) == "not-acceptable"
    assert "no at sign" in "".join(answer.itertext())


async def test_search_finds_one_address_or_none(registering):
    assert (await ask(registering, query("jabber:iq:search")))[0].find(f"{X}x") is not None
    found = await ask(registering, query("jabber:iq:search", submission(address="Dora"), kind="set"))
    assert f"dora@{JID}" in list(found.itertext())
    plain = await ask(registering, query("jabber:iq:search", "<nick>dora</nick>", kind="set"))
    assert plain[0][0].get("jid") == f"dora@{JID}"
    nothing = await ask(registering, query("jabber:iq:search", submission(address="a@b"), kind="set"))
    assert len(nothing[0]) == 0


async def test_an_address_is_found_in_the_chat_with_a_link(stage):
    await chat(stage, "find-address")
    assert await chat(stage, "#room") == f"{ROOM}\nxmpp:%23room@{JID}?join"


async def test_the_first_answer_can_come_with_the_command(stage):
    assert await chat(stage, "find-address #room") == f"{ROOM}\nxmpp:%23room@{JID}?join"
    assert "not the name of a network" in await chat(stage, "configure-network #room")
    assert "cancelled" in await chat(stage, "cancel")
    assert "I do not know that" in await chat(stage, "nothing #room")


async def test_the_gateways_card_says_what_it_is_and_where_help_is(stage):
    for card in ("<vCard xmlns='vcard-temp'/>", "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>"):
        answer = await ask(stage, f"<iq type='get' id='q1' from='{ALICE}' to='{JID}'>{card}</iq>")
        text = list(answer.itertext())
        assert "Loopback" in text
        assert f"xmpp:{JID}?message;body=help" in text


async def test_the_operator_can_be_found(tmp_path, server):
    policy = AccessPolicy(contact=("xmpp:ann@localhost", "mailto:ann@localhost"))
    async with staged(tmp_path, server=server, access=policy) as stage:
        answer = await ask(stage, query("http://jabber.org/protocol/disco#info"))
        form = answer[0].find(f"{X}x")
        fields = {field.get("var"): [value.text for value in field] for field in form}
        assert fields["FORM_TYPE"] == ["http://jabber.org/network/serverinfo"]
        assert fields["abuse-addresses"] == ["xmpp:ann@localhost", "mailto:ann@localhost"]
