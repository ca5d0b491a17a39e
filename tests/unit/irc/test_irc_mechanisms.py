"""SASL mechanisms: SCRAM by the RFCs' own examples, and every way a server can be false."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.mechanisms import (
    Derivation,
    External,
    MechanismFailed,
    Scram,
    saslprep,
    server_final,
    server_first,
)


def scram(nonce: str = "rOprNGfwEbeRWgbNEkqO", *, name: str = "SCRAM-SHA-256", user: str = "user") -> Scram:
    return Scram(name, user, "pencil", lambda: nonce)


def derived(answer: bytes | Derivation) -> bytes:
    assert isinstance(answer, Derivation)
    return answer.then(answer())


# RFC 7677 §3
FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_example_of_rfc_7677_is_played_word_by_word() -> None:
    mechanism = scram()
    assert mechanism.respond(b"") == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert derived(mechanism.respond(FIRST)) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert not mechanism.satisfied
    assert mechanism.respond(FINAL) == b""
    assert mechanism.satisfied
    with pytest.raises(MechanismFailed):
        mechanism.respond(b"")


@pytest.mark.parametrize(("name", "hash_"), [("SCRAM-SHA-256", "sha256"), ("SCRAM-SHA-512", "sha512")])
def test_a_server_of_our_own_agrees(name: str, hash_: str) -> None:
    mechanism = scram(name=name, user="a=b,c")
    first = mechanism.respond(b"")
    assert isinstance(first, bytes)
    assert first.startswith(b"n,,n=a=3Db=2Cc,r=")
    bare, challenge = first[3:], b"r=rOprNGfwEbeRWgbNEkqOxyz,s=c2FsdA==,i=5000,x=extension"
    final = derived(mechanism.respond(challenge))
    without_proof, _, proof = final.rpartition(b",p=")
    auth = b",".join((bare, challenge, without_proof))
    salted = hashlib.pbkdf2_hmac(hash_, b"pencil", b"salt", 5000)
    client_key = hmac.digest(salted, b"Client Key", hash_)
    signature = hmac.digest(hashlib.new(hash_, client_key).digest(), auth, hash_)
    assert bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True)) == client_key
    server = hmac.digest(hmac.digest(salted, b"Server Key", hash_), auth, hash_)
    assert mechanism.respond(b"v=" + base64.b64encode(server)) == b""
    assert mechanism.satisfied
    mechanism.begin()
    assert not mechanism.satisfied
    assert mechanism.respond(b"") == first


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"+",
        b"r=somebody-else,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",  # adds nothing of its own
        b"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
        b"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999",
        b"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096",
        b"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=\xd9\xa4096",
        b"r=rOprNGfwEbeRWgbNEkqO1,s=not base64,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO1,s=,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO1,i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ==",
        b"m=must,r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO\xff,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO" + b"x" * 600 + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    ],
)
def test_a_challenge_that_cannot_be_ends_it(challenge: bytes) -> None:
    mechanism = scram()
    mechanism.respond(b"")
    with pytest.raises(MechanismFailed):
        mechanism.respond(challenge)
    assert not mechanism.satisfied


@pytest.mark.parametrize(
    ("final", "why"),
    [
        (b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "does not know your password"),
        (b"e=invalid-proof", "refused our login: invalid-proof"),
        (b"e=\x1b[31m", "refused our login"),
        (b"", "login challenge|without a proof"),
        (b"x=1", "without a proof"),
        (b"v=", "base64"),
    ],
)
def test_a_server_that_proves_nothing_is_not_believed(final: bytes, why: str) -> None:
    mechanism = scram()
    mechanism.respond(b"")
    derived(mechanism.respond(FIRST))
    with pytest.raises(MechanismFailed, match=why):
        mechanism.respond(final)
    assert not mechanism.satisfied


def test_a_server_that_does_not_wait_is_told_so() -> None:
    mechanism = scram()
    mechanism.respond(b"")
    mechanism.respond(FIRST)
    with pytest.raises(MechanismFailed):
        mechanism.respond(FINAL)


@given(st.one_of(st.binary(max_size=200), st.text("rsimve=,+0129%", max_size=60).map(str.encode)))
def test_whatever_a_server_says_is_read_or_refused(message: bytes) -> None:
    readers: list[Callable[[bytes], object]] = [server_first, server_final]
    mechanism = scram("n")
    mechanism.respond(b"")
    for read in (*readers, mechanism.respond):
        with suppress(MechanismFailed):
            read(message)


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1),
    st.binary(min_size=1, max_size=64),
    st.integers(4096, 100_000),
)
def test_a_proper_challenge_is_read(nonce: str, salt: bytes, iterations: int) -> None:
    text = f"r={nonce},s={base64.b64encode(salt).decode()},i={iterations}"
    if len(nonce) <= 512:
        assert server_first(text.encode()) == (text, nonce, salt, iterations)


def test_secrets_do_not_show() -> None:
    mechanism = scram()
    mechanism.respond(b"")
    work = mechanism.respond(FIRST)
    assert "pencil" not in repr(mechanism) + repr(work)
    assert External().respond(b"") == b""


# RFC 4013 §3
@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u3000b", "a b"),
    ],
)
def test_passwords_are_prepared(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["", "\u00ad", "\u0007", "\u0627\u0031", "\ud800", "a\u0627b"])
def test_what_saslprep_prohibits_is_no_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"SASL|counts"):
        saslprep(text)
    with pytest.raises(ValueError, match=r"SASL|counts"):
        Scram("SCRAM-SHA-256", "user", text, lambda: "n")


@given(st.text())
def test_saslprep_is_total_and_stable(text: str) -> None:
    try:
        prepared = saslprep(text)
    except ValueError:
        return
    assert prepared
    assert prepared.encode()
