"""Registrations, rules, limits, and all that is one user's, on both databases."""

import pytest
from sqlalchemy import select

from gateway.storage.access import AccessStore
from gateway.storage.owned import OwnedRows, Owner, owned_tables
from gateway.storage.records import (
    AccessRule,
    JoinedResource,
    RegistrationState,
    StoredAccount,
    StoredRegistration,
    StoredRoom,
    StoredSubscription,
    SubscriptionState,
)
from gateway.storage.schema import metadata
from gateway.storage.stores import Stores

ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.fixture
def store(database):
    return AccessStore(database)


async def test_registrations_are_kept_with_the_time_of_the_first(store):
    first = StoredRegistration("mail", ALICE, RegistrationState.PENDING, created=5.0)
    await store.save_registration(first)
    await store.save_registration(StoredRegistration("mail", ALICE, stays=False, created=9.0))
    await store.save_registration(StoredRegistration("sms", ALICE))
    assert await store.registrations("mail") == [
        StoredRegistration("mail", ALICE, RegistrationState.ACTIVE, stays=False, created=5.0)
    ]
    assert len(await store.registrations("sms")) == 1


async def test_rules_are_replaced_and_lifted(store):
    rule = AccessRule("irc", "example.org", allow=False, reason="spam", author="ann@example.org", created=1.0)
    await store.save_rule(rule)
    allow = AccessRule("irc", "example.org", allow=True, author="ann@example.org", created=2.0)
    await store.save_rule(allow)
    assert await store.rules("irc") == [allow]
    await store.forget_rule("irc", "example.org")
    assert await store.rules("irc") == []


async def test_limits_go_back_to_the_configuration(store):
    await store.change_limits("irc", {"a": 1, "b": 2})
    await store.change_limits("irc", {"a": None, "b": 3})
    assert await store.limits("irc") == {"b": 3}
    assert await store.limits("other") == {}


def test_every_table_is_somebodys_or_known_not_to_be():
    """A table for users needs the columns bridge and owner, so that they can see and erase what is in it."""
    nobodys = {
        "archive": "by archives",
        "delivery_keys": "by deliveries",
        "access_rules": "the operator's",
        "limits": "the operator's",
        "pictures": "of contacts, kept once for all",
    }
    owned = {table.name for table in owned_tables()}
    unknown = set(metadata.tables) - owned - set(nobodys)
    assert {name for name in unknown if "owner" in metadata.tables[name].c} == set()
    assert {
        "accounts",
        "rooms",
        "archives",
        "subscriptions",
        "registrations",
        "contacts",
        "deliveries",
    } <= owned


async def fill(stores: Stores, owner: str) -> None:
    await stores.accounts.save(StoredAccount("irc", owner, "libera", "nick"))
    await stores.accounts.save_settings("irc", owner, "libera", {"pass": "hunter2", "nick": "x"}, {"pass"})
    stores.rooms.save(StoredRoom("irc", owner, "libera", "#a", "#a", "nick", password="open sesame"))
    stores.rooms.resource_joined("irc", owner, "libera", "#a", JoinedResource(f"{owner}/x", "#a", "nick"))
    stores.subscriptions.post_save(StoredSubscription("irc", owner, "libera", SubscriptionState.FROM))
    for number in range(3):
        stores.archive.append(
            "irc", owner, "libera", "#a", f"s{number}", "carol", "chat", f"text {number}", 1.0 + number
        )
    await stores.access.save_registration(StoredRegistration("irc", owner))


async def test_a_user_sees_all_rows_but_no_secret_and_nothing_of_others(database, secrets, clock):
    stores = Stores.of(database, secrets, clock)
    await fill(stores, ALICE)
    await fill(stores, BOB)
    rows = await stores.owned.read(Owner("irc", ALICE))
    assert {name for name, found in rows.items() if found} == {
        "accounts",
        "account_settings",
        "rooms",
        "joined_resources",
        "archives",
        "subscriptions",
        "registrations",
    }
    shown = repr(rows)
    assert BOB not in shown
    assert "v1." not in shown, "sealed secrets stay where they are"
    messages = await stores.owned.messages(Owner("irc", ALICE), 0, 2)
    assert [message["body"] for _, message in messages] == ["text 0", "text 1"]
    rest = await stores.owned.messages(Owner("irc", ALICE), messages[-1][0], 2)
    assert [message["body"] for _, message in rest] == ["text 2"]


async def test_erasing_takes_all_rows_of_one_user_and_what_comes_later_is_found_again(
    database, secrets, clock
):
    stores = Stores.of(database, secrets, clock)
    await fill(stores, ALICE)
    await fill(stores, BOB)
    owned = OwnedRows(database)
    assert await owned.erase(Owner("irc", ALICE)) >= 9
    stores.archive.forgotten("irc", ALICE)
    assert not any((await owned.read(Owner("irc", ALICE))).values())
    assert await owned.messages(Owner("irc", ALICE), 0, 10) == []
    assert len(await owned.messages(Owner("irc", BOB), 0, 10)) == 3
    stores.archive.append("irc", ALICE, "libera", "#a", "s9", "carol", "chat", "new", 9.0)
    await database.flush()
    assert len(await owned.messages(Owner("irc", ALICE), 0, 10)) == 1
    assert len(await database.read(select(metadata.tables["archive"]))) == 4
