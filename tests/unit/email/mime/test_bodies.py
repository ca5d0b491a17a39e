"""Which parts are the text, which are files, and what plain text looks like."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.composing import flowed as encoder
from bridges.email.mime import flowed
from bridges.email.mime.letter import Protection, ProtectionKind
from bridges.email.mime.reading import read
from gateway.model import Span, Style
from tests.unit.email.mime.mails import PATIENT, mail, markup, multipart, parts, said, text

_ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART:20260601T100000Z\r\nSUMMARY:Tea\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
_RICH = "<p>" + "Many words that say what there is to be said. " * 5 + "</p>"


def _file(name: str, disposition: str = "attachment", kind: str = "text/plain") -> str:
    return f'Content-Type: {kind}\r\nContent-Disposition: {disposition}; filename="{name}"\r\n\r\ncontent'


def test_plain_text_is_preferred_where_it_says_enough() -> None:
    letter = read(
        multipart(
            text("Hello Alice, this is plain."), markup("<p>Hello <b>Alice</b>, rich</p>"), kind="alternative"
        )
    )
    assert (letter.text, letter.html_origin) == ("Hello Alice, this is plain.", False)


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "   \r\n ",
        "Hi",
        "View this mail in your browser: https://news.example.com/v/1234567890",
        "[image]",
    ],
)
def test_html_is_preferred_where_the_plain_text_says_little(plain: str) -> None:
    letter = read(multipart(text(plain), markup(_RICH), kind="alternative"))
    assert letter.html_origin
    assert letter.text.startswith("Many words")


def test_plain_text_is_there_where_the_html_is_broken() -> None:
    letter = read(multipart(text("Hello"), markup("<!-- never closed"), kind="alternative"))
    assert letter.text == "Hello"


def test_calendars_and_amp_are_no_alternatives() -> None:
    letter = read(
        multipart(
            text("Come!"),
            "Content-Type: text/x-amp-html\r\n\r\n<html amp4email>secret</html>",
            f"Content-Type: text/calendar; method=REQUEST\r\n\r\n{_ICS}",
            kind="alternative",
        )
    )
    assert letter.text == "Come!"
    assert letter.attachments == ()
    assert letter.invitation is not None
    assert letter.invitation.summary == "Tea"


def test_inline_texts_of_a_mixed_mail_stand_one_after_another() -> None:
    letter = read(multipart(text("Hello"), _file("a.txt"), text("_____\r\nList footer")))
    assert letter.text == "Hello\n\n_____\nList footer"
    assert [file.name for file in letter.attachments] == ["a.txt"]


def test_a_text_with_a_name_is_a_file_whatever_its_disposition() -> None:
    letter = read(multipart(text("Hello"), _file("log.txt", "inline")))
    assert letter.text == "Hello"
    assert letter.attachments[0].data == b"content"
    assert letter.attachments[0].inline


def test_the_text_is_not_taken_from_an_attachment_that_comes_first() -> None:
    letter = read(multipart(_file("first.txt"), text("Hello")))
    assert letter.text == "Hello"


def test_the_root_of_related_parts_is_shown_and_the_others_belong_to_it() -> None:
    image = (
        "Content-Type: image/png\r\nContent-ID: <i@x>\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8="
    )
    root = 'Content-Type: text/html\r\nContent-ID: <r@x>\r\n\r\n<p>Hello <img src="cid:i@x" alt="sun"></p>'
    letter = read(multipart(image, root, kind="related", more='; start="<r@x>"'))
    assert letter.text == "Hello [sun]"
    assert [(file.name, file.content_id, file.inline, file.data) for file in letter.attachments] == [
        ("image-1.png", "i@x", True, b"hello")
    ]


def test_of_a_signed_mail_the_content_is_shown_and_the_signature_is_not() -> None:
    signature = "Content-Type: application/pgp-signature; name=s.asc\r\n\r\n-----BEGIN PGP SIGNATURE-----"
    letter = read(
        multipart(
            text("Signed words"), signature, kind="signed", more='; protocol="application/pgp-signature"'
        )
    )
    assert (letter.text, letter.attachments) == ("Signed words", ())
    assert letter.protection == Protection(ProtectionKind.SIGNED, "OpenPGP")


@pytest.mark.parametrize(
    "raw",
    [
        multipart(
            "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1",
            "Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----",
            kind="encrypted",
            more='; protocol="application/pgp-encrypted"',
        ),
        mail("-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----\r\n"),
    ],
)
def test_encrypted_mail_is_said_to_be_unreadable(raw: bytes) -> None:
    letter = read(raw)
    assert letter.text == ""
    assert letter.protection == Protection(ProtectionKind.ENCRYPTED, "OpenPGP")
    assert "OpenPGP" in letter.unreadable


def test_opaque_smime_is_said_to_be_unreadable() -> None:
    encrypted = read(mail("MIIB", "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m"))
    signed = read(mail("MIIB", "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"))
    assert encrypted.protection == Protection(ProtectionKind.ENCRYPTED, "S/MIME")
    assert signed.protection == Protection(ProtectionKind.SIGNED, "S/MIME")
    assert encrypted.unreadable
    assert signed.unreadable


def test_text_signed_in_the_clear_loses_its_armour() -> None:
    body = (
        "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nHello\r\n- -- \r\nBob\r\n"
        "-----BEGIN PGP SIGNATURE-----\r\n\r\niQ\r\n-----END PGP SIGNATURE-----\r\n"
    )
    letter = said(body)
    assert letter.text == "Hello\n-- \nBob"
    assert letter.protection == Protection(ProtectionKind.SIGNED, "OpenPGP")


def test_a_mail_within_a_mail_is_a_file_named_by_its_subject() -> None:
    inner = (
        "Content-Type: message/rfc822\r\n\r\nFrom: c@example.com\r\nSubject: Old news: part 1/2\r\n\r\nText"
    )
    letter = read(multipart(text("See below"), inner))
    assert letter.text == "See below"
    assert [(file.name, file.media_type) for file in letter.attachments] == [("2.eml", "message/rfc822")]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\dir\\r\u00e9sum\u00e9.doc"', "résumé.doc"),
        ("filename*=utf-8''%e2%80%aeexe.txt", "exe.txt"),
        ('filename="a\x00b\x1b.txt"', "ab.txt"),
        ('filename=".."', "attachment-1.bin"),
        ('filename=".htaccess"', "htaccess"),
        (f'filename="{"x" * 300}.tar"', "x" * 116 + ".tar"),
        ('filename="=?utf-8?q?gr=C3=BCn.txt?="', "grün.txt"),
        ('filename="a<b>:c|d?.txt"', "a_b__c_d_.txt"),
        ("filename*0=one; filename*1=two.txt", "onetwo.txt"),
        ("", "attachment-1.bin"),
    ],
)
def test_names_of_files_are_safe(disposition: str, name: str) -> None:
    part = (
        f"Content-Type: application/x-unheard-of\r\nContent-Disposition: attachment; {disposition}\r\n\r\nx"
    )
    assert [file.name for file in read(multipart(part)).attachments] == [name]


@pytest.mark.parametrize(
    "declared", ["rot13", "idna", "x-unknown", "a\x00b", "utf-7", "hex", "unicode_escape", "../../x"]
)
def test_a_charset_that_is_none_costs_nothing(declared: str) -> None:
    letter = said("Grüße +ADw-b", f'text/plain; charset="{declared}"')
    assert letter.text == "Grüße +ADw-b"


def test_what_xml_forbids_is_gone() -> None:
    letter = said(b"a\x00b\x08c\xed\xa0\x80d\xef\xbf\xbf\xef\xbf\xbee\x1bf", "text/plain; charset=utf-8")
    letter.text.encode()
    assert not set(letter.text) & {"\x00", "\x08", "\x1b", "\uffff", "\ufffe", "\ud800"}
    assert letter.text.startswith("abc")


def test_overrides_of_direction_are_gone() -> None:
    assert said("see \u202etxt.exe\u202c and \u2066x\u2069").text == "see txt.exe and x"


def test_quote_marks_become_depths() -> None:
    letter = said("Hi\n> one\n>> two\n> > three\n>four\n\nfive\n")
    assert letter.text == "Hi\none\ntwo\nthree\nfour\n\nfive"
    assert [(letter.text[span.start : span.end], span.style) for span in letter.spans] == [
        ("one\ntwo\nthree\nfour", Style.QUOTE),
        ("two\nthree", Style.QUOTE),
    ]


def test_flowed_text_is_put_together() -> None:
    body = (
        "This is one \nparagraph.\n  stuffed\n> quoted \n> text\n> \n>> deeper \n> again\n-- \nBob \nGray\n"
    )
    letter = said(body, "text/plain; format=flowed")
    assert letter.text == "This is one paragraph.\n stuffed\nquoted text\n\ndeeper\nagain\n-- \nBob Gray"
    assert letter.spans[0] == Span(32, 57, Style.QUOTE)


def test_flowed_text_with_delsp_loses_the_space_that_marks_the_break() -> None:
    assert said("今日は \n元気\n", "text/plain; charset=utf-8; format=flowed; delsp=yes").text == "今日は元気"


_LINE = st.text(
    st.sampled_from("ab -->F rom.é") | st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)),
    max_size=300,
)


@PATIENT
@given(st.lists(_LINE, min_size=1))
def test_what_the_composer_flows_is_read_as_it_was(lines: list[str]) -> None:
    paragraphs = flowed.decode(encoder.encode("\n".join(lines)).removesuffix("\n"))
    for line, (depth, found) in zip(lines, paragraphs, strict=True):
        rest = line.lstrip("> ")
        assert (">" * depth + found).replace(" ", "") == line.replace(" ", "")
        assert found.endswith(rest.rstrip(" ")) or found == flowed.SEPARATOR


@PATIENT
@given(st.text(max_size=500), st.booleans())
def test_any_text_is_flowed_text(raw: str, delsp: bool) -> None:
    for depth, found in flowed.decode(raw, delsp=delsp):
        assert depth >= 0
        assert "\n" not in found


@PATIENT
@given(st.text(st.sampled_from("> ab\n-"), max_size=200), st.sampled_from(["fixed", "flowed"]))
def test_spans_of_quotes_nest_and_lie_on_whole_lines(body: str, form: str) -> None:
    letter = said(body, f"text/plain; charset=utf-8; format={form}")
    for span in letter.spans:
        assert 0 <= span.start < span.end <= len(letter.text)
        assert span.start == 0 or letter.text[span.start - 1] == "\n"
        assert span.end == len(letter.text) or letter.text[span.end] == "\n"
    for outer in letter.spans:
        for inner in letter.spans:
            assert (
                inner.end <= outer.start
                or inner.start >= outer.end
                or (outer.start <= inner.start and inner.end <= outer.end)
                or (inner.start <= outer.start and outer.end <= inner.end)
            )


def test_patches_keep_their_marks() -> None:
    patch = "Content-Type: text/x-patch\r\n\r\n--- a\r\n+++ b\r\n> not a quote\r\n"
    assert "> not a quote" in read(multipart(text("See:"), patch)).text


def test_parts_with_the_delimiter_of_the_whole_are_alternatives_all_the_same() -> None:
    inner = "Content-Type: multipart/alternative; boundary==_b\r\n\r\n"
    body, content_type = parts(inner, text("Plain words"), markup("<p>Plain words</p>"))
    assert read(mail(body, content_type)).text == "Plain words"


@pytest.mark.parametrize(
    "encoding", ["base64", "BASE64", "quoted-printable", "7bit", "8bit", "binary", "x-nonsense", ""]
)
def test_transfer_encodings(encoding: str) -> None:
    octets = "Grüße aus Köln".encode()
    body = {"base64": base64.encodebytes(octets), "quoted-printable": quopri.encodestring(octets)}.get(
        encoding.lower(), octets
    )
    head = f"Content-Transfer-Encoding: {encoding}\r\n"
    assert read(mail(body, header=head)).text == "Grüße aus Köln"
