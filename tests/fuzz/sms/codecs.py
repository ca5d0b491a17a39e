"""Every codec of the bridge, one case after the other: they keep what they promise, and raise nothing but what they
declare."""

import random
from collections.abc import Callable, Mapping

from bridges.sms.smpp import receipts, tlv
from bridges.sms.smpp.bodies import Message
from bridges.sms.smpp.pdu import LONGEST, Framer, Malformed, Pdu, Unframed, Unwritable, decode, encode
from bridges.sms.smpp.reading import read
from bridges.sms.smpp.writing import Long, Manner, submissions
from bridges.sms.text import udh
from bridges.sms.text.counting import count, explained, plain
from bridges.sms.text.decoding import decode as decoded
from bridges.sms.text.gsm import septets
from bridges.sms.text.segments import Joining, segments
from bridges.sms.traffic import Alphabet, Inbound, Stage, Submission, Unfit
from tests.fuzz.sms.octets import Octets

_ALPHABETS = tuple(Alphabet)


def framing(rng: random.Random) -> None:
    """A stream in any pieces, with lengths that lie."""
    made = Octets(rng)
    whole = [made.pdu() for _ in range(rng.randrange(4))]
    stream = b"".join(whole)
    if rng.random() < 0.5:
        stream = made.broken(stream)
        whole = []
    framer = Framer()
    found: list[bytes] = []
    while stream:
        size = rng.randrange(1, 200)
        try:
            for frame in framer.feed(stream[:size]):
                assert 16 <= len(frame) == int.from_bytes(frame[:4], "big") <= LONGEST
                found.append(frame)
        except Unframed:
            return
        stream = stream[size:]
    assert not whole or found == whole


def pdus(rng: random.Random) -> None:
    """A frame, what it says, and the same again."""
    frame = Octets(rng).pdu()
    try:
        pdu = decode(frame)
    except Malformed:
        return
    assert decode(encode(pdu)) == pdu
    if isinstance(pdu.body, Message):
        _message(rng, pdu.body)


def _message(rng: random.Random, message: Message) -> None:
    found = read(message, "route", rng.choice((Alphabet.GSM, Alphabet.LATIN1)), by_text=rng.random() < 0.5)
    if isinstance(found, Inbound):
        _shown(decoded(found.data, found.alphabet, found.locking, found.single))
    else:
        assert (found.why is not None) == (found.stage is Stage.FAILED)


def _shown(text: str) -> None:
    text.encode("utf-8")
    assert all(each in "\n\t" or each >= " " for each in text)


def headers(rng: random.Random) -> None:
    made = Octets(rng)
    data = made.broken(made.header() + made.user_data())
    header, rest = udh.read(data)
    assert data.endswith(rest)
    if header.concatenation is not None:
        assert 1 <= header.concatenation.number <= header.concatenation.total <= 255
        assert 0 <= int(header.concatenation.reference) < 1 << header.concatenation.width


def receipt_texts(rng: random.Random) -> None:
    made = Octets(rng)
    text = made.receipt()
    try:
        found = tlv.read(made.broken(made.tlvs()), 0)
    except tlv.CutShort as error:
        found = error.tlvs
    receipts.is_receipt(text)
    receipt = receipts.read(text, found)
    assert (receipt.why is not None) == (receipt.stage is Stage.FAILED)


def octets(rng: random.Random) -> None:
    """Any octets in any alphabet, in one piece; GSM ones written again as they were read."""
    made = Octets(rng)
    data = made.broken(made.user_data())
    for alphabet in _ALPHABETS:
        _shown(decoded(data, alphabet, rng.randrange(16), rng.randrange(16)))
    table = septets(rng.randrange(15), rng.randrange(15))
    text = table.decode(bytes(each & 0x7F for each in data))
    written = table.encoded(text)
    if written is not None:
        assert table.decode(written) == text
    assert (written is None) == bool(table.missing(text))


def texts(rng: random.Random) -> None:
    """A text cut, counted, sent in every way, and together again."""
    text = Octets(rng).text()
    national = rng.choice(((), (), (1,), (6, 13)))
    joining = rng.choice(tuple(Joining))
    cut = segments(text, national=national, joining=joining)
    assert _read(cut.alphabet, cut.data, cut.locking, cut.single) == text
    counted = count(text, national=national, joining=joining)
    assert (counted.segments, counted.units) == (len(cut.data), cut.units)
    assert explained(counted)
    assert segments(plain(text))
    manner = Manner(
        rng.choice((Alphabet.GSM, Alphabet.LATIN1, Alphabet.ASCII)),
        national,
        rng.choice(tuple(Long)),
        most=rng.choice((2, 255)),
    )
    try:
        bodies = submissions(Submission("r", "+15551110000", ("46645",), text, rng.getrandbits(16)), manner)
    except Unfit:
        return
    for body in bodies:
        pdu = Pdu(4, 0, 1, body)
        try:
            assert decode(encode(pdu)) == pdu
        except Unwritable as error:
            raise AssertionError("what was cut does not fit") from error


def _read(alphabet: Alphabet, pieces: tuple[bytes, ...], locking: int, single: int) -> str:
    """Exactly, without what ``decoding`` does for chats."""
    whole = b"".join(pieces)
    return septets(locking, single).decode(whole) if alphabet is Alphabet.GSM else whole.decode("utf-16-be")


#: By name: one case, from a source of chance.
TARGETS: Mapping[str, Callable[[random.Random], None]] = {
    "framing": framing,
    "pdus": pdus,
    "headers": headers,
    "receipts": receipt_texts,
    "octets": octets,
    "texts": texts,
}
