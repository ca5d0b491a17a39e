"""Which mails are read without a process that may die of them."""

import pytest

from bridges.email.mime import reading, simple

HEAD = b"From: a@x.example\r\nSubject: hi\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\r\nhello\r\n",
        HEAD + b"Content-Type: text/plain; charset=koi8-r; format=flowed\r\n\r\nhello\r\n",
        HEAD.replace(b"\r\n", b"\n") + b"content-type:TEXT/PLAIN\n\nhello\n",
    ],
)
def test_a_short_plain_text_is_simple_and_read_the_same(raw: bytes) -> None:
    assert simple.is_simple(raw)
    assert simple.read(raw) == reading.read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Type: text/html\r\n\r\n<p>hello",
        HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        HEAD + b"Content-Type:\r\n text/html\r\n\r\n<p>hello",
        HEAD + b"Content-Type: (a) text/html\r\n\r\n<p>hello",
        HEAD + b"Content-Type: text/plain\r\nContent-type: text/html\r\n\r\n<p>hello",
        HEAD + b"\r\n" + b"x" * 20_000,
        HEAD * 200 + b"\r\nhello",
        HEAD,
        b"",
    ],
)
def test_all_else_is_not(raw: bytes) -> None:
    assert not simple.is_simple(raw)
