"""Pages of archives: every part of them, in both directions, with true numbers, on both databases."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from gateway.clock import SystemClock
from gateway.ids import IdSource
from gateway.storage.archive import ArchiveStore, archive_id, chat_key
from gateway.storage.archive_pages import ArchivePages, NotInArchiveError, PageRequest
from gateway.storage.database import Database
from gateway.storage.retention import ArchiveRule
from gateway.storage.schema import archive
from tests.unit.clock import ManualClock, settle

ALICE = ("irc", "alice@localhost", "net")
ROOM = archive_id(*ALICE, "#a")
OTHER = archive_id(*ALICE, "#b")
SENDERS = ("carol", "dave", "eve")
START = 1_700_000_000.0

on_a_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)


@dataclass(frozen=True)
class Said:
    stanza_id: str
    sender: str
    time: float


@pytest.fixture
def store(database: Database, clock: SystemClock) -> ArchiveStore:
    return ArchiveStore(database, clock)


@pytest.fixture
def pages(database: Database, store: ArchiveStore, clock: SystemClock) -> ArchivePages:
    return ArchivePages(database, store, clock)


def fill(store: ArchiveStore, times: Sequence[float], room: str = "#a", seed: int = 1) -> list[Said]:
    """Messages in the order of the archive: some ids are ours, some the network's."""
    ids = IdSource(SystemClock(), random.Random(seed))
    said = []
    for number, time in enumerate(times):
        foreign = f"net-{room}-{seed}-{number}" if number % 3 == 0 else ""
        each = Said(foreign or ids.at(time), SENDERS[number % 3], time)
        store.append(*ALICE, room, each.stanza_id, each.sender, "chat", f"line {number}", time, foreign)
        said.append(each)
    return sorted(said, key=lambda each: each.time)


def ids_of(messages: Sequence[tuple[int, object]]) -> list[str]:
    return [message.stanza_id for _, message in messages]  # type: ignore[attr-defined]


async def test_an_empty_archive_has_one_empty_page(pages: ArchivePages) -> None:
    page = await pages.page(PageRequest((ROOM,)))
    assert (page.messages, page.complete, page.count, page.index) == ((), True, 0, None)
    assert await pages.ends((ROOM,)) is None


times = st.lists(st.integers(0, 12).map(lambda second: START + second / 4), min_size=1, max_size=40)


@on_a_database
@given(times, st.integers(1, 45), st.booleans())
async def test_the_pages_together_are_the_archive_in_both_directions(
    database: Database, clock: SystemClock, times: list[float], size: int, backwards: bool
) -> None:
    await database.write(delete(archive))
    store = ArchiveStore(database, clock)
    pages = ArchivePages(database, store, clock)
    everything = [each.stanza_id for each in fill(store, times)]
    fill(store, times, "#b", seed=2)
    found: list[str] = []
    request = PageRequest((ROOM,), limit=size, before="" if backwards else None)
    for _ in range(len(times) + 1):
        page = await pages.page(request)
        ids = ids_of(page.messages)
        assert 1 <= len(ids) <= size
        assert page.count == len(times)
        assert page.index == everything.index(ids[0])
        found = ids + found if backwards else found + ids
        if page.complete:
            break
        request = replace(request, before=ids[0]) if backwards else replace(request, after=ids[-1])
    assert found == everything


places = st.one_of(st.none(), st.integers(-1, 13))


@on_a_database
@given(times, places, places, places, places, st.sampled_from(("", *SENDERS)), st.data())
async def test_every_filter_and_page_is_what_the_list_would_give(
    database: Database,
    clock: SystemClock,
    times: list[float],
    start: int | None,
    end: int | None,
    after: int | None,
    before: int | None,
    sender: str,
    data: st.DataObject,
) -> None:
    await database.write(delete(archive))
    store = ArchiveStore(database, clock)
    pages = ArchivePages(database, store, clock)
    everything = fill(store, times)

    def known(number: int | None) -> str:
        return everything[number].stanza_id if number is not None and 0 <= number < len(everything) else ""

    limit = data.draw(st.integers(0, 9))
    request = PageRequest(
        (ROOM,),
        START + start / 4 if start is not None else None,
        START + end / 4 if end is not None else None,
        sender,
        known(after),
        known(before),
        limit=limit,
    )
    for _ in range(2):  # once counted, and once from what was counted
        page = await pages.page(request)
        matching = [
            each
            for number, each in enumerate(everything)
            if (request.start is None or each.time >= request.start)
            and (request.end is None or each.time < request.end)
            and (not request.after_id or (after is not None and number > after))
            and (not request.before_id or (before is not None and number < before))
            and sender in ("", each.sender)
        ]
        assert ids_of(page.messages) == [each.stanza_id for each in matching[:limit]]
        assert page.count == len(matching)
        assert page.index == (0 if page.messages else None)
        assert page.complete == (len(matching) <= limit if limit else not matching)


async def test_a_page_can_begin_at_a_number(store: ArchiveStore, pages: ArchivePages) -> None:
    everything = fill(store, [START + number for number in range(20)])
    page = await pages.page(PageRequest((ROOM,), start=START + 5, index=7, limit=3))
    assert ids_of(page.messages) == [each.stanza_id for each in everything[12:15]]
    assert (page.index, page.count, page.complete) == (7, 15, False)
    beyond = await pages.page(PageRequest((ROOM,), index=99))
    assert (beyond.messages, beyond.index, beyond.count) == ((), None, 20)


async def test_messages_are_found_by_their_ids_in_the_order_of_the_archive(
    store: ArchiveStore, pages: ArchivePages
) -> None:
    everything = fill(store, [START + number for number in range(9)])
    wanted = tuple(everything[number].stanza_id for number in (7, 0, 4))
    page = await pages.page(PageRequest((ROOM,), ids=wanted))
    assert ids_of(page.messages) == [wanted[1], wanted[2], wanted[0]]
    assert (page.count, page.complete) == (3, True)


@pytest.mark.parametrize("name", ["after", "before", "after_id", "before_id"])
async def test_ids_that_are_not_in_this_archive_are_named(
    store: ArchiveStore, pages: ArchivePages, name: str
) -> None:
    fill(store, [START])
    (other,) = fill(store, [START], "#b", seed=3)
    strange = IdSource(SystemClock(), random.Random(9))
    for unknown in (other.stanza_id, "DUMMY_ID", strange.next(), strange.at(START), "', \x02"):
        with pytest.raises(NotInArchiveError, match=r".+"):
            await pages.page(replace(PageRequest((ROOM,)), **{name: unknown}))
    with pytest.raises(NotInArchiveError):
        await pages.page(PageRequest((ROOM,), ids=("DUMMY_ID",)))


async def test_an_id_that_came_twice_is_never_a_circle(store: ArchiveStore, pages: ArchivePages) -> None:
    for number, id_ in enumerate(("a", "b", "c", "b", "d")):
        store.append(*ALICE, "#a", id_, "carol", "chat", "x", START + number, id_)
    page = await pages.page(PageRequest((ROOM,), after="b"))
    assert ids_of(page.messages) == ["d"]
    page = await pages.page(PageRequest((ROOM,), before="b"))
    assert ids_of(page.messages) == ["a"]


async def test_what_comes_late_or_goes_is_counted_anew(
    database: Database, store: ArchiveStore, pages: ArchivePages
) -> None:
    everything = fill(store, [START + number for number in range(10)])
    request = PageRequest((ROOM,), after=everything[4].stanza_id, limit=2)

    async def numbers() -> tuple[int | None, int | None]:
        page = await pages.page(request)
        return page.index, page.count

    assert await numbers() == (5, 10)
    store.append(*ALICE, "#a", "new", "carol", "chat", "at the end", START + 50, "new")
    assert await numbers() == (5, 11)
    store.append(*ALICE, "#a", "late", "carol", "chat", "before", START + 1.5, "late")
    assert await numbers() == (6, 12)
    await database.write(delete(archive).where(archive.c.sent_at < START + 2))
    assert await numbers() == (3, 9)
    await store.forget(*ALICE)
    with pytest.raises(NotInArchiveError):
        await numbers()
    assert (await pages.page(PageRequest((ROOM,)))).count == 0


async def test_several_archives_are_one_in_the_order_of_their_times(
    store: ArchiveStore, pages: ArchivePages
) -> None:
    first = fill(store, [START + number for number in range(0, 20, 2)])
    second = fill(store, [START + number for number in range(1, 20, 2)], "#b", seed=2)
    both = sorted(first + second, key=lambda each: each.time)
    page = await pages.page(PageRequest((ROOM, OTHER), after=both[4].stanza_id, limit=5))
    assert ids_of(page.messages) == [each.stanza_id for each in both[5:10]]
    assert [number for number, _ in page.messages] == [OTHER, ROOM, OTHER, ROOM, OTHER]
    assert (page.count, page.index, page.complete) == (20, 5, False)


async def test_private_chats_are_archives_by_contact(store: ArchiveStore) -> None:
    store.append(*ALICE, chat_key("carol"), "a", "Carol", "chat", "hi", START, peer="Carol")
    store.append(*ALICE, "carol", "b", "Dave", "chat", "in a room of that name", START)
    store.append("irc", "bob@localhost", "net", chat_key("carol"), "c", "", "chat", "x", START, peer="Carol")
    (chat,) = await store.private("irc", "alice@localhost")
    assert tuple(chat) == (archive_id(*ALICE, chat_key("carol")), "net", "Carol")
    assert len(await store.private("irc", "alice@localhost", "net")) == 1
    assert await store.private("irc", "alice@localhost", "elsewhere") == []
    (kept,) = await store.recent(*ALICE, chat_key("carol"), limit=9)
    assert kept.body == "hi"


async def test_what_was_taken_back_keeps_its_place(store: ArchiveStore, pages: ArchivePages) -> None:
    everything = fill(store, [START + number for number in range(4)])
    for each in everything[:2]:  # one id of the network's, one of ours
        store.retract(*ALICE, "#a", each.stanza_id, "<retracted/>")
    page = await pages.page(PageRequest((ROOM,)))
    assert ids_of(page.messages) == [each.stanza_id for each in everything]
    kinds = [(message.kind, message.body, message.extra) for _, message in page.messages]
    assert kinds[:2] == [("retracted", "", "<retracted/>")] * 2
    assert [message.kind for message in await store.recent(*ALICE, "#a", limit=9)] == ["chat", "chat"]


async def test_what_a_message_is_besides_its_text_comes_back(store: ArchiveStore) -> None:
    extra = "<reply to='\x00/carol' uri='\x01'/>"
    store.append(*ALICE, "#a", "a", "carol", "chat", "hi", START, extra=extra)
    assert [message.extra for message in await store.recent(*ALICE, "#a", limit=1)] == [extra]


async def test_the_oldest_beyond_a_number_go_from_every_archive(database: Database) -> None:
    clock = ManualClock(START + 100)
    store = ArchiveStore(database, clock)
    pages = ArchivePages(database, store, clock)
    everything = fill(store, [START + number for number in range(30)])
    few = fill(store, [START, START + 1], "#b", seed=2)
    await database.flush()
    assert await ArchiveRule(86_400.0, 12).sweep(database, clock) == 18
    assert await ArchiveRule(86_400.0, 12).sweep(database, clock) == 0
    assert ids_of((await pages.page(PageRequest((ROOM,)))).messages) == [
        each.stanza_id for each in everything[18:]
    ]
    assert ids_of((await pages.page(PageRequest((OTHER,)))).messages) == [each.stanza_id for each in few]
    await settle()
