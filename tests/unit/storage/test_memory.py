"""What bridges remember, on both databases."""

import pytest
from sqlalchemy import select, update

from gateway.secrets import SecretBox, SecretError
from gateway.storage.database import Database
from gateway.storage.memory import BridgeMemory, MemoryStore
from gateway.storage.owned import OwnedRows, Owner
from gateway.storage.schema import bridge_memory

BOX = SecretBox(bytes(32))


@pytest.fixture
def store(database: Database) -> MemoryStore:
    return MemoryStore(database, BOX)


async def test_what_is_remembered_is_recalled_by_user_and_network(
    store: MemoryStore, database: Database
) -> None:
    memory = BridgeMemory(store, "irc")
    assert await memory.recall("ann@localhost", "a.example") == {}
    await memory.remember("ann@localhost", "a.example", "x", "1")
    await memory.remember("ann@localhost", "a.example", "x", "2")
    await memory.remember("ann@localhost", "a.example", "y", "3", secret=True)
    await memory.remember("", "a.example", "x", "4")
    for each in (memory, BridgeMemory(MemoryStore(database, BOX), "irc")):
        assert await each.recall("ann@localhost", "a.example") == {"x": "2", "y": "3"}
        assert await each.recall("", "a.example") == {"x": "4"}
        assert await each.recall("ann@localhost", "b.example") == {}
    assert await BridgeMemory(store, "other").recall("ann@localhost", "a.example") == {}
    await memory.forget("ann@localhost", "a.example", "x")
    await memory.forget("ann@localhost", "a.example", "never there")
    assert await memory.recall("ann@localhost", "a.example") == {"y": "3"}


async def test_secrets_are_sealed_and_hidden_and_a_broken_one_is_left_out(
    store: MemoryStore, database: Database
) -> None:
    await store.remember("irc", "ann@localhost", "n", "key", "hush", secret=True)
    await store.remember("irc", "ann@localhost", "n", "open", "words")
    stored = await database.read(select(bridge_memory.c.value).where(bridge_memory.c.name == "key"))
    assert "hush" not in stored[0].value
    shown = await OwnedRows(database).read(Owner("irc", "ann@localhost"))
    assert [row["value"] for row in shown["bridge_memory"]] == [
        "(a secret; it is kept encrypted and not shown)",
        "words",
    ]
    with pytest.raises(SecretError, match="key"):
        await MemoryStore(database, SecretBox(b"1" * 32)).recall("irc", "ann@localhost", "n")
    await database.write(update(bridge_memory).where(bridge_memory.c.name == "key").values(network="m"), {})
    await store.remember("irc", "ann@localhost", "m", "other", "here")
    assert await store.recall("irc", "ann@localhost", "m") == {"other": "here"}


async def test_a_users_memory_is_erased_with_the_user(store: MemoryStore, database: Database) -> None:
    await store.remember("irc", "ann@localhost", "n", "x", "1")
    await store.remember("irc", "", "n", "x", "2")
    await OwnedRows(database).erase(Owner("irc", "ann@localhost"))
    assert await store.recall("irc", "ann@localhost", "n") == {}
    assert await store.recall("irc", "", "n") == {"x": "2"}


async def test_who_has_nothing_is_known_without_asking_once_that_is_prepared(
    store: MemoryStore, database: Database
) -> None:
    await store.remember("irc", "ann@localhost", "n", "x", "1")
    late = MemoryStore(database, SecretBox(b"0" * 32))
    await late.prepare("irc")
    assert await late.recall("irc", "bob@localhost", "n") == {}
    assert await late.recall("irc", "ann@localhost", "n") == {"x": "1"}
