"""What one user may send, who may send nothing any more, and how an operator learns of it."""

import itertools
from pathlib import Path
from typing import cast

import pytest

from bridges.email.addresses import parse
from bridges.email.composing.outgoing import Finished, NotTaken
from bridges.email.mime.letter import Person
from bridges.email.parts import Parts
from bridges.email.sending.outcome import Kind, Outcome
from gateway.bridge import Finish, Services
from gateway.model import ErrorType
from tests.unit.email.whole import BOB, CAROL, bridge_of, bring, run, session

ANNS = "ann@gw.example"
_numbers = itertools.count(1)


def finished(directory: Path, *recipients: str) -> Finished:
    (directory / "outbound").mkdir(exist_ok=True)
    number = next(_numbers)
    path = directory / "outbound" / f"m{number}.eml"
    path.write_bytes(b"Subject: x\r\n\r\nx\r\n")
    to = tuple(map(parse, recipients))
    id_ = f"<{number}@gw.example>"
    return Finished(f"m{number}", "ann", Person("", ANNS), to, id_, path, 20, False, (f"l{number}",), "x")


async def refused(parts: Parts, mail: Finished) -> str:
    """Why it is not taken; empty if it is."""
    try:
        await parts.departures.submit(mail)
    except NotTaken as error:
        return f"{error.refused.condition}: {error.refused.text}"
    return ""


async def test_mails_an_hour_are_counted_and_newcomers_have_a_third(services: Services) -> None:
    for days, allowed in ((0, 6), (7, 2)):
        limits = {"mails_per_hour": 6, "newcomer_days": days}
        async with bridge_of(services, limits=limits) as bridge:
            parts = await bridge.office.opened()
            for _ in range(allowed):
                assert not await refused(parts, finished(services.directory, BOB)), days
            assert (
                f"policy-violation: Your mail was not sent: this gateway sends at most {allowed} mails an hour"
                in await refused(parts, finished(services.directory, BOB))
            )


async def test_new_people_are_counted_and_those_who_were_written_to_are_none(services: Services) -> None:
    async with bridge_of(services, limits={"new_people_per_day": 2, "newcomer_days": 0}) as bridge:
        parts = await bridge.office.opened()
        assert not await refused(parts, finished(services.directory, BOB, CAROL))
        with pytest.raises(NotTaken) as error:
            await parts.departures.submit(finished(services.directory, BOB, "dan@far.example"))
        assert "at most 2 new people a day" in error.value.refused.text
        assert error.value.refused.type is ErrorType.WAIT
        for _ in range(5):
            assert not await refused(parts, finished(services.directory, CAROL, BOB))


async def fail(parts: Parts, services: Services, count: int) -> None:
    """So many mails come back."""
    for _ in range(count):
        mail = finished(services.directory, BOB)
        assert not await refused(parts, mail)
        (sent,) = await parts.sendings.of_mail(mail.mail_id)
        await parts.sendings.reach(sent.row, Outcome(Kind.FAILED, "", 550, "5.1.1", "no such user"))


async def test_who_writes_to_many_who_do_not_exist_is_suspended_until_an_admin_looks(
    services: Services,
) -> None:
    async with bridge_of(services) as bridge:
        parts = await bridge.office.opened()
        await fail(parts, services, 10)
        assert "operator allows it again" in await refused(parts, finished(services.directory, BOB))
        listed = await run(bridge, "suspended-users")
        assert "10 of the last 10 mails came back" in str(listed)
    # So it is after a start.
    async with bridge_of(services) as bridge:
        parts = await bridge.office.opened()
        assert bridge.office.suspensions.suspended("ann")
        async with session(bridge):
            pardoned = await run(bridge, "suspended-users", {"who": ("ann",)})
            assert "1 user may send again" in cast("Finish", pardoned).note
            # The failures that the admin has looked at do not count again.
            assert not await refused(parts, finished(services.directory, BOB))
        assert "Nobody" in cast("Finish", await run(bridge, "suspended-users")).note


COMPLAINT = """\
--b\r\nContent-Type: text/plain\r\n\r\nAbuse.\r\n--b\r\nContent-Type: message/feedback-report\r\n
Feedback-Type: {kind}\r\nVersion: 1\r\nUser-Agent: x\r\n{fields}\r\n--b\r\nContent-Type: text/rfc822-headers\r\n
{header}\r\n--b--"""


@pytest.mark.parametrize("known_by", ["return address", "id"])
async def test_a_complaint_names_the_user_and_stops_who_was_complained_of(
    services: Services, known_by: str
) -> None:
    async with bridge_of(services, postmaster=ANNS) as bridge:
        parts = await bridge.office.opened()
        mail = finished(services.directory, BOB)
        assert not await refused(parts, mail)
        (sent,) = await parts.sendings.of_mail(mail.mail_id)
        path = parts.queue._return_path(sent.row, parts.now())
        fields = f"Original-Mail-From: <{path}>" if known_by == "return address" else "X: y"
        header = f"Message-ID: {mail.message_id}" if known_by == "id" else "Subject: x"
        kind = "Content-Type: multipart/report; report-type=feedback-report; boundary=b"
        async with session(bridge) as (_, sink):
            for fbl, words, suspended in (
                ("not-spam", f"Of ann: a mail to {BOB} was called not-spam.", False),
                ("abuse", f"Of ann: a mail to {BOB} was called abuse. The gateway sends nothing more", True),
            ):
                body = COMPLAINT.format(kind=fbl, fields=fields, header=header)
                assert await bring(parts, body, kind, to="abuse@gw.example") == 250

                def told(message: object, words: str = words) -> bool:
                    return words in str(getattr(message, "text", ""))

                await sink.wait("direct", told)
                assert bridge.office.suspensions.suspended("ann") is suspended
            forged = COMPLAINT.format(
                kind="abuse", fields="Original-Mail-From: <b+made-up@gw.example>", header="X: y"
            )
            assert await bring(parts, forged, kind, to="postmaster@gw.example") == 250
            await sink.wait("direct", lambda message: "Mail to postmaster" in message.text)
            last = sink.named("direct")[-1].arguments[0]
            assert not last.text.startswith("Of ")
