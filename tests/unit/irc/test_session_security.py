"""The way in: encryption that servers insist on, certificates, SASL step by step, and servers that say nothing."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc import sts
from bridges.irc.certificates import make, read
from bridges.irc.dial import Endpoint, TlsSettings
from bridges.irc.sts import Policies, Policy
from gateway.bridge import Ask as AskFor
from gateway.bridge import BridgeCommand, Finish, ForgetfulMemory, Invocation
from gateway.model import Address, AddressKind, Condition
from tests.fakes.clock import ManualClock, settle
from tests.unit.irc.scripted import NETWORK, Scene
from tests.waiting import eventually

BOTH = {"networks": {NETWORK: {"tls_ports": [6697], "ports": [6667]}}}
PLAIN_ONLY = {"networks": {NETWORK: {"tls_ports": [], "ports": [6667]}}}
SASL = {"sasl_password": "pencil", "sasl_username": "user"}


# -- STS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "port", "seconds"),
    [
        ("port=6697", 6697, None),
        ("duration=15552000", None, 15552000),
        ("unknown,duration=31536000,foo=bar", None, 31536000),
        ("port=6697,duration=0,preload", 6697, 0),
        ("port=6697,port=7000", None, None),
        ("port=0", None, None),
        ("port=65536", None, None),
        ("port=,duration=", None, None),
        ("duration=-1", None, None),
        ("duration=\u0661", None, None),
        ("duration=99999999999999999", None, sts.LONGEST),
        ("", None, None),
    ],
)
def test_the_value_of_sts_is_read(value: str, port: int | None, seconds: int | None) -> None:
    assert (sts.upgrade(value), sts.duration(value)) == (port, seconds)


@given(st.one_of(st.text(), st.text("port=duration,0123456789")))
def test_whatever_stands_in_sts_is_read(value: str) -> None:
    port, seconds = sts.upgrade(value), sts.duration(value)
    assert port is None or 0 < port < 65536
    assert seconds is None or 0 <= seconds <= sts.LONGEST


def test_a_policy_leaves_only_verified_encryption() -> None:
    secure = Endpoint("h", 6697, TlsSettings(verify=False, ca_file="x"))
    plain = Endpoint("h", 6667)
    assert sts.enforced(None, (secure, plain), TlsSettings()) == (secure, plain)
    policy = Policy(7000, 1.0, 1)
    assert sts.enforced(policy, (plain,), TlsSettings(verify=False)) == (Endpoint("h", 7000, TlsSettings()),)
    verified = TlsSettings(ca_file="x")
    assert sts.enforced(policy, (secure, plain), TlsSettings()) == (
        Endpoint("h", 7000, verified),
        Endpoint("h", 6697, verified),
    )
    assert sts.enforced(Policy(6697, 1.0, 1), (secure,), TlsSettings()) == (Endpoint("h", 6697, verified),)
    assert sts.enforced(policy, (), TlsSettings()) == ()


async def test_policies_outlive_us_expire_and_are_taken_back() -> None:
    memory, clock = ForgetfulMemory(), ManualClock()
    policies = Policies(memory, clock)
    assert await policies.find("H.example") is None
    policies.said("h.EXAMPLE", 6697, 1000)
    await settle()
    assert await policies.find("h.example") == Policy(6697, clock.now() + 1000, 1000)
    later = Policies(memory, clock)
    assert (await later.find("h.example")) is not None
    await clock.advance(999)
    assert await later.find("h.example") is not None
    await clock.advance(1)
    assert await later.find("h.example") is None
    later.said("h.example", 6697, 1000)
    later.said("h.example", 6697, 0)
    await settle()
    assert await later.find("h.example") is None
    assert await memory.recall("", "h.example") == {}


async def test_a_thousand_logins_do_not_write_a_policy_a_thousand_times() -> None:
    class Counting(ForgetfulMemory):
        writes = 0

        async def remember(self, user, network, name, value, *, secret=False) -> None:
            self.writes += 1

    memory, clock = Counting(), ManualClock()
    policies = Policies(memory, clock)
    for _ in range(1000):
        policies.said("h", 6697, 86_400)
        await clock.advance(1)
    assert memory.writes == 1
    await clock.advance(86_400)
    policies.said("h", 6697, 86_400)
    await settle()
    assert memory.writes == 2


async def test_a_server_that_wants_encryption_gets_it_at_once_and_for_the_time_it_says() -> None:
    scene = await Scene(PLAIN_ONLY).start()
    assert scene.server.dialled == [(NETWORK, 6667, False)]
    old = scene.server.connection
    assert old is not None
    scene.server.take()
    scene.server.says("CAP * LS :multi-prefix sts=port=7000,duration=1000")
    await settle()
    assert old.ended == "closed"
    assert scene.server.dialled == [(NETWORK, 6667, False), (NETWORK, 7000, True)]
    assert scene.server.take() == ["CAP LS 302", "NICK Nick", "USER Nick 0 * :Nick"]
    assert scene.server.endpoints[-1].tls == TlsSettings()
    scene.server.says("CAP * LS :sts=duration=1000", f":{NETWORK} 001 Nick :hi")
    assert ("online", "Nick") in scene.sink.take()
    await scene.finish()
    again = await scene.anew()
    assert again.server.dialled == [(NETWORK, 7000, True)]
    await again.finish()
    await scene.clock.advance(1001)
    expired = await scene.anew()
    assert expired.server.dialled == [(NETWORK, 6667, False)]
    await expired.finish()


async def test_a_port_that_sts_names_and_that_fails_is_the_end_and_not_a_way_back() -> None:
    scene = Scene(PLAIN_ONLY)
    scene.server.failures[7000] = OSError("no")
    await scene.start()
    scene.server.says("CAP * LS :sts=port=7000")
    ended = await scene.ended()
    assert ended.retry
    assert [port for _, port, _ in scene.server.dialled] == [6667, 7000]


async def test_what_only_counts_encrypted_is_ignored_in_plain_text_and_the_other_way_round() -> None:
    scene = await Scene(PLAIN_ONLY).start()
    scene.server.says("CAP * LS :sts=duration=1000", f":{NETWORK} 001 Nick :hi")
    await scene.finish()
    assert (await scene.anew()).server.dialled == [(NETWORK, 6667, False)]
    await scene.finish()
    secure = await Scene(BOTH).start()
    secure.server.says("CAP * LS :sts=port=7000", f":{NETWORK} 001 Nick :hi")
    assert secure.server.dialled == [(NETWORK, 6697, True)]
    await secure.finish()


async def test_a_policy_of_a_server_that_nobody_vouches_for_does_not_count() -> None:
    scene = await Scene(BOTH, {"verify_cert": "false"}).start()
    scene.server.says("CAP * LS :sts=duration=1000", f":{NETWORK} 001 Nick :hi")
    await scene.finish()
    again = await scene.anew()
    assert again.server.endpoints[0].tls == TlsSettings(verify=False)
    await again.finish()


async def test_a_policy_is_news_at_any_time_and_can_be_taken_back() -> None:
    scene = await Scene(BOTH).start()
    scene.server.says("CAP * LS :x", f":{NETWORK} 001 Nick :hi", "CAP Nick NEW :sts=duration=1000")
    await settle()
    assert await scene.memory.recall("", NETWORK)
    scene.server.says("CAP Nick DEL :sts", "CAP Nick NEW :sts=duration=0")
    await settle()
    assert not await scene.memory.recall("", NETWORK)
    await scene.finish()


# -- SASL --------------------------------------------------------------------------------------------------------------


def scram_answer(line: str, challenge_of: str, password: str) -> str:
    """The server's side of SCRAM-SHA-256, for one known nonce."""
    bare = base64.b64decode(challenge_of).decode()[3:]
    nonce = bare.partition(",r=")[2]
    first = f"r={nonce}srv,s=c2FsdA==,i=4096"
    if not line:
        return base64.b64encode(first.encode()).decode()
    final = base64.b64decode(line).decode()
    auth = f"{bare},{first},{final.partition(',p=')[0]}".encode()
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 4096)
    signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth, "sha256")
    return base64.b64encode(b"v=" + base64.b64encode(signature)).decode()


async def derived(scene: Scene) -> str:
    """The line that follows once a key is derived, in a thread."""
    sent = await eventually(scene.server.take, "an answer")
    return sent[-1].removeprefix("AUTHENTICATE ")


async def test_scram_logs_in_without_showing_the_password() -> None:
    scene = await Scene(user=SASL).start()
    scene.server.says("CAP * LS :sasl=SCRAM-SHA-256,PLAIN", "CAP * ACK :sasl")
    assert scene.server.take()[-1] == "AUTHENTICATE SCRAM-SHA-256"
    scene.server.says("AUTHENTICATE +")
    first = scene.server.take()[-1].removeprefix("AUTHENTICATE ")
    scene.server.says(f"AUTHENTICATE {scram_answer('', first, 'pencil')}")
    final = await derived(scene)
    scene.server.says(f"AUTHENTICATE {scram_answer(final, first, 'pencil')}")
    assert scene.server.take() == ["AUTHENTICATE +"]
    scene.server.says(f":{NETWORK} 900 * n!u@h user :in", f":{NETWORK} 903 * :ok")
    assert scene.server.take() == ["CAP END"]
    await scene.finish()


async def test_a_server_that_does_not_know_the_password_is_not_given_it_in_plain_text() -> None:
    scene = await Scene(user=SASL).start()
    scene.server.says("CAP * LS :sasl=SCRAM-SHA-256,PLAIN", "CAP * ACK :sasl", "AUTHENTICATE +")
    first = scene.server.take()[-1].removeprefix("AUTHENTICATE ")
    scene.server.says(f"AUTHENTICATE {scram_answer('', first, 'guess')}")
    final = await derived(scene)
    scene.server.says(f"AUTHENTICATE {scram_answer(final, first, 'guess')}")
    ended = await scene.ended()
    assert "does not know your password" in ended.refused.text
    assert not any("PLAIN" in line for line in scene.server.take())


@pytest.mark.parametrize("silent", [[], ["CAP * LS :sasl"], ["CAP * LS :sasl", "CAP * ACK :sasl"]])
async def test_silence_at_any_step_ends_a_login_that_is_needed_with_a_reason(silent: list[str]) -> None:
    scene = await Scene(user=SASL).start()
    scene.server.says(*silent)
    await scene.clock.advance(16)
    ended = await scene.ended()
    assert ended.refused.condition is Condition.SERVICE_UNAVAILABLE
    assert ended.retry


@pytest.mark.parametrize("silent", [[], ["CAP * LS :sasl"], ["CAP * LS :sasl", "CAP * ACK :sasl"]])
async def test_silence_at_any_step_does_not_keep_out_whoever_can_go_without(silent: list[str]) -> None:
    scene = await Scene(user={**SASL, "sasl_required": "false"}).start()
    scene.server.says(*silent)
    scene.server.take()
    await scene.clock.advance(16)
    assert scene.server.take()[-1] == "CAP END"
    scene.server.says(f":{NETWORK} 001 Nick :hi")
    told = [call[1] for call in scene.sink.take() if call[0] == "service"]
    assert len(told) == 1
    assert "not logged in" in told[0]
    await scene.finish()


async def test_going_on_without_login_is_the_users_choice() -> None:
    scene = await Scene(user={**SASL, "sasl_required": "false"}).start()
    scene.server.says(
        "CAP * LS :sasl=PLAIN", "CAP * ACK :sasl", "AUTHENTICATE +", f":{NETWORK} 904 * :wrong password"
    )
    assert scene.server.take()[-1] == "CAP END"
    scene.server.says(f":{NETWORK} 001 Nick :hi")
    assert "wrong password" in scene.sink.take()[-1][1]
    await scene.finish()


async def test_services_that_return_log_us_in_while_we_are_there() -> None:
    scene = await Scene(user={**SASL, "sasl_required": "false"}).start()
    scene.server.says("CAP * LS :batch", "CAP * ACK :batch", f":{NETWORK} 001 Nick :hi")
    scene.server.take()
    scene.server.says("CAP Nick NEW :sasl=PLAIN", "CAP Nick ACK :sasl", "AUTHENTICATE +")
    await settle()
    assert scene.server.take()[-1].startswith("AUTHENTICATE AHVzZXIA")
    scene.sink.take()
    scene.server.says(f":{NETWORK} 900 Nick n!u@h user :You are now logged in", f":{NETWORK} 903 Nick :ok")
    assert [call for call in scene.sink.take() if call[0] == "service"] == []
    await scene.finish()


# -- certificates ------------------------------------------------------------------------------------------------------


def test_a_certificate_is_new_each_time_and_tells_nothing_about_the_user() -> None:
    one, two = read(make(1e9)), read(make(1e9))
    assert one.sha256 != two.sha256
    assert (len(one.sha256), len(one.sha512)) == (64, 128)
    assert "PRIVATE" in one.pem
    assert "PRIVATE" not in repr(one)
    assert "PRIVATE" not in repr(TlsSettings(certificate=one.pem))
    assert one.expires > 1e9 + 3600 * 86_400


async def run(command: BridgeCommand, action: str = "") -> AskFor | Finish:
    values = {"action": (action,)} if action else {}
    step = command.run(
        Invocation("opaque", Address(AddressKind.NETWORK, NETWORK), stage=1 if action else 0, values=values)
    )
    assert not isinstance(step, AskFor | Finish)
    outcome = await step  # type: ignore[misc]
    assert isinstance(outcome, AskFor | Finish)
    return outcome


async def test_the_command_makes_shows_and_removes_what_connections_use() -> None:
    scene = Scene(BOTH)
    (command,) = scene.bridge.commands(Address(AddressKind.NETWORK, NETWORK))
    assert scene.bridge.commands(Address(AddressKind.GATEWAY, "")) == ()
    asked = await run(command)
    assert isinstance(asked, AskFor)
    assert [value for value, _ in asked.fields[0].options] == ["make"]
    made = await run(command, "make")
    assert isinstance(made, Finish)
    certificate = await scene.bridge._security.certificates.find("opaque", NETWORK)
    assert certificate is not None
    assert certificate.sha256 in made.result
    assert certificate.sha512 in made.result
    assert "CERT ADD" in made.result
    asked = await run(command)
    assert isinstance(asked, AskFor)
    assert [value for value, _ in asked.fields[0].options] == ["show", "make", "remove"]
    assert await run(command, "show") == Finish(
        f"This is your certificate for {NETWORK}.", result=made.result
    )

    await scene.start()
    assert scene.server.endpoints[0].tls == TlsSettings(certificate=certificate.pem)
    scene.server.says("CAP * LS :sasl=EXTERNAL,PLAIN", "CAP * ACK :sasl")
    assert scene.server.take()[-1] == "AUTHENTICATE EXTERNAL"
    scene.server.says("AUTHENTICATE +")
    assert scene.server.take() == ["AUTHENTICATE +"]
    # The network does not know it yet: we go on, so that the user can tell it.
    scene.server.says(f":{NETWORK} 904 * :who?", f":{NETWORK} 001 Nick :hi")
    assert scene.server.take() == ["CAP END"]
    await scene.finish()

    assert isinstance(await run(command, "remove"), Finish)
    assert await scene.bridge._security.certificates.find("opaque", NETWORK) is None


async def test_a_certificate_is_never_used_without_encryption_and_goes_before_a_password() -> None:
    scene = Scene(PLAIN_ONLY, {**SASL, "sasl_required": "false"})
    await scene.bridge._security.certificates.make("opaque", NETWORK)
    await scene.start()
    scene.server.says("CAP * LS :sasl", "CAP * ACK :sasl")
    assert scene.server.take()[-1] == "AUTHENTICATE SCRAM-SHA-512"
    scene.server.says(":s 908 * PLAIN,EXTERNAL :are available", ":s 904 * :no")
    assert scene.server.take()[-1] == "CAP END"  # neither fits a connection that everybody can read
    await scene.finish()
    both = Scene(BOTH, SASL)
    await both.bridge._security.certificates.make("opaque", NETWORK)
    await both.start()
    both.server.says("CAP * LS :sasl=PLAIN,EXTERNAL", "CAP * ACK :sasl")
    assert both.server.take()[-1] == "AUTHENTICATE EXTERNAL"
    both.server.says(":s 904 * :no")
    assert both.server.take()[-1] == "AUTHENTICATE PLAIN"
    await both.finish()
