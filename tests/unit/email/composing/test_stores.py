"""Threads and drafts in their tables, on both databases."""

from dataclasses import replace

from bridges.email.addresses import parse
from bridges.email.composing.drafts import Details, Draft, Drafts, DraftState, KeptFile, Line, LineState
from bridges.email.composing.threads import LONGEST_TEXT, Mail, Threads
from bridges.email.mime.letter import Person
from gateway.storage.bridge_tables import BridgeTables

OWNER, OTHER = "alice", "eve"
BOB, CAROL = Person("Bob", "Bob@example.com"), Person("Carol", "carol@example.com")


def mail(number: int, **changes: object) -> Mail:
    made = Mail(
        id=f"m{number}",
        owner=OWNER,
        message_id=f"<{number}@example.com>",
        thread="t1",
        subject="Lunch",
        sender=BOB,
        recipients=(Person("", "alice@example.org"), CAROL),
        time=1000.0 + number,
        references=("<0@example.com>",),
        text=f"text {number}",
        contact="bob@example.com",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def test_a_mail_is_remembered_whole(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    await threads.remember(mail(1))
    assert await threads.by_id(OWNER, "m1") == mail(1)
    assert await threads.by_id(OTHER, "m1") is None
    assert await Threads(both, "other").by_id(OWNER, "m1") is None


async def test_a_mail_that_comes_again_changes_nothing(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    await threads.remember(mail(1))
    await threads.remember(mail(1, text="something else"))
    assert (await threads.texts(OWNER, "t1")) == ("text 1",)


async def test_mails_are_found_by_their_ids_however_long_those_are(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    long = f"<{'x' * 5000}@example.com>"
    await threads.remember(mail(1, message_id=long))
    await threads.remember(mail(2))
    found = await threads.by_message_ids(OWNER, [long, "<2@example.com>", "<unknown@x>", long])
    assert {key: each.id for key, each in found.items()} == {long: "m1", "<2@example.com>": "m2"}
    assert await threads.by_message_ids(OTHER, [long]) == {}
    assert await threads.by_message_ids(OWNER, []) == {}


async def test_nobody_takes_another_mails_place_by_its_id(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    await threads.remember(mail(1))
    await threads.remember(mail(2, message_id="<1@example.com>", thread="hijacked"))
    assert (await threads.by_message_ids(OWNER, ["<1@example.com>"]))["<1@example.com>"].id == "m1"


async def test_threads_are_told_newest_first(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    for number in (2, 3, 1):
        await threads.remember(mail(number))
    await threads.remember(mail(9, thread="t2"))
    assert [each.id for each in await threads.of_thread(OWNER, "t1")] == ["m3", "m2", "m1"]
    assert await threads.texts(OWNER, "t1") == ("text 3", "text 2", "text 1")


async def test_the_newest_mail_of_a_chat_is_one_that_is_young_enough(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    await threads.remember(mail(1))
    await threads.remember(mail(2, contact="carol@example.com"))
    newest = await threads.newest(OWNER, "bob@example.com", 1000.0)
    assert newest is not None
    assert newest.id == "m1"
    assert await threads.newest(OWNER, "bob@example.com", 1001.5) is None


async def test_what_is_old_is_forgotten(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    await threads.remember(mail(1))
    await threads.remember(mail(5))
    assert await threads.sweep(1003.0) == 1
    assert [each.id for each in await threads.of_thread(OWNER, "t1")] == ["m5"]


async def test_texts_are_bounded_and_fit_for_every_database(both: BridgeTables) -> None:
    threads = Threads(both, "mail")
    await threads.remember(mail(1, text="\0\ud800" + "x" * 100_000, subject="a\0b"))
    kept = await threads.by_id(OWNER, "m1")
    assert kept is not None
    assert len(kept.text) <= LONGEST_TEXT
    assert "\0" not in kept.text + kept.subject


DRAFT = Draft(
    "d1", OWNER, "bob@example.com", (parse("Bob@bücher.example"),), "<d1@example.org>", 10.0, 11.0, 20.0, "t"
)
LINE = Line(
    "ref1",
    OWNER,
    "l1",
    "d1",
    0,
    10.0,
    "Hello",
    details=Details(reply="m1", subject="Lunch", calendar="BEGIN"),
    files=(KeptFile("https://x.example/a", "a.png", "image/png", 5), KeptFile("u", "b", "", None, "00", "p")),
)


async def test_a_draft_and_its_lines_are_kept_whole(both: BridgeTables) -> None:
    drafts = Drafts(both, "mail")
    second = replace(LINE, reference="ref2", id="l2", number=1, text="there")
    await both.write(drafts.open(DRAFT), drafts.add(second), drafts.add(LINE))
    assert await drafts.drafts() == [DRAFT]
    assert await drafts.draft("d1") == DRAFT
    assert await drafts.lines("d1") == await drafts.unfinished() == [LINE, second]
    assert await drafts.by_reference("ref1") == await drafts.by_id(OWNER, "l1") == LINE
    assert await drafts.by_id(OTHER, "l1") is None
    assert await Drafts(both, "other").drafts() == []


async def test_what_has_ended_has_no_text_and_is_still_known(both: BridgeTables) -> None:
    drafts = Drafts(both, "mail")
    correction = replace(LINE, reference="ref2", id="l2", text="", corrects="l1", files=())
    third = replace(LINE, reference="ref3", id="l3", number=1)
    await both.write(drafts.open(DRAFT), drafts.add(LINE), drafts.add(correction), drafts.add(third))
    await both.write(drafts.end(LINE, LineState.FAILED, "no such file", "not-acceptable"))
    assert await drafts.lines("d1") == [third]
    assert [(each.id, each.news, each.condition) for each in await drafts.news(OWNER, 10)] == [
        ("l1", "no such file", "not-acceptable"),
        ("l2", "no such file", "not-acceptable"),
    ]
    await both.write(drafts.told(["ref1", "ref2"]))
    assert await drafts.news(OWNER, 10) == []
    await both.write(drafts.close("d1"), drafts.end_all("d1", LineState.SENT))
    assert await drafts.draft("d1") is None
    ended = [await drafts.by_reference(each) for each in ("ref1", "ref2", "ref3")]
    assert [each and each.state for each in ended] == [LineState.FAILED, LineState.FAILED, LineState.SENT]
    assert all(each is not None and not each.text and not each.files for each in ended)


async def test_only_open_lines_change(both: BridgeTables) -> None:
    drafts = Drafts(both, "mail")
    await both.write(drafts.open(DRAFT), drafts.add(LINE))
    kept = KeptFile("https://x.example/a", "a.png", "image/png", 5, path="here")
    await both.write(
        drafts.change(LINE, "Hi"), drafts.files(LINE, [kept]), drafts.touch("d1", DraftState.HELD, 50.0)
    )
    assert await drafts.lines("d1") == [replace(LINE, text="Hi", files=(kept,))]
    assert await drafts.draft("d1") == replace(DRAFT, state=DraftState.HELD, touched=50.0)
    await both.write(drafts.end_all("d1", LineState.SENT))
    assert await both.write(drafts.change(LINE, "late")) == 0


async def test_old_lines_are_forgotten_but_never_open_ones(both: BridgeTables) -> None:
    drafts = Drafts(both, "mail")
    await both.write(drafts.open(DRAFT), drafts.add(LINE), drafts.add(replace(LINE, reference="r", id="l9")))
    await both.write(drafts.end(LINE, LineState.SENT))
    await both.write(drafts.sweep(100.0))
    assert await drafts.by_reference("ref1") is None
    assert await drafts.by_reference("r") is not None
