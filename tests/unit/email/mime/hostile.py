"""Mails that break parsers, by what they do. Each names what has to be left of it."""

from tests.unit.email.mime.mails import mail, multipart, text
from tests.unit.email.mime.test_html import HOSTILE as MARKUP


def _nested(depth: int, kind: str = "mixed") -> bytes:
    head = "".join(f"Content-Type: multipart/{kind}; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth))
    tail = "".join(f"\r\n--b{n}--" for n in reversed(range(depth)))
    return f"From: bob@example.org\r\n{head}Content-Type: text/plain\r\n\r\ndeep{tail}\r\n".encode()


def _messages(depth: int) -> bytes:
    return (
        b"From: bob@example.org\r\n"
        + b"Content-Type: message/rfc822\r\n\r\n" * depth
        + b"Subject: x\r\n\r\ndeep"
    )


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "a header without a body": b"From: bob@example.org",
    "2,000 nested parts": _nested(2_000),
    "2,000 nested parts, all with one delimiter": (
        b"From: bob@example.org\r\n"
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 2_000
        + b"\r\ndeep"
    ),
    "2,000 nested messages": _messages(2_000),
    "20,000 parts": multipart(*[text("x")] * 20_000),
    "200,000 delimiters": mail(b"--b\r\n" * 200_000, "multipart/mixed; boundary=b"),
    "500 nested comments": b"From: " + b"(" * 500 + b"x" + b")" * 500 + b" <bob@example.org>\r\n\r\nx",
    "a header of a megabyte": b"From: bob@example.org\r\nX: "
    + b"y" * 1_000_000
    + b"\r\nSubject: late\r\n\r\nHello",
    "10,000 Received": b"Received: x\r\n" * 10_000 + b"From: bob@example.org\r\n\r\nHello",
    "4,000 addresses": b"From: bob@example.org\r\nTo: "
    + b"a@example.org,\r\n " * 4_000
    + b"z@example.org\r\n\r\nHello",
    "2,000 parameters": mail("x", "text/plain" + "".join(f"; a*{n}*=b" for n in range(2_000))),
    "a Message-ID in brackets": b"From: bob@example.org\r\nMessage-ID: <[a@b]>\r\n\r\nHello",
    "To of a quote": b'From: bob@example.org\r\nTo: "\r\n\r\nHello',
    "To of a comment": b"From: bob@example.org\r\nTo: (c):\r\n\r\nHello",
    "a parameter without a value": mail("Hello", "text/plain; name*"),
    "a line break in a name": b"From: =?utf-8?q?n=0a..?= <bob@example.org>\r\n\r\nHello",
    "a line break in a subject": b"From: bob@example.org\r\nSubject: =?utf-8?q?a=0d=0aBcc:_x?=\r\n\r\nHello",
    "NUL everywhere": b"From:\x00 bob@example.org\r\nSub\x00ject: x\r\nSubject: a\x00b\r\n\r\nHel\x00lo",
    "NUL in values": b"From:\x00 bob@example.org\r\nSubject: a\x00b\r\n\r\nHel\x00lo",
    "lone surrogates": mail(b"\xed\xa0\x80\xed\xb0\x80", header="Subject: =?utf-8?b?7aCA?=\r\n"),
    "surrogates in UTF-16": mail(b"\xff\xfe\x00\xd8\x00\xd8a\x00", "text/plain; charset=utf-16"),
    "a boundary of nothing": mail("--\r\n\r\nx", 'multipart/mixed; boundary=""'),
    "a boundary of spaces": mail("--  \r\n\r\nx", 'multipart/mixed; boundary="  "'),
    "a boundary of patterns": mail("--.*(a|\r\n\r\nx\r\n--.*(a|--", 'multipart/mixed; boundary=".*(a|"'),
    "a boundary that is not ASCII": mail("--ü\r\n\r\nx\r\n--ü--", "multipart/mixed; boundary=ü"),
    "a boundary of a megabyte": mail("x", f'multipart/mixed; boundary="{"b" * 60_000}"'),
    "lines that end with CR": b"From: bob@example.org\rSubject: x\r\rHello",
    "base64 of nothing but padding": mail("=" * 100_000, header="Content-Transfer-Encoding: base64\r\n"),
    "base64 of one letter": mail("A", header="Content-Transfer-Encoding: base64\r\n"),
    "a line of ten megabytes": mail("x" * 10_000_000),
    "a million quote marks": mail(">" * 1_000_000),
    "500,000 lines of quote marks": mail(">\n" * 500_000),
    "a million flowed lines": mail(" \n" * 500_000, "text/plain; format=flowed"),
    "a report of 100,000 recipients": multipart(
        text("x"),
        "Content-Type: message/delivery-status\r\n\r\n" + "Final-Recipient: rfc822;a@b\r\n\r\n" * 100_000,
        kind="report",
    ),
    "a report of spaces": multipart(
        text("x"), "Content-Type: message/delivery-status\r\n\r\n" + "\r\n \t" * 100_000 + "x", kind="report"
    ),
    "prose of nothing but addresses": (
        b"From: mailer-daemon@example.org\r\nSubject: Undelivered\r\n\r\n"
        + b"a@b.example user unknown " * 40_000
    ),
    "prose of almost addresses": b"From: mailer-daemon@example.org\r\nSubject: Undelivered\r\n\r\n"
    + b"a" * 1_000_000,
    "a type of nothing": mail("Hello", "/;;;="),
    "ten thousand files": multipart(*["Content-Type: image/png; name=a.png\r\n\r\nx"] * 10_000),
    "an armour that is opened 50,000 times": mail("-----BEGIN PGP SIGNED MESSAGE-----\n" * 50_000),
    "100,000 files that begin within the text": mail("begin 644 x\n" * 100_000),
    "50,000 whole files within the text": mail("begin 644 x\n#0V%T\n`\nend\n" * 50_000),
    "a file within the text that never ends": mail("begin 644 x\n" + "MAAAA\n" * 200_000),
    "yEnc of nothing but escapes": mail("=ybegin line=128 size=9999999 name=x\n" + "=" * 1_000_000),
    "a winmail.dat of lengths that lie": mail(
        b"\x78\x9f\x3e\x22\0\0" + b"\x02\x0f\x80\x06\x00\xff\xff\xff\xff" * 10_000, "application/ms-tnef"
    ),
    "a winmail.dat of empty files": mail(
        b"\x78\x9f\x3e\x22\0\0" + b"\x02\x02\x90\x06\x00\0\0\0\0\0\0" * 100_000, "application/ms-tnef"
    ),
    **{f"HTML: {what}": mail(source, "text/html; charset=utf-8") for what, source in MARKUP.items()},
}
