"""What a user can do with a mail that was shown."""

from collections.abc import AsyncIterator

import pytest

from bridges.email.mime.letter import Answer
from bridges.email.receiving.actions import InvitationAnswer, Unsubscription
from gateway.bridge import Services
from gateway.model import Refused
from tests.unit.email.receiving.dialogue import mail
from tests.unit.email.receiving.house import House, build, proven


@pytest.fixture
async def house(services: Services) -> AsyncIterator[House]:
    house = build(services)
    await house.start()
    yield house
    await house.end()


def invitation(
    method: str = "REQUEST", attendee: str = "alice@gw.example", organizer: str = "carol@far.example"
) -> str:
    return (
        "From: carol@far.example\r\nTo: alice@gw.example\r\nSubject: Tea\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/calendar; charset=utf-8; method={method}\r\n\r\n"
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nUID:u1@far.example\r\n"
        "DTSTAMP:20231114T000000Z\r\nDTSTART:20231120T150000Z\r\nDTEND:20231120T160000Z\r\nSUMMARY:Tea\r\n"
        f"ORGANIZER:mailto:{organizer}\r\nATTENDEE;RSVP=TRUE;CN=Alice:mailto:{attendee}\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )


async def shown(house: House, text: str) -> str:
    await house.bring(text)
    await house.settled()
    return house.chat.shown[-1].foreign_id


@pytest.mark.parametrize("answer", [Answer.ACCEPTED, Answer.DECLINED, Answer.TENTATIVE])
async def test_an_invitation_is_answered_to_whoever_invites(house: House, answer: Answer) -> None:
    found = await house.receiving.actions.answer_invitation(
        "user-a", await shown(house, proven(invitation())), answer
    )
    assert isinstance(found, InvitationAnswer)
    assert found.organizer.exact == "carol@far.example"
    text = found.calendar.decode().replace("\r\n ", "")
    assert "METHOD:REPLY" in text
    assert f"PARTSTAT={answer}" in text
    assert "mailto:alice@gw.example" in text
    assert found.subject.endswith(": Tea")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (mail(), "no invitation"),
        (invitation("CANCEL"), "no invitation"),
        (invitation(attendee="bob@gw.example"), "None of your addresses"),
        (invitation(organizer="x"), "who invites"),
    ],
)
async def test_what_cannot_be_answered_says_why(house: House, text: str, why: str) -> None:
    found = await house.receiving.actions.answer_invitation(
        "user-a", await shown(house, text), Answer.ACCEPTED
    )
    assert isinstance(found, Refused)
    assert why in found.text


async def test_another_users_mail_is_not_known(house: House) -> None:
    id_ = await shown(house, invitation())
    for found in (
        await house.receiving.actions.answer_invitation("user-b", id_, Answer.ACCEPTED),
        await house.receiving.actions.unsubscribe("user-b", id_),
        await house.receiving.actions.unsubscribe("user-a", "no such mail"),
    ):
        assert isinstance(found, Refused)


ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@pytest.mark.parametrize(
    ("fields", "authenticated", "expected"),
    [
        (f"List-Unsubscribe: <https://l.example/u/1>\r\n{ONE_CLICK}", True, "post"),
        (f"List-Unsubscribe: <https://l.example/u/1>\r\n{ONE_CLICK}", False, "page"),
        ("List-Unsubscribe: <https://l.example/u/1>\r\n", True, "page"),
        ("List-Unsubscribe: <mailto:l-leave@far.example?subject=leave%201>\r\n", True, "mail"),
        ("List-Unsubscribe: <http://l.example/u/1>\r\n", True, ""),
        ("List-Unsubscribe: <javascript:alert(1)>\r\n", True, ""),
        ("", True, ""),
    ],
)
async def test_a_list_is_left_in_the_best_way_that_can_be_trusted(
    house: House, fields: str, authenticated: bool, expected: str
) -> None:
    text = mail(fields=f"List-Id: The list <l.far.example>\r\n{fields}")
    id_ = await shown(house, proven(text) if authenticated else text)
    found = await house.receiving.actions.unsubscribe("user-a", id_)
    if not expected:
        assert isinstance(found, Refused)
        return
    assert isinstance(found, Unsubscription)
    assert bool(found.post) is (expected == "post")
    assert bool(found.page) is (expected == "page")
    assert (found.mail is not None) is (expected == "mail")
    if found.mail is not None:
        assert (found.mail.exact, found.subject) == ("l-leave@far.example", "leave 1")
