"""Mail both ways between alice's XMPP client and mailboxes of a real Dovecot, over a real Postfix; the gateway and its
neighbours are killed at every step of it."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import XmppClient, message
from gateway.playground.mail import LOST, OURS
from gateway.playground.match import MUC_USER, error_condition, presence, show
from tests.scenario.post_house import (
    BODY,
    MAIL,
    OPERATOR,
    House,
    address_of,
    contact,
    get,
    heard,
    ids,
    letter,
    opened,
    people,
    receipt,
    resident,
    rows,
    text_of,
    upload,
    write,
)
from tests.scenario.stage import Company, chatter
from tests.unit.media.conftest import png
from tests.waiting import DEADLINE, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELAY = "{urn:xmpp:delay}delay"
C = "{jabber:client}"
THREAD = f"{C}thread"
REPLY = "{urn:xmpp:reply:0}reply"
RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"
PICTURE = png(120, 80)
NOTE = "Grüße vom Teetisch\n".encode() * 500
OPEN = "60"  # a window that no test waits for: they send by .send


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(directory: Path) -> AsyncIterator[House]:
    async with opened(directory, "prosody") as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def company(house: House) -> AsyncIterator[Company]:
    people = Company(house.stage)
    try:
        yield people
    finally:
        await people.goodbye()
    house.stage.assert_calm()


async def conversation(house: House, company: Company) -> None:
    alice = await resident(company)
    dora = house.somebody()
    url = await upload(alice, "cat.png", PICTURE, "image/png")
    thread = "<thread>tea-1</thread>"
    first = write(alice, contact(dora), "Dear Dora,", thread)
    write(alice, contact(dora), "tea at five?", thread)
    last = write(alice, contact(dora), url, f"<x xmlns='jabber:x:oob'><url>{url}</url></x>{thread}{RECEIPT}")
    (mail,) = await house.mails(dora)
    assert mail["From"] == f"Alice Liddell <{address_of(alice)}>"
    assert [each.addr_spec for each in mail["To"].addresses] == [dora]
    assert text_of(mail) == "Dear Dora,\ntea at five?"
    (picture,) = mail.iter_attachments()
    assert (picture.get_content_type(), picture.get_content()) == ("image/png", PICTURE)
    assert picture.get_filename().endswith(".png")
    await receipt(alice, last)

    answer = letter(
        f"Dora <{dora}>",
        address_of(alice),
        "With pleasure!\n\nOn Saturday, Alice Liddell wrote:\n> Dear Dora,\n> tea at five?\n",
        subject=f"Re: {mail['Subject']}",
        answers=mail["Message-ID"],
        id=f"<a-{dora}>",
    )
    answer.add_attachment(NOTE, "text", "plain", filename="note.txt")
    await house.send(answer, address_of(alice))
    file = await alice.expect(
        message(contact(dora), has=("{jabber:x:oob}x/{jabber:x:oob}url",)), "a file", DEADLINE
    )
    assert await get(file.findtext("{jabber:x:oob}x/{jabber:x:oob}url") or "") == NOTE
    metadata = file.find("{urn:xmpp:sfs:0}file-sharing/{urn:xmpp:file:metadata:0}file")
    assert metadata is not None
    hashes = {each.get("algo"): each.text for each in metadata.iter("{urn:xmpp:hashes:2}hash")}
    assert hashlib.sha256(NOTE).digest() == base64.b64decode(hashes["sha-256"] or "")
    said = await heard(alice, "With pleasure!", contact(dora))
    assert "Dear Dora" not in (said.findtext(BODY) or "").partition("pleasure!")[2]
    assert said.findtext(THREAD) == "tea-1"
    reply = said.find(REPLY)
    assert reply is not None
    assert reply.get("id") == first

    about = f"<reply xmlns='urn:xmpp:reply:0' id={quoteattr(said.get('id') or '')}/>{thread}"
    write(alice, contact(dora), "Bring the dormouse.", about)
    _, back = await house.mails(dora, 2)
    assert back["In-Reply-To"] == answer["Message-ID"]
    assert ids(back, "References") == [mail["Message-ID"], answer["Message-ID"]]
    assert text_of(back).startswith("Bring the dormouse.")
    assert back["Subject"] == f"Re: {mail['Subject']}"


async def test_a_conversation_with_files_goes_both_ways(house: House, company: Company) -> None:
    await conversation(house, company)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory for a stage of a test's own."""
    with TemporaryDirectory(prefix="causeway-test-") as name:
        place = Path(name)
        place.chmod(0o711)
        yield place


async def test_a_conversation_goes_over_ejabberd_too(elsewhere: Path) -> None:
    async with opened(elsewhere, "ejabberd") as house:
        company = Company(house.stage)
        await conversation(house, company)
        await company.goodbye()
        house.stage.assert_calm()


async def test_mail_that_comes_back_late_is_an_error_and_words(house: House, company: Company) -> None:
    alice = await resident(company)
    ghost = contact(f"{house.stage.new('ghost')}@{LOST}")
    id = write(alice, ghost, "Is anybody there?", RECEIPT)
    await receipt(alice, id)  # Postfix has it
    error = await alice.expect(message(ghost, type="error", id=id), "an error", DEADLINE)
    assert error_condition(error) == "item-not-found"
    notice = await heard(alice, "was not delivered", ghost)
    assert "550" in (notice.findtext(BODY) or "")
    alice.send(f"<presence to={quoteattr(ghost)} type='probe'/>")


async def test_what_is_corrected_and_taken_back_in_time_is_in_no_mail(house: House, company: Company) -> None:
    alice = await resident(company, window=OPEN)
    dora = house.somebody()
    before = rows(house, "email_draft_lines")
    wrong = write(alice, contact(dora), "coffee at five")
    oops = write(alice, contact(dora), "you old hatter")
    await eventually(lambda: rows(house, "email_draft_lines") == before + 2, "both are written down")
    write(alice, contact(dora), "tea at five", f"<replace xmlns='urn:xmpp:message-correct:0' id='{wrong}'/>")
    fallback = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>"
    write(
        alice,
        contact(dora),
        "taken back",
        f"<retract xmlns='urn:xmpp:message-retract:1' id='{oops}'/>{fallback}",
    )
    write(alice, contact(dora), ".send")
    (mail,) = await house.mails(dora)
    assert text_of(mail) == "tea at five"
    too_late = write(
        alice, contact(dora), "beer at five", f"<replace xmlns='urn:xmpp:message-correct:0' id='{wrong}'/>"
    )
    await alice.expect(message(contact(dora), type="error", id=too_late), "too late", DEADLINE)


async def test_what_is_cancelled_is_never_sent(house: House, company: Company) -> None:
    alice = await resident(company, window=OPEN)
    dora = house.somebody()
    for each in ("I quit.", "For ever.", ".cancel", "Good morning!", ".send"):
        write(alice, contact(dora), each)
    (mail,) = await house.mails(dora)
    assert text_of(mail) == "Good morning!"


async def trio(house: House, company: Company) -> tuple[XmppClient, str, str, EmailMessage]:
    """alice has a mail from dora that went to eve too."""
    alice = await resident(company, window=OPEN)
    dora, eve = house.somebody(), house.somebody("eve")
    mail = letter(f"Dora <{dora}>", address_of(alice), "Who brings cake?", subject="Cake", id=f"<c-{dora}>")
    mail["Cc"] = eve
    await house.send(mail, address_of(alice))
    return alice, dora, eve, mail


async def test_an_answer_goes_to_all_only_with_at_all(house: House, company: Company) -> None:
    alice, dora, eve, first = await trio(house, company)
    got = await heard(alice, "Who brings cake?", contact(dora))
    assert eve in (got.findtext(BODY) or "")
    write(alice, contact(dora), "Psst: not eve.")
    write(alice, contact(dora), ".send")
    (private,) = await house.mails(dora)
    assert people(private) == [dora]
    write(alice, contact(dora), "@all I do.")
    write(alice, contact(dora), ".send")
    (for_eve,) = await house.mails(eve)
    _, for_dora = await house.mails(dora, 2)
    for mail in (for_eve, for_dora):
        assert people(mail) == sorted([dora, eve])
        assert text_of(mail) == "I do."
        assert first["Message-ID"] in ids(mail, "References")


async def test_a_thread_is_a_room_where_all_read_what_is_said(house: House, company: Company) -> None:
    alice, dora, eve, first = await trio(house, company)
    await heard(alice, "Who brings cake?", contact(dora))
    write(alice, contact(dora), ".room")
    invitation = await alice.expect(message(has=("{jabber:x:conference}x",)), "an invitation", DEADLINE)
    conference = invitation.find("{jabber:x:conference}x")
    assert conference is not None
    room = conference.get("jid") or ""
    await alice.join(room, "alice", within=DEADLINE)
    for each in (dora, eve):
        await alice.expect(presence(f"{room}/{each}"), f"{each} in the room", DEADLINE)
    await alice.expect(message(room, type="groupchat", subject="Cake"), "the subject", DEADLINE)
    again = letter(
        f"Eve <{eve}>", address_of(alice), "I have none.", subject="Re: Cake", answers=first["Message-ID"]
    )
    again["Cc"] = dora
    await house.send(again, address_of(alice))
    await heard(alice, "I have none.", f"{room}/{eve}")
    write(alice, room, "Then I do.", type="groupchat")
    write(alice, room, ".send", type="groupchat")
    for each in (dora, eve):
        (mail,) = await house.mails(each)
        assert (people(mail), text_of(mail)) == (sorted([dora, eve]), "Then I do.")
    write(alice, f"{room}/{dora}", "A big one.", f"<x xmlns='{MUC_USER}'/>")
    write(alice, f"{room}/{dora}", ".send", f"<x xmlns='{MUC_USER}'/>")
    _, private = await house.mails(dora, 2)
    assert (people(private), text_of(private)) == ([dora], "A big one.")
    assert len(house.held(eve)) == 1


async def test_a_stranger_is_shown_once_the_user_says_so(house: House, company: Company) -> None:
    alice = await resident(company, first_contact="ask")
    dora = house.somebody()
    await house.send(letter(f"Dora <{dora}>", address_of(alice), "Hello, stranger!"), address_of(alice))
    await heard(alice, f"allow {dora}", MAIL)
    write(alice, MAIL, f"allow {dora}")
    await heard(alice, "Hello, stranger!", contact(dora))
    await house.send(letter(dora, address_of(alice), "Hello, friend!"), address_of(alice))
    await heard(alice, "Hello, friend!", contact(dora))


async def test_forged_mail_is_in_nobodys_chat(house: House, company: Company) -> None:
    alice = await resident(company)
    dora = house.somebody()
    forged = letter(f"Dora <{dora}>", address_of(alice), "Send me your password.")
    forged["Authentication-Results"] = "evil.localhost; dmarc=pass header.from=post.localhost"
    await house.send(forged, address_of(alice), sender="mallory@evil.localhost")
    warning = await heard(alice, "password")
    assert warning.get("from") == MAIL
    assert warning.find(f"{C}subject") is None  # clients show it above the warning
    assert dora in (warning.findtext(BODY) or "")


async def test_two_users_write_to_each_other_by_their_addresses(house: House, company: Company) -> None:
    alice, bob = await resident(company), await resident(company, "bob")
    write(alice, contact(address_of(bob)), "Is this mail?")
    got = await heard(bob, "Is this mail?", contact(address_of(alice)))
    write(
        bob,
        contact(address_of(alice)),
        "It is.",
        f"<reply xmlns='urn:xmpp:reply:0' id={quoteattr(got.get('id') or '')}/>",
    )
    await heard(alice, "It is.", contact(address_of(bob)))


async def test_mail_to_the_postmaster_comes_to_the_operator(house: House, company: Company) -> None:
    operator = await resident(company, OPERATOR, exactly=True)
    dora = house.somebody()
    for name in ("postmaster", "abuse"):
        await house.send(letter(dora, f"{name}@{OURS}", f"Dear {name}!"), f"{name}@{OURS}")
        got = await heard(operator, f"Dear {name}!")
        assert got.get("from") in {MAIL, contact(dora)}


# -- whoever is killed ------------------------------------------------------------------------------------------------


async def killed(house: House) -> None:
    await house.stage.gateway.kill()
    await house.stage.restart_gateway()


async def test_what_is_being_written_outlives_the_gateway(house: House, company: Company) -> None:
    alice = await resident(company, window=OPEN)
    dora = house.somebody()
    before = rows(house, "email_draft_lines")
    write(alice, contact(dora), "Dear Dora,")
    write(alice, contact(dora), "are you well?")
    await eventually(lambda: rows(house, "email_draft_lines") == before + 2, "both are written down")
    await killed(house)
    write(alice, contact(dora), "And the dormouse?")
    write(alice, contact(dora), ".send")
    (mail,) = await house.mails(dora)
    assert text_of(mail) == "Dear Dora,\nare you well?\nAnd the dormouse?"


async def test_mail_that_was_taken_is_shown_once_after_the_gateway_was_killed(
    house: House, company: Company
) -> None:
    alice = await resident(company)
    dora = house.somebody()
    for number in range(3):
        mail = letter(f"Dora <{dora}>", address_of(alice), f"Number {number}.", id=f"<k{number}-{dora}>")
        await house.bring(mail, address_of(alice))
    await killed(house)
    seen = {(await heard(alice, f"Number {number}.", contact(dora))).get("id") for number in range(3)}
    await house.bring(mail, address_of(alice))  # whose answer got lost sends it again
    await house.bring(letter(f"Dora <{dora}>", address_of(alice), "The end."), address_of(alice))
    await heard(alice, "The end.", contact(dora))
    # What was on its way to the server when the gateway died goes out once more, as the same message (by its id).
    again = [each for each in chatter(alice) if each.get("id") not in seen or each.find(DELAY) is None]
    assert len(seen) == 3
    assert not list(map(show, again))


def finished(house: House) -> int:
    """Mails that were made since the gateway's last start."""
    return len(list(house.stage.events("a mail is on its way")))


async def test_mail_is_sent_once_the_smarthost_is_there_again(house: House, company: Company) -> None:
    alice = await resident(company, window="0")
    dora = house.somebody()
    before = finished(house)
    await house.wire.cut()
    sent = [write(alice, contact(dora), f"Number {number}", RECEIPT) for number in range(3)]
    await eventually(lambda: finished(house) >= before + 3, "the mails wait")
    await house.stage.logged("the smarthost takes no mail")
    await house.wire.mend()
    for id in sent:
        await receipt(alice, id, within=90.0)  # after a connection that was cut, half a minute can pass
    assert sorted(map(text_of, await house.mails(dora, 3))) == [f"Number {number}" for number in range(3)]


async def test_mail_waits_for_the_smarthost_and_outlives_the_gateway(house: House, company: Company) -> None:
    alice = await resident(company)
    dora = house.somebody()
    before = finished(house)
    await house.wire.cut()
    id = write(alice, contact(dora), "Can you hear me?", RECEIPT)
    await eventually(lambda: finished(house) > before, "the mail waits")
    await killed(house)
    assert not house.held(dora)
    await house.wire.mend()
    await receipt(alice, id, within=90.0)
    (mail,) = await house.mails(dora)
    assert text_of(mail) == "Can you hear me?"


async def test_whoever_is_killed_at_the_smarthosts_answer_sends_at_most_the_same_mail_again(
    house: House, company: Company
) -> None:
    alice = await resident(company)
    dora = house.somebody()
    killing = asyncio.Event()

    def now() -> None:
        house.stage.gateway.signal(9)
        killing.set()

    house.wire.watch(b"queued as", now)
    id = write(alice, contact(dora), "Once upon a time", RECEIPT)
    async with asyncio.timeout(DEADLINE):
        await killing.wait()
    await killed(house)
    await receipt(alice, id)
    found = house.held(dora)
    # Nobody can know whether the answer was heard, so SMTP has it twice rather than never; mail programs go by the id.
    assert 1 <= len(found) <= 2
    assert len({each["Message-ID"] for each in found}) == 1


async def test_mail_comes_while_the_xmpp_server_is_away(house: House, company: Company) -> None:
    alice = await resident(company)
    dora = house.somebody()
    await house.stage.xmpp.kill()
    for number in range(3):
        await house.bring(letter(f"Dora <{dora}>", address_of(alice), f"Line {number}."), address_of(alice))
    await house.stage.xmpp.restart()
    await house.stage.linked(2)
    again = await company.device(alice.bare, "desk")
    for number in range(3):
        await heard(again, f"Line {number}.", contact(dora))
    await house.bring(letter(f"Dora <{dora}>", address_of(alice), "The end."), address_of(alice))
    await heard(again, "The end.", contact(dora))
    assert not list(map(show, chatter(again)))
