"""Taking mail: who gets it, that it is safe before it is accepted, and what is known when it comes again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Executable
from structlog.testing import capture_logs

from bridges.email.receiving import heading, intake, replies
from bridges.email.receiving.arrivals import Arrivals, Kind, State, Statement
from bridges.email.receiving.intake import IntakeLimits
from bridges.email.receiving.lmtp import Offered
from bridges.email.receiving.originals import SMALL
from gateway.bridge import NotStored, Tables, Values
from tests.fakes.clock import ManualClock
from tests.unit.email.receiving.conftest import Border, People, make_border
from tests.unit.email.receiving.dialogue import mail


def offered(text: str | None = None, *recipients: str, sender: str = "carol@far.example") -> Offered:
    return Offered(sender, recipients or ("alice@gw.example",), (text or mail()).encode(), "mx.example")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("alice@gw.example", "250"),
        ("Alice+shop@GW.example", "250"),
        ("postmaster@gw.example", "250"),
        ("Abuse@gw.example", "250"),
        ("abuse+1@gw.example", "250"),
        ("postmaster", "250"),
        ("b+token@gw.example", "250"),
        ("nobody@gw.example", "550"),
        ("alice@other.example", "550"),
        ('"a b"@gw.example', "553"),
        ("<>", "553"),
        ("alice", "553"),
    ],
)
async def test_mail_is_taken_for_those_who_are_here(border: Border, address: str, code: str) -> None:
    assert str((await border.intake.recipient("carol@far.example", address)).code) == code
    assert (await border.intake.mail(offered(None, address)))[0].code == int(code)


async def test_asking_has_no_effects(border: Border) -> None:
    for _ in range(3):
        await border.intake.recipient("", "alice@gw.example")
    assert await border.arrivals.waiting("user-a") == []
    assert border.taken == []


async def test_what_cannot_be_looked_up_is_temporary(border: Border, people: People) -> None:
    people.broken = True
    assert (await border.intake.recipient("", "alice@gw.example")).code == 451
    assert [each.code for each in await border.intake.mail(offered())] == [451]


async def test_a_mail_is_kept_once_with_what_delivery_adds(border: Border) -> None:
    answers = await border.intake.mail(
        offered(None, "alice@gw.example", "nobody@gw.example", "bob+x@gw.example")
    )
    assert [each.code for each in answers] == [250, 550, 250]
    (alice,), (bob,) = await border.arrivals.waiting("user-a"), await border.arrivals.waiting("user-b")
    assert (alice.recipient, bob.recipient, alice.raw) == ("alice@gw.example", "bob+x@gw.example", bob.raw)
    assert [list(each) for each in border.taken] == [[alice, bob]]
    raw = await border.originals.read(alice.raw)
    assert raw.startswith(
        b"Return-Path: <carol@far.example>\r\nReceived: from mx.example by gw.example with LMTP id "
    )
    assert raw.endswith(mail().encode())
    assert not border.directory.exists()


async def test_a_large_mail_is_a_file(border: Border) -> None:
    text = mail("x" * 70 + "\r\n" * (SMALL // 2))
    assert [each.code for each in await border.intake.mail(offered(text))] == [250]
    (arrival,) = await border.arrivals.waiting("user-a")
    assert [each.suffix for each in border.directory.iterdir()] == [".eml"]
    assert (await border.originals.read(arrival.raw)).endswith(text.encode())


@pytest.mark.parametrize("size", [10, SMALL])
async def test_the_same_mail_again_is_accepted_and_not_kept_again(border: Border, size: int) -> None:
    text = mail("x" * size)
    await border.intake.mail(offered(text))
    again = await border.intake.mail(
        offered("Received: from elsewhere\r\n" + text, sender="other@far.example")
    )
    assert [each.code for each in again] == [250]
    assert len(await border.arrivals.waiting("user-a")) == 1
    assert len(border.taken) == 1
    assert len(list(border.directory.glob("*"))) == (1 if size == SMALL else 0)
    assert border.intake.counts.again == 1


async def test_who_did_not_have_it_gets_it_when_it_comes_again(border: Border) -> None:
    await border.intake.mail(offered(None, "alice@gw.example"))
    await border.intake.mail(offered(None, "alice@gw.example", "bob@gw.example"))
    assert len(await border.arrivals.waiting("user-a")) == 1
    (bob,) = await border.arrivals.waiting("user-b")
    assert (await border.originals.read(bob.raw)).endswith(mail().encode())
    assert border.taken[-1] == ()


async def test_another_text_with_the_same_id_is_another_mail(border: Border) -> None:
    await border.intake.mail(offered(mail("one")))
    await border.intake.mail(offered(mail("two")))
    assert len(await border.arrivals.waiting("user-a")) == 2


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Received: from a\r\n  by b\r\n", "Received: from c\r\nX-Spam-Status: no\r\n", True),
        ("", "Authentication-Results: mx;\r\n\tnone\r\n", True),
        ("Subject: x\r\n", "Subject: y\r\n", False),
        ("Message-ID: <1@x>\r\nSubject: x\r\n", "Message-ID:\r\n <1@x>\r\nSubject: y\r\n", True),
        ("Message-ID: <1@x>\r\n", "Message-ID: <2@x>\r\n", False),
    ],
)
def test_a_mail_is_known_by_its_id_or_by_all_but_its_trace(first: str, second: str, same: bool) -> None:
    digests = {heading.look(f"{each}\r\nbody\r\n".encode()).digest for each in (first, second)}
    assert len(digests) == (1 if same else 2)


async def test_a_mail_may_be_sent_again_on_purpose_after_a_week(border: Border, clock: ManualClock) -> None:
    await border.intake.mail(offered())
    await clock.advance(8 * 86_400)
    await border.arrivals.forget_again(clock.now() - 7 * 86_400)
    await border.intake.mail(offered())
    assert len(await border.arrivals.waiting("user-a")) == 2


async def test_thirty_servers_are_a_loop(border: Border) -> None:
    hops = "".join(f"Received: from a by b{number};\r\n date\r\n" for number in range(30))
    answers = await border.intake.mail(offered(hops + mail(), "alice@gw.example", "bob@gw.example"))
    assert answers == [replies.LOOP, replies.LOOP]
    assert (await border.intake.mail(offered("Received: x\r\n" * 29 + mail())))[0].code == 250


async def test_who_is_blocked_and_what_is_refused_is_that_users_matter(border: Border) -> None:
    border.gate.blocked.add("eve")
    assert await border.intake.recipient("eve@far.example", "alice@gw.example") == replies.BLOCKED
    border.gate.refusals["user-b"] = replies.STRANGER
    answers = await border.intake.mail(offered(None, "alice@gw.example", "bob@gw.example"))
    assert [each.code for each in answers] == [250, 550]


async def test_too_much_waits_for_later(
    tables: Tables, tmp_path: Path, clock: ManualClock, people: People
) -> None:
    border = make_border(tables, tmp_path, clock, people, IntakeLimits(mails=2, rate=100, rate_of_sender=100))
    assert [(await border.intake.mail(offered(mail(str(number)))))[0].code for number in range(3)] == [
        250,
        250,
        452,
    ]
    assert await border.intake.recipient("", "alice@gw.example") == replies.OVER_QUOTA
    assert (await border.intake.recipient("", "bob@gw.example")).code == 250
    again = make_border(tables, tmp_path, clock, people, IntakeLimits(mails=2))
    await again.intake.restore()
    assert await again.intake.recipient("", "alice@gw.example") == replies.OVER_QUOTA
    again.intake.waiting.add("user-a", -1, -100)
    assert (await again.intake.recipient("", "alice@gw.example")).code == 250


async def test_rates_are_of_senders_and_of_users(
    tables: Tables, tmp_path: Path, clock: ManualClock, people: People
) -> None:
    border = make_border(tables, tmp_path, clock, people, IntakeLimits(rate=3, rate_of_sender=2))
    codes = [(await border.intake.mail(offered(mail(str(number)))))[0].code for number in range(3)]
    assert codes == [250, 250, 452]
    assert (await border.intake.mail(offered(mail("x"), sender="dan@far.example")))[0].code == 250
    assert await border.intake.recipient("eve@far.example", "alice@gw.example") == replies.TOO_FAST
    await clock.advance(3600 / 3)
    assert (await border.intake.recipient("eve@far.example", "alice@gw.example")).code == 250


class BrokenTables:
    """``Tables`` that cannot be written."""

    dialect = "sqlite"

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        raise NotStored("The disk is full.")

    async def read(self, statement: Executable, values: object = None) -> list[object]:
        return []


async def test_a_mail_that_cannot_be_kept_is_for_another_time(
    tmp_path: Path, clock: ManualClock, people: People
) -> None:
    border = make_border(BrokenTables(), tmp_path, clock, people)  # type: ignore[arg-type]
    answers = await border.intake.mail(offered(None, "alice@gw.example", "nobody@gw.example"))
    assert answers == [replies.OUR_FAULT, replies.NOBODY]


async def test_a_disk_that_is_full_is_for_another_time(border: Border) -> None:
    border.directory.parent.joinpath("inbound").write_text("in the way")
    answers = await border.intake.mail(offered(mail("x" * SMALL)))
    assert answers == [replies.NO_ROOM]
    assert await border.arrivals.waiting("user-a") == []


async def test_a_connection_that_is_cut_takes_no_other_mail_with_it(border: Border) -> None:
    cut = asyncio.create_task(border.intake.mail(offered(mail("one"))))
    other = asyncio.create_task(border.intake.mail(offered(mail("two"))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    cut.cancel()
    assert (await other)[0].code == 250
    await border.intake.close()
    # The one that was cut may be here too: it comes again, and is known then.
    assert (await border.intake.mail(offered(mail("one"))))[0].code == 250
    assert len(await border.arrivals.waiting("user-a")) == 2


async def test_postmaster_and_returned_mail_have_places_of_their_own(border: Border) -> None:
    await border.intake.mail(
        offered(None, "postmaster@gw.example", "abuse@gw.example", "b+t@gw.example", sender="")
    )
    found = await border.arrivals.waiting("")
    assert sorted((each.kind, each.recipient) for each in found) == [
        (Kind.OPERATOR, "abuse@gw.example"),
        (Kind.OPERATOR, "postmaster@gw.example"),
        (Kind.RETURNED, "b+t@gw.example"),
    ]


async def test_unread_mail_for_the_operator_fills_its_own_place_and_is_complained_of_once(
    tables: Tables, tmp_path: Path, clock: ManualClock, people: People
) -> None:
    border = make_border(tables, tmp_path, clock, people, IntakeLimits(mails=1))
    with capture_logs() as logged:
        assert (await border.intake.mail(offered(None, "postmaster@gw.example")))[0].code == 250
        for _ in range(2):
            for address in ("postmaster@gw.example", "abuse@gw.example"):
                assert await border.intake.recipient("", address) == replies.OVER_QUOTA
        assert (await border.intake.recipient("", "b+t@gw.example")).code == 250
    assert [each["remedy"] for each in logged if each["log_level"] == "error"] == [
        "set `postmaster` of [bridges.email] to the address of a user who is there"
    ]
    # So it is after a start.
    again = make_border(tables, tmp_path, clock, people, IntakeLimits(mails=1))
    await again.intake.restore()
    assert await again.intake.recipient("", "abuse@gw.example") == replies.OVER_QUOTA
    assert (await again.intake.recipient("", "b+t@gw.example")).code == 250


async def test_sweeping_leaves_what_is_needed(border: Border, clock: ManualClock) -> None:
    for number, size in enumerate((10, SMALL, SMALL)):
        await border.intake.mail(offered(mail(f"{number}" * size)))
    shown, held, _ = await border.arrivals.waiting("user-a")
    await tables_write(border.arrivals, shown.id, State.SHOWN)
    await border.arrivals.hold(held.id, "stranger")
    (border.directory / "orphan.eml").write_bytes(b"")
    later = clock.now() + 40 * 86_400
    await border.arrivals.sweep(later)
    assert await border.arrivals.one(shown.id) is None
    assert await border.arrivals.raw(shown.raw) is None
    assert (await border.originals.read(held.raw)).endswith(b"\r\n")
    assert await border.originals.sweep(await border.arrivals.files(), 0) == 0
    assert await border.originals.sweep(await border.arrivals.files(), 4e9) == 1


async def tables_write(arrivals: Arrivals, id_: str, state: State) -> None:
    await arrivals._tables.write(arrivals.settling(id_, state))


def test_what_is_answered_is_plain() -> None:
    every = [each for each in vars(replies).values() if isinstance(each, replies.Reply)]
    assert len(every) > 10
    for each in every:
        assert each.line.isascii()
        assert each.line.isprintable()
        assert str(each.code)[0] == each.status[0]
        assert replace(each, text="") != each
    assert intake.IntakeCounts().kept == 0


async def test_a_mail_of_a_mailbox_elsewhere_is_kept_together_with_how_far_it_was_read(
    border: Border,
) -> None:
    raw = b"Return-Path: <bob@far.example>\r\nMessage-ID: <1@far.example>\r\n\r\nhello\r\n"
    noted: list[str] = []

    def also(mail: str) -> Sequence[Statement]:
        noted.append(mail)
        return ()

    await border.intake.take("user-a", "alice@x.example", raw, also)
    await border.intake.take("user-a", "alice@x.example", b"Received: by y; now\r\n" + raw, also)
    ((arrival,),) = border.taken
    assert (arrival.sender, arrival.recipient, arrival.owner) == (
        "bob@far.example",
        "alice@x.example",
        "user-a",
    )
    assert noted == [arrival.id, arrival.id]
    assert await border.originals.read(arrival.raw) == raw
    assert border.intake.waiting.of("user-a").mails == 1


async def test_a_large_mail_of_a_mailbox_elsewhere_is_a_file(border: Border) -> None:
    large = b"Message-ID: <2@far.example>\r\n\r\n" + b"x" * 100_000
    await border.intake.take("user-a", "alice@x.example", large, lambda mail: ())
    assert [each.stat().st_size for each in border.directory.iterdir()] == [len(large)]
