"""The contact store: who everybody is, with their pictures, on both databases."""

from sqlalchemy import func, select

from gateway.model import Contact, Picture
from gateway.storage.contacts import ContactStore
from gateway.storage.database import Database
from gateway.storage.records import StoredContact
from gateway.storage.schema import contacts, pictures
from gateway.storage.statements import delete_by

PLACE = ("irc", "alice@localhost", "net")
FACE = Picture(b"\x00\xff face", "image/gif")
CAROL = StoredContact(*PLACE, Contact("carol", "Carol 🙂", FACE, "likes tea\nand cake", listed=True))
DAVE = StoredContact(*PLACE, Contact("dave", picture=Picture(FACE.data, FACE.media_type)))


async def test_contacts_come_back_and_equal_pictures_are_kept_once(database: Database) -> None:
    store = ContactStore(database)
    for each in (CAROL, DAVE, StoredContact("other", *PLACE[1:], Contact("eve"))):
        assert store.post_save(each)
    await database.flush()
    found = await store.all("irc")
    assert found == [CAROL, DAVE]
    assert found[0].contact.picture is found[1].contact.picture
    assert (await database.read(select(func.count()).select_from(pictures)))[0][0] == 1


async def test_the_newest_description_counts_and_old_pictures_go(database: Database) -> None:
    store = ContactStore(database)
    store.post_save(CAROL)
    newer = StoredContact(*PLACE, Contact("carol", "Caroline", Picture(b"new")))
    store.post_save(newer)
    await database.flush()
    await store.tidy()
    assert await store.all("irc") == [newer]
    assert [row.data for row in await database.read(select(pictures))] == [b"new"]
    await database.write(delete_by(contacts, ("owner",)), {"owner": PLACE[1]})
    await store.tidy()
    assert await database.read(select(pictures)) == []
