"""What is known of every user's contacts: who they are, and whether they are there.

One small record per (user, network, contact), made when there is something to remember. Names are folded by whoever asks;
nothing here knows a stanza or a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.model import Availability, Contact


@dataclass(frozen=True, slots=True)
class Standing:
    """How reachable somebody is, with their words for it."""

    availability: Availability = Availability.UNAVAILABLE
    status: str = ""


AWAY = Standing()

#: Of most people there is nothing to say but this, so they share it.
_PLAIN = {each: Standing(each) for each in Availability}
_PLAIN[Availability.UNAVAILABLE] = AWAY

#: A network is not to fill the memory with what people say of themselves, nor with people.
STATUS_LIMIT = 1000
PEOPLE_LIMIT = 50_000  # of one account


def standing(availability: Availability, status: str) -> Standing:
    """A ``Standing`` with as much of ``status`` as is kept."""
    if not status:
        return _PLAIN[availability]
    # A ``Text`` that fits stays one.
    return Standing(availability, status if len(status) <= STATUS_LIMIT else status[:STATUS_LIMIT])


class Person:
    """Mutable, owned by ``KnownContacts``."""

    __slots__ = ("contact", "standing")

    def __init__(self) -> None:
        self.contact: Contact | None = None
        self.standing = AWAY


class KnownContacts:
    """People by account (owner and network) and folded name."""

    __slots__ = ("_accounts",)

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], dict[str, Person]] = {}

    def contact(self, owner: str, network: str, key: str) -> Contact | None:
        person = self._accounts.get((owner, network), {}).get(key)
        return person.contact if person is not None else None

    def standing(self, owner: str, network: str, key: str) -> Standing:
        person = self._accounts.get((owner, network), {}).get(key)
        return person.standing if person is not None else AWAY

    def described(self, owner: str, network: str) -> Iterator[Contact]:
        """Everybody of an account of whom more is known than a presence."""
        people = self._accounts.get((owner, network), {})
        return (person.contact for person in people.values() if person.contact is not None)

    def describe(self, owner: str, network: str, key: str, contact: Contact) -> bool:
        """Remember; True if it is news."""
        person = self._person(owner, network, key)
        if person is None or person.contact == contact:
            return False
        person.contact = contact
        return True

    def stand(self, owner: str, network: str, key: str, now: Standing) -> bool:
        """Remember; True if it is news."""
        if now == AWAY and key not in self._accounts.get((owner, network), {}):
            return False
        person = self._person(owner, network, key)
        if person is None or person.standing == now:
            return False
        person.standing = now
        return True

    def gone(self, owner: str, network: str) -> list[str]:
        """The session is over, so nobody is there any more; the keys of those who were."""
        people = self._accounts.get((owner, network), {})
        there = [key for key, person in people.items() if person.standing is not AWAY]
        for key in there:
            if people[key].contact is None:
                del people[key]
            else:
                people[key].standing = AWAY
        return there

    def forget(self, owner: str) -> None:
        """All accounts of a user are no more."""
        for place in [place for place in self._accounts if place[0] == owner]:
            del self._accounts[place]

    def _person(self, owner: str, network: str, key: str) -> Person | None:
        """The record, made if there is room for one more."""
        people = self._accounts.setdefault((owner, network), {})
        person = people.get(key)
        if person is None and len(people) < PEOPLE_LIMIT:
            person = people[key] = Person()
        return person
