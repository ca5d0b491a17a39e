"""SASL: chunking, mechanisms in turn, and every way it can end."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.line import parse
from bridges.irc.protocol.mechanisms import Derivation, MechanismFailed, Plain
from bridges.irc.protocol.sasl import (
    CHUNK,
    MAX_CHALLENGE,
    Outcome,
    Result,
    SaslEngine,
    chunked,
)


class Asking:
    """A mechanism of several steps, as SCRAM is."""

    def __init__(self, name: str = "SCRAM-TEST") -> None:
        self.name = name
        self.satisfied = True
        self.begin()

    def begin(self) -> None:
        self.challenges: list[bytes] = []

    def respond(self, challenge: bytes) -> bytes:
        self.challenges.append(challenge)
        if challenge == b"lie":
            raise MechanismFailed("The server does not know our password.")
        return b"step %d" % len(self.challenges) if len(self.challenges) < 3 else b""


def feed(engine: SaslEngine, *lines: str) -> list[str]:
    return [answer for line in lines for answer in engine.feed(parse(line))]


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@given(st.binary(max_size=2000))
def test_a_response_is_sent_in_chunks_with_a_marked_end(response: bytes) -> None:
    chunks = [parse(line).params[0] for line in chunked(response)]
    assert all(len(chunk) == CHUNK for chunk in chunks[:-1])
    assert len(chunks[-1]) < CHUNK
    assert base64.b64decode("".join(chunk for chunk in chunks if chunk != "+")) == response
    assert all(len(line) < 450 for line in chunked(response))


def test_a_full_last_chunk_is_followed_by_a_plus() -> None:
    assert [len(line) for line in chunked(b"x" * 300)] == [len("AUTHENTICATE ") + 400, len("AUTHENTICATE +")]
    assert chunked(b"") == ["AUTHENTICATE +"]


def test_plain_sends_user_and_password() -> None:
    assert Plain("ali\u00e7e", "p w").respond(b"") == "\0aliçe\0p w".encode()
    assert "p w" not in repr(Plain("alice", "p w"))


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("a\0b", "x"), ("a", "x\0y")])
def test_plain_refuses_what_it_cannot_carry(user: str, password: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        Plain(user, password)


def test_a_mechanism_of_several_steps_gets_its_challenges() -> None:
    mechanism = Asking()
    engine = SaslEngine([mechanism])
    assert engine.start("SCRAM-TEST") == ["AUTHENTICATE SCRAM-TEST"]
    assert feed(engine, "AUTHENTICATE +") == [f"AUTHENTICATE {in_base64(b'step 1')}"]
    long = b"c" * 300 + b"d" * 10
    encoded = in_base64(long)
    assert feed(engine, f"AUTHENTICATE {encoded[:400]}") == []
    assert feed(engine, f":s AUTHENTICATE :{encoded[400:]}") == [f"AUTHENTICATE {in_base64(b'step 2')}"]
    exact = in_base64(b"e" * 300)
    assert feed(engine, f"AUTHENTICATE {exact}", "AUTHENTICATE +") == ["AUTHENTICATE +"]
    assert mechanism.challenges == [b"", long, b"e" * 300]
    feed(engine, ":s 900 n n!u@h account :You are now logged in", ":s 903 n :ok")
    assert engine.outcome == Outcome(Result.SUCCESS, "ok", "account")


def test_a_false_server_is_left() -> None:
    engine = SaslEngine([Asking()])
    engine.start()
    assert feed(engine, f"AUTHENTICATE {in_base64(b'lie')}") == ["AUTHENTICATE *"]
    assert engine.outcome == Outcome(Result.FAILED, "The server does not know our password.")
    assert feed(engine, ":s 906 n :aborted", ":s 904 n :failed") == []
    assert engine.outcome.text == "The server does not know our password."


def test_a_challenge_that_is_not_base64_ends_it() -> None:
    engine = SaslEngine([Asking()])
    engine.start()
    assert feed(engine, "AUTHENTICATE !!!") == ["AUTHENTICATE *"]
    assert engine.outcome is not None
    assert engine.outcome.result is Result.FAILED


def test_a_challenge_without_end_ends_it() -> None:
    engine = SaslEngine([Asking()])
    engine.start()
    answers = [
        answer
        for _ in range(MAX_CHALLENGE // 400 + 2)
        for answer in feed(engine, "AUTHENTICATE " + "A" * 400)
    ]
    assert answers == ["AUTHENTICATE *"]


def test_mechanisms_are_tried_in_order_among_those_offered() -> None:
    engine = SaslEngine([Asking("X"), Asking("Y"), Plain("a", "b")])
    assert engine.start("PLAIN,y") == ["AUTHENTICATE Y"]
    assert feed(engine, ":s 904 n :no") == ["AUTHENTICATE PLAIN"]
    assert feed(engine, ":s 904 n :no, again") == []
    assert engine.outcome == Outcome(Result.FAILED, "no, again")


def test_without_a_list_all_are_tried() -> None:
    engine = SaslEngine([Asking("X")])
    assert engine.start("") == ["AUTHENTICATE X"]


def test_no_mechanism_in_common_is_unavailable() -> None:
    engine = SaslEngine([Asking("X")])
    assert engine.start("PLAIN") == []
    assert engine.outcome is not None
    assert engine.outcome.result is Result.UNAVAILABLE


def test_the_list_of_mechanisms_before_a_refusal_rules_what_is_next() -> None:
    engine = SaslEngine([Asking("X"), Asking("Y"), Plain("a", "b")])
    engine.start()
    assert feed(engine, ":s 908 n EXTERNAL,PLAIN :are available SASL mechanisms") == ["AUTHENTICATE PLAIN"]
    # The refusal of X comes after, and is not about PLAIN.
    assert feed(engine, ":s 904 n :SASL authentication failed") == []
    assert feed(engine, "AUTHENTICATE +") == ["AUTHENTICATE AGEAYg=="]
    assert feed(engine, ":s 904 n :wrong") == []
    assert engine.outcome == Outcome(Result.FAILED, "wrong")


def test_the_list_of_mechanisms_after_wrong_credentials_decides_nothing() -> None:
    engine = SaslEngine([Plain("a", "b")])
    engine.start()
    feed(engine, "AUTHENTICATE +")
    assert feed(engine, ":s 908 n PLAIN :are available SASL mechanisms") == []
    assert engine.outcome is None
    feed(engine, ":s 904 n :wrong")
    assert engine.outcome == Outcome(Result.FAILED, "wrong")


def test_a_list_that_leaves_nothing_ends_it() -> None:
    engine = SaslEngine([Plain("a", "b")])
    engine.start()
    feed(engine, ":s 908 n EXTERNAL :are available SASL mechanisms")
    assert engine.outcome is not None
    assert engine.outcome.result is Result.UNAVAILABLE


@pytest.mark.parametrize(
    ("line", "result", "text"),
    [
        (
            ":s 902 n :You must use a nick assigned to you",
            Result.FAILED,
            "You must use a nick assigned to you",
        ),
        (":s 903 n :done", Result.SUCCESS, "done"),
        (":s 904 n :failed", Result.FAILED, "failed"),
        (":s 905 n :too long", Result.FAILED, "too long"),
        (":s 906 n :aborted", Result.UNAVAILABLE, "aborted"),
        (":s 907 n :already", Result.SUCCESS, "already"),
        ("904", Result.FAILED, "The server refused our login."),
    ],
)
def test_every_end_has_its_result(line: str, result: Result, text: str) -> None:
    engine = SaslEngine([Plain("a", "b")])
    engine.start()
    feed(engine, "AUTHENTICATE +", line)
    assert engine.outcome == Outcome(result, text)
    assert not engine.running


def test_before_the_start_and_after_the_end_nothing_is_answered() -> None:
    engine = SaslEngine([Plain("a", "b")])
    assert feed(engine, "AUTHENTICATE +") == []
    engine.start()
    feed(engine, ":s 903 n :ok")
    assert feed(engine, "AUTHENTICATE +") == []


class Proving(Asking):
    """A mechanism that wants a proof of the server, and a key for its answer."""

    def begin(self) -> None:
        super().begin()
        self.satisfied = False

    def respond(self, challenge: bytes) -> bytes | Derivation:
        if challenge == b"salt":
            return Derivation("sha256", b"salt", 1, self.answer, b"secret")
        if challenge == b"proof":
            self.satisfied = True
        return b"hello"

    def answer(self, key: bytes) -> bytes:
        if key == b"bad":
            raise MechanismFailed("It cannot be done.")
        return b"with " + key


def test_a_key_is_derived_by_whoever_may_wait() -> None:
    engine = SaslEngine([Proving()])
    engine.start()
    feed(engine, "AUTHENTICATE +")
    assert feed(engine, f"AUTHENTICATE {in_base64(b'salt')}") == []
    work = engine.work
    assert work is not None
    assert len(work()) == 32
    assert "secret" not in repr(work)
    assert engine.worked(work, b"key") == [f"AUTHENTICATE {in_base64(b'with key')}"]
    assert engine.worked(work, b"key") == []
    feed(engine, f"AUTHENTICATE {in_base64(b'proof')}", ":s 903 me :done")
    assert engine.outcome == Outcome(Result.SUCCESS, "done")


def test_a_key_that_comes_too_late_or_is_no_use_says_nothing() -> None:
    engine = SaslEngine([Proving(), Plain("a", "b")])
    engine.start()
    feed(engine, "AUTHENTICATE +", f"AUTHENTICATE {in_base64(b'salt')}")
    work = engine.work
    assert work is not None
    feed(engine, ":s 904 me :no")  # the next mechanism is on
    assert engine.worked(work, b"key") == []
    other = SaslEngine([Proving()])
    other.start()
    feed(other, "AUTHENTICATE +", f"AUTHENTICATE {in_base64(b'salt')}")
    assert other.work is not None
    assert other.worked(other.work, b"bad") == ["AUTHENTICATE *"]
    assert other.outcome == Outcome(Result.FAILED, "It cannot be done.")


def test_success_without_the_proof_that_the_mechanism_wants_is_none() -> None:
    engine = SaslEngine([Proving()])
    engine.start()
    feed(engine, "AUTHENTICATE +")
    assert feed(engine, ":s 903 me :come in") == ["AUTHENTICATE *"]
    assert engine.outcome is not None
    assert engine.outcome.result is Result.FAILED


def test_silence_ends_the_login_and_the_services_return() -> None:
    engine = SaslEngine([Plain("a", "b")])
    assert engine.overdue() == []
    engine.start()
    assert engine.overdue() == ["AUTHENTICATE *"]
    assert engine.outcome is not None
    assert engine.outcome.result is Result.UNAVAILABLE
    engine.again()
    assert engine.start() == ["AUTHENTICATE PLAIN"]
    feed(engine, ":s 904 me :no")
    engine.again()  # what was refused is not tried again
    assert engine.outcome is not None
