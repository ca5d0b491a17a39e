"""Real mails: none breaks anything, and where others have said what is in them, that is found."""

import ast
import email
import re
from email.message import Message

import pytest

from bridges.email.mime.folding import fold
from bridges.email.mime.letter import DeliveryReport
from bridges.email.mime.limits import DEFAULT
from bridges.email.mime.reading import read
from bridges.email.mime.structure import Part, Structure
from tests.unit.email.mime import corpora
from tests.unit.email.mime.test_hostile import checked

_BROKEN = ("multipart without its delimiter", "multipart without a boundary", "multipart without an end")


def test_every_mail_is_read() -> None:
    letters = {name: checked(read(raw)) for name, raw in corpora.mails()}
    assert len(letters) > 300
    without = [
        name
        for name, letter in letters.items()
        if not (letter.text or letter.attachments or letter.unreadable)
    ]
    # CPython's own have parts without any text.
    assert len(without) <= 8, without
    uncertain = [name for name, letter in letters.items() if letter.sole_author is None]
    assert len(uncertain) <= 30, uncertain


def test_mails_that_are_whole_have_the_parts_that_the_standard_library_sees() -> None:
    for name, raw in corpora.mails():
        structure = Structure(raw, DEFAULT)
        ours = list(_types(structure.root()))
        if not any(defect in structure.defects for defect in _BROKEN):
            assert ours == list(_library_types(email.message_from_bytes(raw))) or name.endswith(
                "msg_37.txt"
            ), name


def _types(part: Part) -> list[str]:
    return [part.media_type, *(each for child in part.children for each in _types(child))]


def _library_types(message: Message) -> list[str]:
    found = [message.get_content_type()]
    children = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(children, list):
        found.extend(
            each for child in children if isinstance(child, Message) for each in _library_types(child)
        )
    return found


def test_decoded_parts_are_what_the_standard_library_decodes() -> None:
    compared = 0
    for name, raw in corpora.mails():
        structure = Structure(raw, DEFAULT)
        root = structure.root()
        library = email.message_from_bytes(raw)
        if root.children or library.is_multipart() or root.encoding not in ("base64", "quoted-printable"):
            continue
        payload = library.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert root.decoded(10_000_000).rstrip() == payload.rstrip(), name
        compared += 1
    assert compared > 3


def _expected_bounces() -> dict[str, set[str]]:
    """By file: the recipients that flufl.bounce's own tests expect."""
    tree = ast.parse((corpora.place("flufl.bounce") / "tests" / "test_detectors.py").read_text("utf-8"))
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 4 and isinstance(node.elts[2], ast.List):
            _, name, addresses, _ = ast.literal_eval(node)
            found.setdefault(name, set()).update(address.decode().lower() for address in addresses)
    return found


def _known(report: DeliveryReport | None) -> set[str]:
    recipients = report.recipients if report is not None else ()
    return {address.lower() for each in recipients for address in (each.recipient, each.original)}


def test_bounces_of_decades_name_their_recipients() -> None:
    """The address that a bounce comes to tells more (VERP); this is for those that come elsewhere. flufl.bounce, with a
    detector for each of these mail systems, is the measure."""
    data = corpora.place("flufl.bounce") / "tests" / "data"
    expected = {name: addresses for name, addresses in _expected_bounces().items() if addresses}
    found = [
        name
        for name, addresses in expected.items()
        if addresses <= _known(read((data / name).read_bytes()).report)
    ]
    assert len(expected) > 100
    assert len(found) >= 0.8 * len(expected), sorted(set(expected) - set(found))


def test_bounces_are_automatic() -> None:
    missed = []
    total = 0
    for path in corpora.paths():
        if path.parent.name != "corpus":
            continue
        letter = read(path.read_bytes())
        total += 1
        if letter.report is not None and letter.automatic is None:
            missed.append(path.name)
    assert total > 100
    assert len(missed) <= total // 10, missed


#: talon's own expectation is "Hello" for each; we fold signatures too, and keep a quote that is answered below it.
_LEFT = {
    "iphone.eml": "Hello Sent from my iPhone",
    "thunderbird.eml": "On 04/02/2012 06:26 PM, Megan One wrote: Hi Hello",
}
_REPLIES = (
    *(
        "android",
        "aol",
        "apple_mail",
        "apple_mail_2",
        "comcast",
        "gmail",
        "hotmail",
        "iphone",
        "outlook",
        "sparrow",
    ),
    *("thunderbird", "yahoo"),
)


@pytest.mark.parametrize("name", [f"{client}.eml" for client in _REPLIES])
def test_replies_of_real_clients_lose_what_was_said_before(name: str) -> None:
    """talon's twelve: each answers a mail of one line, which we would have sent; one a longer mail."""
    letter = read((corpora.place("talon") / "tests/fixtures/standard_replies" / name).read_bytes())
    people = [each for person in (*letter.from_, *letter.to) for each in (person.name, person.address)]
    longer = letter.text.partition("commented on your Loop")[2]
    result = fold(letter, ["Hi", "Hi there!", "Hello", longer], people)
    assert re.sub(r"\s+", " ", result.text) == _LEFT.get(name, "Hello")
    assert fold(letter, [], people).text.startswith(result.text[:5])


_CLIENTS = (
    "gmail",
    "hotmail",
    "mail_ru",
    "ms_outlook_2003",
    "ms_outlook_2007",
    "ms_outlook_2010",
    "thunderbird",
)


@pytest.mark.parametrize("client", [*_CLIENTS, "windows_mail", "yandex_ru"])
def test_html_replies_of_real_clients_lose_what_was_said_before(client: str) -> None:
    source = (corpora.place("talon") / "tests/fixtures/html_replies" / f"{client}.html").read_bytes()
    letter = read(b"From: alex@example.com\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + source)
    result = fold(letter, ["Hello! How are you?\n\nThanks,\nSasha."], ["Alexander L", "abc@example.com"])
    assert re.sub(r"\s+", " ", result.text) == "Hi. I am fine. Thanks, Alex"
