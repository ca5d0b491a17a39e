"""What users set for the gateway and for rooms, on both databases."""

import pytest
from sqlalchemy import select, update

from gateway.secrets import SecretBox, SecretError
from gateway.storage.database import Database
from gateway.storage.owned import OwnedRows, Owner
from gateway.storage.preferences import GATEWAY, PreferenceStore
from gateway.storage.schema import preferences

ANN = ("irc", "ann@localhost")


@pytest.fixture
def store(database: Database) -> PreferenceStore:
    return PreferenceStore(database, SecretBox(bytes(32)))


async def test_settings_are_read_by_network_and_replaced_room_by_room(
    store: PreferenceStore, database: Database
) -> None:
    assert await store.read(*ANN, GATEWAY) == {}
    await store.save(*ANN, GATEWAY, GATEWAY, {"record_history": "false"})
    await store.save(*ANN, "a.example", "#one", {"persistent": "true", "encoding_in": "latin-1"})
    await store.save(*ANN, "a.example", "#two", {"persistent": "true"})
    await store.save(*ANN, "a.example", "#one", {"persistent": "false"})
    for each in (store, PreferenceStore(database, SecretBox(bytes(32)))):
        assert await each.read(*ANN, GATEWAY) == {GATEWAY: {"record_history": "false"}}
        assert await each.read(*ANN, "a.example") == {
            "#one": {"persistent": "false"},
            "#two": {"persistent": "true"},
        }
        assert await each.read("irc", "bob@localhost", "a.example") == {}
        assert await each.read("other", "ann@localhost", "a.example") == {}
    await store.save(*ANN, "a.example", "#one", {})
    assert await store.read(*ANN, "a.example") == {"#two": {"persistent": "true"}}


async def test_secrets_are_sealed_and_hidden_and_a_broken_one_is_left_out(
    store: PreferenceStore, database: Database
) -> None:
    await store.save(*ANN, "n", "#one", {"key": "hush", "open": "words"}, {"key"})
    assert await store.read(*ANN, "n") == {"#one": {"key": "hush", "open": "words"}}
    stored = await database.read(select(preferences.c.value).where(preferences.c.name == "key"))
    assert "hush" not in stored[0].value
    shown = await OwnedRows(database).read(Owner(*ANN))
    assert "hush" not in str(shown)
    with pytest.raises(SecretError, match="key"):
        await PreferenceStore(database, SecretBox(b"1" * 32)).read(*ANN, "n")
    await database.write(update(preferences).where(preferences.c.name == "key").values(room_key="#two"), {})
    assert await store.read(*ANN, "n") == {"#one": {"open": "words"}}


async def test_they_are_erased_with_the_user(store: PreferenceStore, database: Database) -> None:
    await store.save(*ANN, GATEWAY, GATEWAY, {"persistent": "true"})
    await OwnedRows(database).erase(Owner(*ANN))
    assert await store.read(*ANN, GATEWAY) == {}
