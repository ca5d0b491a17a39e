"""What is remembered of contacts, and within which bounds."""

from gateway.contacts.known import AWAY, PEOPLE_LIMIT, STATUS_LIMIT, KnownContacts, standing
from gateway.contacts.service import bounded
from gateway.model import Availability, Contact, Picture

ME = ("alice@x", "net")
HERE = standing(Availability.AVAILABLE, "")


def test_only_changes_are_news() -> None:
    known = KnownContacts()
    assert not known.stand(*ME, "carol", AWAY)
    assert known.stand(*ME, "carol", HERE)
    assert not known.stand(*ME, "carol", standing(Availability.AVAILABLE, ""))
    assert known.stand(*ME, "carol", standing(Availability.AVAILABLE, "at home"))
    assert known.describe(*ME, "carol", Contact("carol", "Carol"))
    assert not known.describe(*ME, "carol", Contact("carol", "Carol"))


def test_one_users_contacts_are_not_anothers() -> None:
    known = KnownContacts()
    known.stand(*ME, "carol", HERE)
    assert known.standing("bob@x", "net", "carol") is AWAY
    assert known.standing("alice@x", "other", "carol") is AWAY
    assert known.contact("bob@x", "net", "carol") is None


def test_a_lost_session_takes_presence_but_not_names() -> None:
    known = KnownContacts()
    known.describe(*ME, "carol", Contact("carol", "Carol"))
    for name in ("carol", "dave"):
        known.stand(*ME, name, HERE)
    assert sorted(known.gone(*ME)) == ["carol", "dave"]
    assert known.gone(*ME) == []
    assert known.standing(*ME, "carol") is AWAY
    assert [each.display_name for each in known.described(*ME)] == ["Carol"]


def test_who_leaves_is_forgotten() -> None:
    known = KnownContacts()
    known.describe(*ME, "carol", Contact("carol", "Carol"))
    known.describe("bob@x", "net", "carol", Contact("carol", "Carol"))
    known.forget("alice@x")
    assert list(known.described(*ME)) == []
    assert list(known.described("bob@x", "net")) != []


def test_a_network_cannot_fill_the_memory() -> None:
    known = KnownContacts()
    for number in range(PEOPLE_LIMIT + 10):
        known.stand(*ME, str(number), HERE)
    assert known.standing(*ME, str(PEOPLE_LIMIT + 5)) is AWAY
    assert len(standing(Availability.AWAY, "x" * 10_000).status) == STATUS_LIMIT
    kept = bounded(Contact("c", "n" * 10_000, Picture(b"x" * 100_000), "a" * 10_000))
    assert (len(kept.display_name), len(kept.about), kept.picture) == (200, 2000, None)
    assert bounded(Contact("c", picture=Picture(b"x", "text/html"))).picture is None
    assert bounded(Contact("c", picture=Picture(b""))).picture is None
