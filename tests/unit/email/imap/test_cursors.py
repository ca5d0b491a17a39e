"""How far a mailbox was read, and where in it mails lie."""

from bridges.email.imap.watch import Cursor, Cursors
from gateway.storage.bridge_tables import BridgeTables


async def test_a_cursor_is_one_for_each_user_and_moves(tables: BridgeTables) -> None:
    cursors = Cursors(tables, "mail")
    assert await cursors.of("alice") is None
    await cursors.save("alice", Cursor(7, 1))
    await cursors.save("bob", Cursor(8, 2))
    await cursors.save("alice", Cursor(4_000_000_000, 3_999_999_999))
    assert await cursors.of("alice") == Cursor(4_000_000_000, 3_999_999_999)
    assert await Cursors(tables, "other").of("alice") is None


async def test_places_are_known_until_they_are_old(tables: BridgeTables) -> None:
    cursors = Cursors(tables, "mail")
    await tables.write(
        cursors.placing("alice", "m1", Cursor(7, 1)), cursors.placing("alice", "m2", Cursor(7, 2))
    )
    await tables.write(cursors.placing("alice", "m1", Cursor(9, 5)))
    assert await cursors.place("alice", "m1") == Cursor(9, 5)
    assert await cursors.place("bob", "m1") is None
    await cursors.forget_places("alice", 3)
    assert await cursors.place("alice", "m2") is None
    assert await cursors.place("alice", "m1") == Cursor(9, 5)
