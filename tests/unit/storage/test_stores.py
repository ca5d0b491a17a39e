"""The stores: what is saved comes back, secrets sealed, on both databases."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from structlog.testing import capture_logs

from gateway.clock import SystemClock
from gateway.secrets import SecretBox, SecretError
from gateway.storage.accounts import AccountStore
from gateway.storage.archive import ArchiveStore, Trace, archive_id
from gateway.storage.database import Database
from gateway.storage.records import (
    ArchivedMessage,
    JoinedResource,
    RestoredAccount,
    RestoredRoom,
    StoredAccount,
    StoredRoom,
    StoredSubscription,
    SubscriptionState,
)
from gateway.storage.rooms import RoomStore
from gateway.storage.schema import account_settings, archives, joined_resources, rooms
from gateway.storage.subscriptions import SubscriptionStore
from tests.unit.clock import ManualClock

ALICE = ("irc", "alice@localhost", "irc.example.org")
BOB = ("irc", "bob@localhost", "irc.example.org")
ALICES = StoredAccount(*ALICE, nick="alice", created=1.5)
ROOM = StoredRoom(*ALICE, key="#ünter", name="#Ünter", nick="alice", password="open sesame", persistent=True)
PHONE = JoinedResource("alice@localhost/phone", "#Ünter%irc.example.org", "alice")
DESK = JoinedResource("alice@localhost/desk", "#ünter%irc.example.org", "alice_")


@pytest.fixture
def account_store(database: Database, secrets: SecretBox) -> AccountStore:
    return AccountStore(database, secrets)


@pytest.fixture
def room_store(database: Database, secrets: SecretBox) -> RoomStore:
    return RoomStore(database, secrets)


@pytest.fixture
def archive_store(database: Database, clock: SystemClock) -> ArchiveStore:
    return ArchiveStore(database, clock)


async def test_everything_of_an_account_comes_back_after_a_restart(
    database: Database, account_store: AccountStore, room_store: RoomStore
) -> None:
    await account_store.save(ALICES)
    await account_store.save(StoredAccount(*BOB, nick="bob", wanted=False))
    await account_store.save(replace(ALICES, bridge="other"))
    await account_store.save_settings(*ALICE, {"sasl_password": "hunter2", "port": "6697"}, {"sasl_password"})
    room_store.save(ROOM)
    room_store.save(replace(ROOM, key="#empty", name="#empty", password=None, persistent=False))
    room_store.resource_joined(*ALICE, ROOM.key, PHONE)
    room_store.resource_joined(*ALICE, ROOM.key, DESK)
    await database.flush()
    assert await account_store.all("irc") == [
        RestoredAccount(
            ALICES,
            {"sasl_password": "hunter2", "port": "6697"},
            (
                RestoredRoom(replace(ROOM, key="#empty", name="#empty", password=None, persistent=False)),
                RestoredRoom(ROOM, (DESK, PHONE)),
            ),
        ),
        RestoredAccount(StoredAccount(*BOB, nick="bob", wanted=False)),
    ]


async def test_saving_again_replaces_all_but_the_time_of_creation(account_store: AccountStore) -> None:
    await account_store.save(ALICES)
    await account_store.save(replace(ALICES, nick="al", wanted=False, created=99.0))
    (restored,) = await account_store.all("irc")
    assert restored.account == replace(ALICES, nick="al", wanted=False)


async def test_a_stopped_account_is_remembered_with_its_reason(
    database: Database, account_store: AccountStore
) -> None:
    await account_store.save(replace(ALICES, stopped=True, reason="banned: K-lined"))
    await account_store.save(StoredAccount(*BOB, nick="bob"))
    alice, bob = await account_store.all("irc")
    assert (alice.account.stopped, alice.account.reason) == (True, "banned: K-lined")
    assert not bob.account.stopped
    account_store.post_save(ALICES)
    await database.flush()
    assert (await account_store.all("irc"))[0].account == ALICES


async def test_forgetting_an_account_forgets_its_rooms_and_settings_only(
    database: Database, account_store: AccountStore, room_store: RoomStore
) -> None:
    for place in (ALICE, BOB):
        account_store.post_save(StoredAccount(*place, nick="x"))
        await account_store.save_settings(*place, {"a": "b"})
        room_store.save(StoredRoom(*place, key="#a", name="#a", nick="x"))
        room_store.resource_joined(*place, "#a", PHONE)
    await account_store.forget(*ALICE)
    (bob,) = await account_store.all("irc")
    assert bob.account.owner == BOB[1]
    assert (bob.settings, len(bob.rooms), len(bob.rooms[0].resources)) == ({"a": "b"}, 1, 1)
    for table in (account_settings, rooms, joined_resources):
        assert (await database.read(select(func.count()).select_from(table)))[0][0] == 1


async def test_settings_made_before_and_after_a_restart_are_found(
    database: Database, secrets: SecretBox, account_store: AccountStore
) -> None:
    await account_store.save_settings(*ALICE, {"nick": "a"})
    later = AccountStore(database, secrets)
    await later.all(ALICE[0])
    assert await later.settings(*ALICE) == {"nick": "a"}
    assert await later.settings(*BOB) == {}
    await later.save_settings(*BOB, {"nick": "b"})
    assert await later.settings(*BOB) == {"nick": "b"}


async def test_settings_are_replaced_as_a_whole_and_can_come_before_the_account(
    account_store: AccountStore,
) -> None:
    await account_store.save_settings(*ALICE, {"nick": "a", "port": "1"})
    await account_store.save_settings(*ALICE, {"nick": "b"})
    assert await account_store.settings(*ALICE) == {"nick": "b"}
    assert await account_store.settings(*BOB) == {}
    await account_store.save_settings(*ALICE, {})
    assert await account_store.settings(*ALICE) == {}


async def test_secrets_do_not_lie_in_the_database_in_the_clear(
    database: Database, account_store: AccountStore, room_store: RoomStore
) -> None:
    await account_store.save_settings(*ALICE, {"password": "hunter2", "port": "6697"}, {"password"})
    room_store.save(ROOM)
    await database.flush()
    values = [row.value for row in await database.read(select(account_settings))]
    kept = [row.password for row in await database.read(select(rooms))]
    assert "6697" in values
    assert "hunter2" not in str(values)
    assert "open sesame" not in str(kept)
    assert "open sesame" not in repr(ROOM)
    assert "hunter2" not in repr(RestoredAccount(ALICES, {"password": "hunter2"}))


async def test_a_wrong_key_is_told_at_once(
    database: Database, account_store: AccountStore, room_store: RoomStore
) -> None:
    await account_store.save_settings(*ALICE, {"password": "hunter2"}, {"password"})
    room_store.save(ROOM)
    await database.flush()
    other = SecretBox(b"x" * 32)
    with pytest.raises(SecretError, match="restore the key file"):
        await AccountStore(database, other).settings(*ALICE)
    with pytest.raises(SecretError, match="restore the key file"):
        await AccountStore(database, other).all("irc")
    with pytest.raises(SecretError, match="restore the key file"):
        await RoomStore(database, other).all("irc")


async def test_a_secret_moved_to_another_user_is_left_out(
    database: Database, account_store: AccountStore, room_store: RoomStore
) -> None:
    await account_store.save_settings(*ALICE, {"password": "hunter2", "port": "1"}, {"password"})
    room_store.save(ROOM)
    await database.flush()
    for table in (account_settings, rooms):
        await database.write(update(table).values(owner="mallory@localhost"))
    mallory = ("irc", "mallory@localhost", "irc.example.org")
    with capture_logs() as logs:
        assert await account_store.settings(*mallory) == {"port": "1"}
        assert (await room_store.all("irc"))[mallory][0].room.password is None
    assert [entry["event"] for entry in logs] == ["a setting is left out", "a room password is left out"]


async def test_a_room_that_is_left_or_forgotten_stays_so(database: Database, room_store: RoomStore) -> None:
    room_store.save(ROOM)
    room_store.resource_joined(*ALICE, ROOM.key, PHONE)
    room_store.resource_joined(*ALICE, ROOM.key, replace(PHONE, nick="other"))
    room_store.resource_joined(*ALICE, ROOM.key, DESK)
    room_store.resource_left(*ALICE, ROOM.key, DESK.jid)
    await database.flush()
    assert await room_store.all("irc") == {ALICE: [RestoredRoom(ROOM, (replace(PHONE, nick="other"),))]}
    room_store.forget(*ALICE, ROOM.key)
    await database.flush()
    assert await room_store.all("irc") == {}
    assert await database.read(select(joined_resources)) == []


async def test_subscriptions_come_back_by_bridge(database: Database) -> None:
    store = SubscriptionStore(database)
    first = StoredSubscription("irc", "alice@localhost", "carol%irc", SubscriptionState.TO, "in")
    second = replace(first, owner="bob@localhost")
    await store.save(first)
    store.post_save(second)
    await store.save(replace(first, bridge="sms"))
    await store.save(replace(first, state=SubscriptionState.BOTH, pending=""))
    assert await store.all("irc") == [replace(first, state=SubscriptionState.BOTH, pending=""), second]
    await store.forget("irc", "alice@localhost", "carol%irc")
    assert await store.all("irc") == [second]
    store.post_forget("irc", "bob@localhost", "carol%irc")
    await database.flush()
    assert await store.all("irc") == []


# The archive


def message(number: int, sent_at: float | None = None, foreign_id: str = "") -> ArchivedMessage:
    at = float(number) if sent_at is None else sent_at
    return ArchivedMessage(f"id{number}", foreign_id, "carol", "chat", f"line {number} 🌉", at)


def append(
    store: ArchiveStore, said: ArchivedMessage, room: str = "#a", place: tuple[str, str, str] = ALICE
) -> None:
    assert store.append(
        *place, room, said.stanza_id, said.sender, said.kind, said.body, said.sent_at, said.foreign_id
    )


async def test_the_last_messages_of_a_room_come_oldest_first(archive_store: ArchiveStore) -> None:
    for number in range(20):
        append(archive_store, message(number))
        append(archive_store, message(number), room="#b")
        append(archive_store, message(number), place=BOB)
    assert await archive_store.recent(*ALICE, "#a", limit=3) == [message(17), message(18), message(19)]
    assert await archive_store.recent(*ALICE, "#a", limit=0) == []
    assert await archive_store.recent(*ALICE, "#nowhere", limit=3) == []


async def test_an_archive_of_an_earlier_run_is_found_and_one_begun_since_the_first_question_too(
    database: Database, clock: SystemClock, archive_store: ArchiveStore
) -> None:
    append(archive_store, message(1))
    await database.flush()
    later = ArchiveStore(database, clock)
    assert await later.recent(*BOB, "#a", limit=3) == []
    append(later, message(2), place=BOB)
    assert await later.recent(*ALICE, "#a", limit=3) == [message(1)]
    assert await later.recent(*BOB, "#a", limit=3) == [message(2)]


async def test_messages_since_a_time_include_that_time_and_keep_their_order(
    archive_store: ArchiveStore,
) -> None:
    for number, at in enumerate((1.0, 3.0, 2.0, 3.0, 3.0)):
        append(archive_store, message(number, at))
    since = await archive_store.recent(*ALICE, "#a", limit=100, since=2.0)
    assert [said.stanza_id for said in since] == ["id2", "id1", "id3", "id4"]
    assert [said.stanza_id for said in await archive_store.recent(*ALICE, "#a", limit=2, since=2.0)] == [
        "id3",
        "id4",
    ]


async def test_a_message_that_was_taken_back_is_not_kept(archive_store: ArchiveStore) -> None:
    for number in range(3):
        append(archive_store, message(number, foreign_id=f"id{number}"))
        append(archive_store, message(number, foreign_id=f"id{number}"), room="#b")
    archive_store.retract(*ALICE, "#a", "id1")
    archive_store.retract(*ALICE, "#nowhere", "id1")
    kept = [said.stanza_id for said in await archive_store.recent(*ALICE, "#a", limit=9)]
    assert kept == ["id0", "id2"]
    assert len(await archive_store.recent(*ALICE, "#b", limit=9)) == 3


async def test_what_the_archive_has_already_is_known_by_the_networks_own_id(
    archive_store: ArchiveStore,
) -> None:
    append(archive_store, message(1, foreign_id="m1"))
    append(archive_store, message(2, foreign_id="m2"))
    append(archive_store, message(3, foreign_id="m3"), room="#b")
    append(archive_store, message(4))
    assert await archive_store.known(*ALICE, "#a", ["m1", "m2", "m3", "m4"]) == {"m1", "m2"}
    assert await archive_store.known(*ALICE, "#a", []) == set()


@pytest.mark.parametrize("at_once", [1, 2, 100])
async def test_messages_are_found_by_what_is_kept_with_them_the_latest_first(
    archive_store: ArchiveStore, at_once: int
) -> None:
    bridge, _, network = ALICE
    for number, begin in enumerate(("<id_1/>", "<id%1/>", "<id_1/>", "<ID_1/>", "x<id_1/>")):
        archive_store.append(*ALICE, "#a", f"id{number}", "", "chat", "", number, "", begin + "more")
    first, second = Trace(bridge, network, None, 0), Trace(bridge, network, None, 2)
    find = archive_store.beginning
    assert await find("<id_1/>", 9, 60.0, at_once) == [second, first]
    assert await find("<id_1/>", 1, 60.0, at_once) == [second]
    assert await find("<id_1/>", 9, 0.0, at_once) == await find("nothing", 9, 60.0, at_once) == []


async def test_history_and_retention_need_not_look_at_every_message(database: Database) -> None:
    plans = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
    recent = "SELECT body FROM archive WHERE archive_id = 1 AND sent_at >= 2 ORDER BY sent_at DESC, id DESC LIMIT 5"
    old = "SELECT id FROM archive WHERE archive_id = 1 AND sent_at < 2 ORDER BY sent_at LIMIT 5"
    double = "SELECT body FROM archive WHERE foreign_id IN ('a', 'b')"
    async with database._engines[1].connect() as connection:
        if database.dialect == "postgresql":  # it would rather read so small a table as a whole
            await connection.execute(text("SET enable_seqscan = off"))
        for query, index in (
            (recent, "archive_by_room"),
            (old, "archive_by_room"),
            (double, "archive_by_foreign_id"),
        ):
            plan = (await connection.execute(text(f"{plans[database.dialect]} {query}"))).all()
            assert index in str(plan)


async def test_forgetting_an_account_forgets_its_archive_only(
    database: Database, archive_store: ArchiveStore
) -> None:
    append(archive_store, message(1))
    append(archive_store, message(2), place=BOB)
    await archive_store.forget(*ALICE)
    assert await archive_store.recent(*ALICE, "#a", limit=5) == []
    assert len(await archive_store.recent(*BOB, "#a", limit=5)) == 1
    assert len(await database.read(select(archives))) == 1
    append(archive_store, message(3))
    assert await archive_store.recent(*ALICE, "#a", limit=5) == [message(3)]
    assert len(await database.read(select(archives))) == 2


async def test_the_use_of_an_archive_is_noted_once_a_day(database: Database) -> None:
    clock = ManualClock(start=1000.0)
    store = ArchiveStore(database, clock)
    for _ in range(5):
        append(store, message(1))
    await database.flush()
    await clock.advance(86_400)
    append(store, message(2))
    await database.flush()
    (noted,) = await database.read(select(archives))
    assert (noted.id, noted.room_key, noted.used) == (archive_id(*ALICE, "#a"), "#a", 87_400.0)


name = st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(owner=name, room=name, body=name)
async def test_any_text_comes_back_as_it_was(database: Database, owner: str, room: str, body: str) -> None:
    store = ArchiveStore(database, SystemClock())
    store.append("irc", owner, "net", room, "id", "carol", "chat", body, 1.0)
    (said,) = await store.recent("irc", owner, "net", room, limit=1)
    assert said.body == body


@given(st.lists(st.tuples(st.text(), st.text(), st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_different_places_have_different_archives(places: list[tuple[str, str, str, str]]) -> None:
    first, second = places
    assert archive_id(*first) != archive_id(*second)
    assert -(2**63) <= archive_id(*first) < 2**63
