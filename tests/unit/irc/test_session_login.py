import base64
import socket
from typing import Any

import pytest

from bridges.irc.dial import ConnectFailed
from bridges.irc.ending import THROTTLE_DELAY
from gateway.model import Condition, MessageKind, Refused
from tests.fakes.clock import settle
from tests.unit.irc.scripted import NETWORK, Receipt, Scene

LS = f":{NETWORK} CAP * LS :sasl=PLAIN,EXTERNAL multi-prefix"
ACK = f":{NETWORK} CAP * ACK :multi-prefix sasl"


def networks(**settings: Any) -> dict[str, Any]:
    return {"networks": {NETWORK: settings}}


async def test_the_login_negotiates_registers_and_reports_the_nick_the_server_gave() -> None:
    scene = await Scene().start()
    assert scene.server.take() == ["CAP LS 302", "NICK Nick", "USER Nick 0 * :Nick"]
    scene.server.says(f":{NETWORK} CAP * LS :multi-prefix server-time sasl example.org/odd")
    assert scene.server.take() == ["CAP REQ :server-time multi-prefix"]
    scene.server.says(f":{NETWORK} CAP * ACK :server-time multi-prefix")
    assert scene.server.take() == ["CAP END"]
    scene.server.says(f":{NETWORK} 001 Nickname :Welcome")
    assert scene.sink.take() == [("online", "Nickname")]
    await scene.finish()


async def test_the_operators_and_the_users_settings_shape_the_login() -> None:
    user = {"nick": "Forced", "username": "me!", "realname": "My Name", "pass": "s3cret word"}
    scene = await Scene(networks(realname="Guest", password="common"), user).start()
    assert scene.server.take() == [
        "CAP LS 302",
        "PASS :s3cret word",
        "NICK Forced",
        "USER me 0 * :My Name",
    ]
    await scene.finish()


async def test_ports_are_tried_with_tls_first_and_plaintext_only_where_configured() -> None:
    scene = Scene(networks(tls_ports=[6697, 6670], ports=[6667], address="host.example"))
    scene.server.failures = {6697: ConnectionRefusedError(111, "no"), 6670: ConnectionRefusedError(111, "no")}
    await scene.start()
    assert scene.server.dialled == [
        ("host.example", 6697, True),
        ("host.example", 6670, True),
        ("host.example", 6667, False),
    ]
    await scene.finish()


async def test_without_a_plaintext_port_there_is_no_way_down() -> None:
    scene = Scene()
    scene.server.failures = {6697: ConnectionRefusedError(111, "Connection refused")}
    await scene.start()
    ended = await scene.ended()
    assert scene.server.dialled == [(NETWORK, 6697, True)]
    assert ended.retry
    assert "6697" in ended.refused.text
    assert "refused" in ended.refused.text


async def test_a_false_certificate_keeps_us_from_plaintext() -> None:
    scene = Scene(networks(ports=[6667]))
    scene.server.failures = {6697: ConnectFailed("The certificate is self-signed.", certificate=True)}
    await scene.start()
    ended = await scene.ended()
    assert [port for _, port, _ in scene.server.dialled] == [6697]
    assert ended.refused.condition is Condition.POLICY_VIOLATION
    assert "self-signed" in ended.refused.text
    assert "6667" in ended.refused.text


async def test_a_name_without_address_ends_the_dialling_at_once() -> None:
    scene = Scene({"default_ports": [6667], "server_messages": "all"})
    scene.server.failures = {6697: socket.gaierror(-2, "Name or service not known")}
    await scene.start()
    ended = await scene.ended()
    assert scene.server.dialled == [(NETWORK, 6697, True)]
    assert ended.refused.condition is Condition.ITEM_NOT_FOUND
    assert scene.sink.take() == [
        ("service", f"Connecting to {NETWORK}:6697 (encrypted)"),
        ("service", "Connection failed: Domain name not found"),
    ]
    assert "Domain name not found" in ended.refused.text


async def test_without_any_port_the_user_is_told_to_set_one() -> None:
    scene = await Scene(user={"tls_ports": "", "ports": ""}).start()
    ended = await scene.ended()
    assert ended.credentials
    assert "port" in ended.refused.text


async def test_in_all_mode_the_user_follows_the_connection_in_biboumis_words() -> None:
    scene = Scene({"server_messages": "all", "default_ports": [6667]})
    scene.server.failures = {6697: ConnectionRefusedError(111, "Connection refused")}
    await scene.start()
    scene.server.says(
        f":{NETWORK} NOTICE * :*** Looking up your hostname...",
        f":{NETWORK} CAP * LS :multi-prefix",
        f":{NETWORK} CAP * ACK :multi-prefix",
        f":{NETWORK} 001 Nick :Welcome to the network Nick",
        f":{NETWORK} 002 Nick :Your host is {NETWORK}, running version x",
        f":{NETWORK} 003 Nick :This server was created today",
        f":{NETWORK} 004 Nick {NETWORK} x a b",
        f":{NETWORK} 005 Nick CHANTYPES=# :are supported by this server",
        f":{NETWORK} 251 Nick :There are 1 users and 0 invisible on 1 server(s)",
        f":{NETWORK} 252 Nick 0 :IRC Operators online",
        f":{NETWORK} 375 Nick :- Message of the day",
        f":{NETWORK} 372 Nick :- one",
        f":{NETWORK} 372 Nick :- two",
        f":{NETWORK} 376 Nick :End",
        f":{NETWORK} 422 Nick :MOTD File is missing",
        ":Nick!~Nick@localhost MODE Nick +Z",
        ":Nick!~Nick@localhost 221 Nick +Z",
    )
    assert [call[1] for call in scene.sink.take() if call[0] == "service"] == [
        f"Connecting to {NETWORK}:6697 (encrypted)",
        "Connection failed: Connection refused",
        f"Connecting to {NETWORK}:6667 (not encrypted)",
        "Connected to IRC server.",
        f"{NETWORK}: *** Looking up your hostname...",
        f"{NETWORK}: Your host is {NETWORK}, running version x ",
        f"{NETWORK}: This server was created today ",
        f"{NETWORK}: There are 1 users and 0 invisible on 1 server(s)",
        f"{NETWORK}: 0 IRC Operators online",
        "- one\n- two",
        f"{NETWORK}: MOTD File is missing: Unspecified error",
        "Nick (~Nick@localhost): +Z",
        "Nick (~Nick@localhost): +Z",
    ]
    await scene.finish()


async def test_in_quiet_mode_a_login_says_nothing() -> None:
    scene = await Scene().start()
    scene.server.says(
        f":{NETWORK} NOTICE * :*** Looking up your hostname...",
        f":{NETWORK} 001 Nick :Welcome",
        f":{NETWORK} 251 Nick :There are 1 users",
        f":{NETWORK} 372 Nick :- one",
        f":{NETWORK} 376 Nick :End",
        f":{NETWORK} 422 Nick :No MOTD",
        f":{NETWORK} NOTICE Nick :*** Welcome",
        ":Nick!~Nick@localhost MODE Nick +Z",
    )
    assert scene.sink.take() == [("online", "Nick")]
    await scene.finish()


async def test_sasl_plain_logs_in_before_the_registration_ends() -> None:
    scene = await Scene(user={"sasl_password": "P4SS", "sasl_username": "account"}).start()
    scene.server.take()
    scene.server.says(LS, ACK)
    assert scene.server.take()[-1] == "AUTHENTICATE PLAIN"
    scene.server.says("AUTHENTICATE +")
    assert scene.server.take() == ["AUTHENTICATE " + base64.b64encode(b"\0account\0P4SS").decode()]
    scene.server.says(
        f":{NETWORK} 900 Nick Nick!n@h account :You are now logged in as account",
        f":{NETWORK} 903 Nick :SASL authentication successful",
    )
    assert scene.server.take() == ["CAP END"]
    scene.server.says(f":{NETWORK} 001 Nick :Welcome")
    assert scene.sink.take() == [("online", "Nick")]
    await scene.finish()


@pytest.mark.parametrize("numeric", ["904", "905"])
async def test_wrong_credentials_stop_the_session_until_the_user_changes_them(numeric: str) -> None:
    scene = await Scene(user={"sasl_password": "wrong"}).start()
    scene.server.says(LS, ACK, "AUTHENTICATE +", f":{NETWORK} {numeric} Nick :Invalid account credentials")
    ended = await scene.ended()
    assert not ended.retry
    assert ended.credentials
    assert ended.refused.condition is Condition.NOT_AUTHORIZED
    assert "Invalid account credentials" in ended.refused.text
    assert scene.server.take()[-1].startswith("QUIT :")
    assert "CAP END" not in scene.server.sent


@pytest.mark.parametrize(
    "lines",
    [
        [f":{NETWORK} CAP * LS :multi-prefix"],
        [f":{NETWORK} CAP * LS :sasl", f":{NETWORK} CAP * NAK :sasl"],
        [f":{NETWORK} 421 * CAP :Unknown command"],
        [f":{NETWORK} 001 Nick :Welcome"],
    ],
)
async def test_a_network_without_sasl_does_not_get_us_without_a_login(lines: list[str]) -> None:
    scene = await Scene(user={"sasl_password": "secret"}).start()
    scene.server.says(*lines)
    if scene.running is not None and not scene.running.done():
        scene.server.says(f":{NETWORK} CAP * ACK :multi-prefix", f":{NETWORK} 001 Nick :Welcome")
    ended = await scene.ended()
    assert ended.retry
    assert ended.delay >= 60
    assert ("online", "Nick") not in scene.sink.calls


async def test_a_password_does_not_travel_unencrypted() -> None:
    scene = Scene(networks(tls_ports=[], ports=[6667]), {"sasl_password": "secret"})
    await scene.start()
    ended = await scene.ended()
    assert scene.server.dialled == []
    assert "unencrypted" in ended.refused.text
    assert "secret" not in ended.refused.text


async def test_the_operator_may_let_passwords_travel_unencrypted() -> None:
    settings = networks(tls_ports=[], ports=[6667], allow_plaintext_login=True)
    scene = await Scene(settings, {"sasl_password": "secret"}).start()
    assert scene.server.dialled == [(NETWORK, 6667, False)]
    await scene.finish()


async def test_a_login_that_is_never_answered_ends() -> None:
    scene = await Scene().start()
    scene.server.says(":x NOTICE * :*** hello")
    await scene.clock.advance(59)
    assert scene.running is not None
    assert not scene.running.done()
    await scene.clock.advance(1)
    ended = await scene.ended()
    assert ended.refused.condition is Condition.REMOTE_SERVER_TIMEOUT
    assert ended.retry


async def test_a_taken_nick_is_varied_and_then_made_up() -> None:
    scene = await Scene(nick="Nickname").start()
    scene.server.take()
    tried = ["Nickname"]
    for _ in range(7):
        scene.server.says(f":{NETWORK} 433 * {tried[-1]} :Nickname is already in use")
        (line,) = scene.server.take()
        tried.append(line.removeprefix("NICK "))
    assert tried[1:3] == ["Nickname_", "Nickname__"]
    assert all(len(nick) <= 9 and nick.startswith("Nickn") for nick in tried[3:])
    assert len(set(tried)) == len(tried)
    scene.server.says(f":{NETWORK} 001 {tried[-1]} :Welcome")
    assert scene.sink.take() == [("online", tried[-1])]
    await scene.finish()


async def test_a_server_that_takes_no_nick_at_all_is_left() -> None:
    scene = await Scene().start()
    for _ in range(20):
        if scene.running is not None and scene.running.done():
            break
        scene.server.says(f":{NETWORK} 433 * x :Nickname is already in use")
        await settle()
    ended = await scene.ended()
    assert ended.refused.condition is Condition.CONFLICT


async def test_an_impossible_nick_is_the_users_to_change() -> None:
    scene = await Scene(nick="9lives").start()
    scene.server.says(f":{NETWORK} 432 * 9lives :Erroneous nickname")
    ended = await scene.ended()
    assert ended.credentials
    assert ended.refused.condition is Condition.NOT_ACCEPTABLE
    assert "Erroneous nickname" in ended.refused.text


async def test_a_wrong_server_password_is_the_users_to_change() -> None:
    scene = await Scene(user={"pass": "wrong"}).start()
    scene.server.says(f":{NETWORK} 464 * :Password incorrect")
    ended = await scene.ended()
    assert ended.credentials
    assert ended.refused.condition is Condition.NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("words", "retry", "delay"),
    [
        ("Closing Link: Nick[host] (K-Lined: spam)", False, 0.0),
        ("You are banned from this server", False, 0.0),
        ("Closing link: (n@h) [G-lined: too many of you]", False, 0.0),
        ("Closing Link: host (Throttled: Reconnecting too fast)", True, THROTTLE_DELAY),
        ("Too many connections from your host", True, THROTTLE_DELAY),
        ("Closing Link: host (Server shutting down)", True, 0.0),
        ("Closing Link: host (Killed (oper (spam)))", False, 0.0),
        ("Closing Link: host (Killed (irc.example (Nick collision (new))))", True, 0.0),
        ("Closing Link: host by irc.example (Killed (older nick overruled))", True, 0.0),
        ("", True, 0.0),
    ],
)
async def test_the_servers_last_words_decide_whether_we_come_back(
    words: str, retry: bool, delay: float
) -> None:
    scene = await Scene().start()
    scene.server.says(f"ERROR :{words}")
    scene.server.hangs_up()
    ended = await scene.ended()
    assert (ended.retry, ended.delay, ended.credentials) == (retry, delay, False)
    assert words in ended.refused.text


async def test_being_told_of_a_ban_by_numeric_is_final() -> None:
    scene = await Scene().start()
    scene.server.says(f":{NETWORK} 465 * :go away")
    ended = await scene.ended()
    assert not ended.retry
    assert "go away" in ended.refused.text


async def test_commands_after_connecting_come_before_the_joins() -> None:
    scene = await Scene(user={"after_connect_commands": "MODE Nick +B\nPRIVMSG NickServ :hi"}).start()
    scene.server.take()
    scene.server.says(f":{NETWORK} 001 Nick :Welcome")
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    assert scene.server.take() == ["MODE Nick +B", "PRIVMSG NickServ :hi", "JOIN #foo"]
    await scene.finish()


async def test_closing_while_dialling_ends_the_session_without_an_error() -> None:
    scene = Scene()
    scene.server.hang = True
    await scene.start()
    scene.session.close("")
    assert scene.running is not None
    await scene.running


async def test_closing_before_the_start_connects_to_nothing() -> None:
    scene = Scene()
    scene.session.close("")
    await scene.session.run()
    assert scene.server.dialled == []


async def test_closing_says_quit_and_waits_for_the_server_two_seconds_at_most() -> None:
    scene = await Scene(networks(quit_message="see you")).login()
    scene.session.close("")
    assert scene.server.take() == ["QUIT :see you"]
    await scene.clock.advance(1.9)
    assert scene.running is not None
    assert not scene.running.done()
    await scene.clock.advance(0.2)
    await scene.running
    assert scene.sink.take() == []


async def test_cancelling_the_session_hangs_up_and_leaves_no_timer() -> None:
    scene = await Scene().login()
    assert scene.running is not None
    scene.running.cancel()
    await settle()
    assert scene.running.cancelled()
    assert scene.server.connection is not None
    assert scene.server.connection.ended
    assert scene.clock.waiting == []


async def test_silence_is_broken_by_a_ping_and_ends_in_a_clear_error() -> None:
    scene = await Scene().login()
    await scene.clock.advance(120)
    assert scene.server.take() == [f"PING {NETWORK}"]
    scene.server.says(f":{NETWORK} PONG {NETWORK} :{NETWORK}")
    await scene.clock.advance(100)
    assert scene.server.take() == []
    await scene.clock.advance(20)
    assert scene.server.take() == [f"PING {NETWORK}"]
    await scene.clock.advance(46)
    ended = await scene.ended()
    assert ended.retry
    assert "no answer" in ended.refused.text


async def test_an_idle_session_has_one_timer() -> None:
    scene = await Scene().in_room()
    assert len(scene.clock.waiting) == 1
    assert scene.clock.waiting[0] > 10
    await scene.finish()


async def test_a_ping_is_answered_at_once_whatever_waits() -> None:
    scene = await Scene(networks(throttle_burst=1)).in_room()
    for _ in range(5):
        scene.session.tell("Bob", "hello", MessageKind.CHAT, Receipt())
    scene.server.take()
    scene.server.says("PING :are you there")
    assert scene.server.take() == ["PONG :are you there"]
    await scene.finish()


async def test_the_connections_loss_is_told_in_words_and_closes_every_ticket() -> None:
    scene = await Scene(networks(throttle_burst=1)).in_room()
    receipts = [Receipt() for _ in range(4)]
    scene.session.rename("Other", receipts[0])
    for receipt in receipts[1:]:
        scene.session.tell("Bob", "hello", MessageKind.CHAT, receipt)
    scene.server.hangs_up("The server dropped the connection.")
    ended = await scene.ended()
    assert "dropped the connection" in ended.refused.text
    assert [type(receipt.outcome) for receipt in receipts] == [Refused] * 4
    late = Receipt()
    scene.session.tell("Bob", "late", MessageKind.CHAT, late)
    assert late.why.condition is Condition.RECIPIENT_UNAVAILABLE


async def test_what_is_asked_for_while_there_is_no_connection_is_refused_at_once() -> None:
    scene = Scene()
    session, receipts = scene.session, [Receipt() for _ in range(6)]
    session.join("#foo", "Nick", "")
    session.say("#foo", "x", MessageKind.CHAT, receipts[0])
    session.tell("Bob", "x", MessageKind.CHAT, receipts[1])
    session.instruct("WHO x", receipts[2])
    session.rename("Other", receipts[3])
    session.set_topic("#foo", "x", receipts[4])
    session.kick("#foo", "Bob", "", receipts[5])
    assert {receipt.why.condition for receipt in receipts} == {Condition.RECIPIENT_UNAVAILABLE}
    ((name, room, why),) = scene.sink.take()
    assert (name, room, why.condition) == ("room_refused", "#foo", Condition.RECIPIENT_UNAVAILABLE)


async def test_commands_after_connecting_do_not_bring_the_welcome_onto_the_screen() -> None:
    scene = await Scene(user={"after_connect_commands": "MODE Nick +B\n:bad line"}).start()
    scene.server.says(f":{NETWORK} 001 Nick :Welcome", f":{NETWORK} 251 Nick :There are 2 users")
    told = [call for call in scene.sink.take() if call[0] == "service"]
    assert len(told) == 1
    assert "was not sent" in told[0][1]
    await scene.finish()
