"""Stored files, on both databases."""

import pytest

from gateway.storage.database import Database
from gateway.storage.files import FileStore
from gateway.storage.owned import OwnedRows, Owner
from gateway.storage.records import StoredFile


@pytest.fixture
def files(database: Database) -> FileStore:
    return FileStore(database)


def stored(key: str, owner: str = "ann@localhost", *, size: int = 10, at: float = 1.0) -> StoredFile:
    return StoredFile(key, "irc", owner, "a.png", "image/png", size, "00" * 32, at, at + 100)


async def test_a_file_is_found_by_its_key_alone(files: FileStore) -> None:
    await files.add(stored("k1", size=5_000_000_000))
    assert await files.find("k1") == stored("k1", size=5_000_000_000)
    assert await files.find("k2") is None


async def test_sizes_are_summed_by_user_and_in_all(files: FileStore) -> None:
    assert (await files.size_of("ann@localhost"), await files.size()) == (0, 0)
    await files.add(stored("k1", size=3))
    await files.add(stored("k2", size=4))
    await files.add(stored("k3", "bob@localhost", size=5))
    assert (await files.size_of("ann@localhost"), await files.size()) == (7, 12)


async def test_the_oldest_come_first_and_the_expired_are_named(files: FileStore) -> None:
    for number, at in enumerate([3.0, 1.0, 2.0]):
        await files.add(stored(f"k{number}", at=at))
    assert [each.key for each in await files.oldest_of("ann@localhost")] == ["k1", "k2", "k0"]
    assert await files.expired(102.0) == ["k1", "k2"]
    await files.forget(["k1", "k2"])
    await files.forget([])
    assert await files.expired(102.0) == []
    assert await files.known({"k0", "k1"}) == {"k0"}


async def test_many_keys_are_asked_for_in_portions(files: FileStore) -> None:
    await files.add(stored("k1"))
    assert await files.known([f"x{number}" for number in range(1200)] + ["k1"]) == {"k1"}


async def test_files_are_erased_with_their_owner(files: FileStore, database: Database) -> None:
    await files.add(stored("k1"))
    await files.add(stored("k2", "bob@localhost"))
    await OwnedRows(database).erase(Owner("irc", "ann@localhost"))
    assert await files.find("k1") is None
    assert await files.find("k2") is not None
