"""Files that are no parts of their own: uuencoded, in yEnc, within winmail.dat. And what only looks like one."""

import base64
import binascii
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime import embedded, tnef
from bridges.email.mime.reading import read

PICTURE = bytes(range(256)) * 5


def uu(data: bytes, name: str = "cat.png") -> bytes:
    lines = [binascii.b2a_uu(data[at : at + 45]).rstrip(b"\n") for at in range(0, len(data), 45)]
    return b"\r\n".join([f"begin 644 {name}".encode(), *lines, b"`", b"end"])


def uu_base64(data: bytes, name: str = "cat.png") -> bytes:
    lines = [base64.b64encode(data[at : at + 45]) for at in range(0, len(data), 45)]
    return b"\r\n".join([f"begin-base64 644 {name}".encode(), *lines, b"===="])


def yenc(data: bytes, name: str = "cat.png") -> bytes:
    out = bytearray()
    for octet in data:
        coded = (octet + 42) % 256
        out += b"=" + bytes([(coded + 64) % 256]) if coded in b"\0\r\n=" else bytes([coded])
    head = f"=ybegin line=128 size={len(data)} name={name}".encode()
    return b"\r\n".join([head, bytes(out), b"=yend size=%d crc32=%08x" % (len(data), zlib.crc32(data))])


def mail(body: bytes, media_type: bytes = b"text/plain") -> bytes:
    return b"From: a@far.example\r\nContent-Type: " + media_type + b"\r\n\r\n" + body + b"\r\n"


@pytest.mark.parametrize("encoded", [uu, uu_base64, yenc])
def test_a_file_within_a_text_is_a_file(encoded) -> None:
    letter = read(mail(b"See the cat:\r\n\r\n" + encoded(PICTURE) + b"\r\n\r\nNice?"))
    (file,) = letter.attachments
    assert (file.name, file.media_type, file.data) == ("cat.png", "image/png", PICTURE)
    assert letter.text.split() == ["See", "the", "cat:", "Nice?"]


def test_several_files_each_keep_their_name(tmp_path) -> None:
    letter = read(mail(uu(b"one", "../a.txt") + b"\r\n" + uu(b"two", "b")), directory=tmp_path)
    assert [(each.name, each.path.read_bytes()) for each in letter.attachments] == [
        ("a.txt", b"one"),
        ("b", b"two"),
    ]


def test_a_file_that_is_longer_than_a_text_may_be_is_whole() -> None:
    (file,) = read(mail(b"big\r\n" + uu(PICTURE * 1200))).attachments
    assert file.data == PICTURE * 1200


@pytest.mark.parametrize(
    "body",
    [
        b"begin 644 with me\r\nand never end",
        uu(PICTURE)[:-3],
        uu(PICTURE).replace(b"begin 644", b"begin to", 1),
        yenc(PICTURE).replace(b"crc32=", b"crc32=0", 1)[:-1],
        yenc(PICTURE).replace(b"=yend", b"=yended", 1),
        uu_base64(PICTURE).replace(b"====", b"==="),
    ],
)
def test_what_is_not_whole_is_text(body: bytes) -> None:
    letter = read(mail(body))
    assert not letter.attachments
    assert letter.text


def test_many_beginnings_cost_no_more_than_their_length() -> None:
    body = b"begin 644 x\r\n" + b"MAAAA\r\n" * 5
    data, files = embedded.parted(body * 20_000, 100)
    assert not files
    assert len(data) == len(body) * 20_000


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_whatever_was_encoded_comes_out(data: bytes, around: bytes) -> None:
    for encoded in (uu, uu_base64):
        _, files = embedded.parted(around.replace(b"begin", b"") + b"\n" + encoded(data), 5)
        assert [each.data for each in files] == [data]


def attribute(name: int, value: bytes, level: int = 2) -> bytes:
    return struct.pack("<BII", level, name, len(value)) + value + struct.pack("<H", sum(value) % 65536)


def long_name(name: str, *, wide: bool) -> bytes:
    value = name.encode("utf-16-le") + b"\0\0" if wide else name.encode("cp1252") + b"\0"
    tag = b"\x1f\x00\x07\x37" if wide else b"\x1e\x00\x07\x37"
    return b"\x02\0\0\0" + tag + struct.pack("<II", 1, len(value)) + value


def winmail(*files: tuple[bytes, bytes, bytes]) -> bytes:
    out = b"\x78\x9f\x3e\x22\x01\x00" + attribute(0x00089006, b"\0\0\1\0", level=1)
    for title, data, properties in files:
        out += attribute(0x00069002, bytes(14)) + attribute(0x00018010, title) + attribute(0x0006800F, data)
        out += attribute(0x00069005, properties)
    return out


def outlooks(data: bytes) -> bytes:
    kind = b"application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64"
    return mail(base64.encodebytes(data).replace(b"\n", b"\r\n"), kind)


def test_attachments_within_winmail_dat_are_attachments() -> None:
    data = winmail(
        (b"REPORT~1.PDF\0", b"%PDF-1.4", long_name("Report of May.pdf", wide=True)),
        (b"b.txt\0", b"two", b""),
        (b"LONGNA~1.TXT\0", b"three", long_name("long name.txt", wide=False)),
        (b"empty\0", b"", b""),
    )
    letter = read(outlooks(data))
    assert [(each.name, each.data) for each in letter.attachments] == [
        ("Report of May.pdf", b"%PDF-1.4"),
        ("b.txt", b"two"),
        ("long name.txt", b"three"),
    ]


@pytest.mark.parametrize("data", [b"no TNEF", winmail(), winmail((b"a\0", b"data", b""))[:-12]])
def test_a_winmail_dat_with_nothing_to_take_out_is_the_file_it_came_as(data: bytes) -> None:
    (file,) = read(outlooks(data)).attachments
    assert (file.name, file.data) == ("winmail.dat", data)


@given(st.binary(max_size=400))
def test_nothing_in_a_winmail_dat_is_believed(data: bytes) -> None:
    for raw in (data, b"\x78\x9f\x3e\x22\0\0" + data, winmail((data[:50], data, data))):
        try:
            found = tnef.enclosed(raw, 5)
        except tnef.NoTnef:
            continue
        assert len(found) <= 5
