"""The ledger's rows, on both databases: whole rows in one statement, found again by every key."""

from dataclasses import replace

import pytest

from gateway.clock import SystemClock
from gateway.delivery.entry import Entry, entry_of, key_of, key_of_message
from gateway.model import DeliveryState, Message, MessageKind
from gateway.storage.database import Database
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.errors import StorageError
from gateway.storage.retention import Retention, delivery_rules

ENTRY = Entry(
    id="d1",
    bridge="sms",
    owner="alice@localhost",
    network="net",
    inbound=True,
    room=False,
    peer="carol",
    kind=MessageKind.ACTION,
    body="waves 👋",
    extra="<x/>",
    parts="",
    said_at=1.5,
    stanza_type="chat",
    stanza_id="f1",
    origin="",
    jid="carol@gw",
    foreign_id="f1",
    unreported="",
    receipt=False,
    markable=True,
    state=DeliveryState.QUEUED,
    condition="",
    error_type="",
    reason="",
    attempts=0,
    handed=False,
    active=True,
    created=100.0,
    changed=100.0,
)


@pytest.fixture
def store(database: Database) -> DeliveryStore:
    return DeliveryStore(database)


def same(one: Entry, other: Entry) -> bool:
    return one.row() == other.row()


async def test_a_row_comes_back_as_it_was(store: DeliveryStore) -> None:
    await store.save([ENTRY.row()], [("k1", "d1", 100.0)])
    assert same(entry_of((await store.active("sms"))[0]), ENTRY)
    assert same(entry_of(await store.by_id("d1")), ENTRY)
    assert same(entry_of(await store.by_key("k1")), ENTRY)
    assert await store.by_key("k2") is None
    assert list(await store.active("irc")) == []


async def test_saving_again_replaces_what_can_change(store: DeliveryStore) -> None:
    await store.save([ENTRY.row()])
    changed = replace(ENTRY, state=DeliveryState.READ, active=False, body="", foreign_id="f2", changed=200.0)
    await store.save([changed.row(), replace(changed, id="d2", active=True, created=50.0).row()])
    assert same(entry_of(await store.by_id("d1")), changed)
    assert [row.id for row in await store.active("sms")] == ["d2"]


async def test_active_rows_come_in_the_order_of_their_making(store: DeliveryStore) -> None:
    await store.save([replace(ENTRY, id=f"d{n}", created=100.0 - n).row() for n in range(50)])
    assert [row.id for row in await store.active("sms")] == [f"d{n}" for n in reversed(range(50))]


async def test_many_keys_are_looked_up_in_one_go(store: DeliveryStore) -> None:
    await store.save([], [(f"k{n}", "d1", 1.0) for n in range(1500)])
    assert await store.known([f"k{n}" for n in range(1400, 3000)]) == {f"k{n}" for n in range(1400, 1500)}


async def test_rows_and_keys_are_written_together_or_not_at_all(store: DeliveryStore) -> None:
    nonsense = tuple("lost" if each == "queued" else each for each in replace(ENTRY, id="d2").row())
    with pytest.raises(StorageError) as caught:
        await store.save([ENTRY.row(), nonsense], [("k1", "d1", 1.0)])
    assert caught.value.by_statement
    assert await store.by_id("d1") is None
    assert await store.known(["k1"]) == set()


async def test_the_mark_of_a_bridge_is_its_last(store: DeliveryStore) -> None:
    assert await store.marked("sms") is None
    store.mark("sms", 1.0)
    store.mark("sms", 2.0)
    store.mark("irc", 9.0)
    await store.flush()
    assert await store.marked("sms") == 2.0


async def test_retention_takes_only_what_is_settled(store: DeliveryStore, database: Database) -> None:
    now = SystemClock().now()
    old, young = now - 20 * 86_400, now
    await store.save(
        [
            replace(ENTRY, id="old", created=old, active=False).row(),
            replace(ENTRY, id="waiting", created=old).row(),
            replace(ENTRY, id="young", created=young, active=False).row(),
        ],
        [("k-old", "old", old), ("k-young", "young", young)],
    )
    await Retention(database, delivery_rules(14), SystemClock()).sweep()
    assert [await store.by_id(id_) is not None for id_ in ("old", "waiting", "young")] == [False, True, True]
    assert await store.known(["k-old", "k-young"]) == {"k-young"}


def test_keys_tell_accounts_directions_and_parts_apart() -> None:
    keys = {
        key_of("sms", "a@x", "net", inbound=True, foreign_id="1"),
        key_of("sms", "a@x", "net", inbound=False, foreign_id="1"),
        key_of("sms", "a@x", "ne", inbound=True, foreign_id="t1"),
        key_of("sms", "b@x", "net", inbound=True, foreign_id="1"),
        key_of_message("sms", "a@x", "net", Message("carol", "hi", time=1.0)),
        key_of_message("sms", "a@x", "net", Message("carol", "hi", time=1.5)),
        key_of_message("sms", "a@x", "net", Message("dave", "hi", time=1.0)),
        key_of_message("sms", "a@x", "net", Message("carol", "h\ud800", time=1.0)),
    }
    assert len(keys) == 8
    assert key_of_message("sms", "a@x", "net", Message("carol", "hi")) == ""
