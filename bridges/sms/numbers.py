"""Our numbers: which there are, whose they are, and from which one somebody is written to.

Owns the table of assignments that are not in the configuration (registered, given by an admin, of users' own accounts), and
holds all of it in memory. Who a message that comes is for, in teams and pools, is ``receiving``'s to decide by what this
room says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Column, Float, Index, Table, Text, delete, insert, select

from bridges.sms.addresses import region_of
from bridges.sms.schema import METADATA
from bridges.sms.settings import OWN_ROUTE, Mode, NumberSettings, WaySettings
from gateway.bridge import Services

_TABLE = Table(
    "sms_assignments",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("route", Text, nullable=False),  # the user's own one; empty: those of the configuration
    Column("created", Float, nullable=False),
    Index("sms_assignments_by_number", "bridge", "number"),
)


class Kind(StrEnum):
    """How somebody came to have a number."""

    CONFIGURED = "configured"
    ASSIGNED = "assigned"  # by an admin
    REGISTERED = "registered"  # by registering
    OWN = "own"  # with the user's own account at a provider


class NotFree(Exception):
    """A number that this user cannot have; the argument is one sentence."""


@dataclass(frozen=True, slots=True)
class OurNumber:
    """A number of ours as it is now. ``members`` are users (``Account.user``), in a pool those who may use it (none:
    everybody who is registered)."""

    number: str
    mode: Mode
    routes: tuple[str, ...]
    members: tuple[str, ...] = ()
    inbox: str = ""
    destinations: tuple[str, ...] = ()
    name: str = ""

    @property
    def region(self) -> str:
        return region_of(self.number)


@dataclass(frozen=True, slots=True)
class Assignment:
    owner: str
    number: str
    kind: Kind
    route: str = ""
    created: float = 0.0


class Numbers:
    """``users`` are everywhere ``Account.user``, which are XMPP addresses as the configuration has them."""

    def __init__(self, configured: Sequence[NumberSettings], services: Services) -> None:
        self._services = services
        self._configured = {each.number: each for each in configured}
        self._assigned: dict[str, dict[str, Assignment]] = {}  # by number, then owner
        self._whole: dict[str, OurNumber] = {}  # put together, until an assignment changes
        self._mine: dict[str, Sequence[OurNumber]] = {}  # the same by owner

    async def restore(self) -> None:
        """Read the table. Raises ``NotStored``."""
        here = _TABLE.c.bridge == self._services.name
        for row in await self._services.tables.read(select(_TABLE).where(here).order_by(_TABLE.c.created)):
            self._keep(Assignment(row.owner, row.number, Kind(row.kind), row.route, row.created))

    # -- asking ------------------------------------------------------------------------------------------------

    def find(self, number: str) -> OurNumber | None:
        """A number as a provider names it (with or without its plus)."""
        known = self._number(number)
        if known is None and number.isdigit():
            known = self._number(f"+{number}")
        return known

    def at(self, number: str, route: str) -> OurNumber | None:
        """The same for what came over a route. A user's own account brings what is for its own number, and nobody else
        brings that: its user can make it say anything, of any number, and can claim to have any number."""
        known = self.find(number)
        if known is None or route in known.routes:
            return known
        own = route.startswith(OWN_ROUTE) or known.routes[0].startswith(OWN_ROUTE)
        return None if own else known

    def _number(self, number: str) -> OurNumber | None:
        known = self._whole.get(number) or self._put_together(number)
        if known is not None:
            self._whole[number] = known
        return known

    def _put_together(self, number: str) -> OurNumber | None:
        settings, assigned = self._configured.get(number), self._assigned.get(number, {})
        if settings is None:
            # Of a user's own account at a provider; those of the configuration that are gone are nobody's.
            own = [each for each in assigned.values() if each.kind is Kind.OWN]
            if not own:
                return None
            return OurNumber(number, Mode.PERSONAL, (own[0].route,), (own[0].owner,))
        # Whoever had it by an account of their own before it was configured has it no more.
        given = [owner for owner, each in assigned.items() if each.kind is not Kind.OWN]
        members = dict.fromkeys((*settings.users, *given))
        return OurNumber(
            number,
            settings.mode,
            settings.routes,
            tuple(members),
            settings.inbox,
            settings.destinations,
            settings.name,
        )

    def all(self) -> list[OurNumber]:
        numbers = (self._number(each) for each in dict.fromkeys((*self._configured, *self._assigned)))
        return [each for each in numbers if each is not None]

    def of(self, owner: str) -> list[OurNumber]:
        """Those that a user can write from: own ones first, then teams', then pools'."""
        known = self._mine.get(owner)
        if known is None:
            order = list(Mode)
            mine = [each for each in self.all() if self._may(owner, each)]
            known = self._mine[owner] = sorted(mine, key=lambda each: order.index(each.mode))
        return list(known)

    def _may(self, owner: str, number: OurNumber) -> bool:
        return owner in number.members or (number.mode is Mode.POOL and not number.members)

    def may(self, owner: str, number: str) -> bool:
        known = self.find(number)
        return known is not None and self._may(owner, known)

    def senders(self, owner: str, recipient: str, preferred: str = "") -> list[OurNumber]:
        """Those that a user can write to ``recipient`` from, the best first: what the operator has for that destination (the
        longest prefix), then what the user prefers, then one of the same country, then the rest in order."""
        region = region_of(recipient)

        def rank(each: OurNumber) -> tuple[int, bool, bool]:
            return (
                -fit(each.destinations, recipient, region),
                each.number != preferred,
                not (region and each.region == region),
            )

        return sorted(self.of(owner), key=rank)

    def free(self) -> list[OurNumber]:
        """Personal numbers that nobody has."""
        return [each for each in self.all() if each.mode is Mode.PERSONAL and not each.members]

    def assignments(self, owner: str) -> list[Assignment]:
        return [each for by_owner in self._assigned.values() if (each := by_owner.get(owner)) is not None]

    def owner_of(self, route: str) -> str:
        """Whose own account a route is; empty for those of the configuration."""
        assigned = (each for by_owner in self._assigned.values() for each in by_owner.values())
        return next((each.owner for each in assigned if each.kind is Kind.OWN and each.route == route), "")

    # -- giving ------------------------------------------------------------------------------------------------

    async def assign(self, owner: str, number: str, kind: Kind, route: str = "") -> None:
        """Give a user a number. Raises ``NotFree`` and ``NotStored``."""
        known = self._number(number)
        if known is not None and owner in known.members:
            return
        if known is None and kind is not Kind.OWN:
            raise NotFree(f"{number} is no number of this gateway.")
        if known is not None and kind is Kind.OWN:
            raise NotFree(f"{number} is in use at this gateway already.")
        if known is not None and known.mode is Mode.PERSONAL and known.members:
            raise NotFree(f"{number} is somebody else's.")
        assignment = Assignment(owner, number, kind, route, self._services.clock.now())
        row = {
            "bridge": self._services.name,
            "owner": owner,
            "number": number,
            "kind": kind,
            "route": route,
            "created": assignment.created,
        }
        self._keep(assignment)  # in memory first: two users who want the same number do so in one commit
        try:
            await self._services.tables.write((insert(_TABLE), row))
        except BaseException:
            self._drop(owner, number)
            raise

    async def release(self, owner: str, number: str) -> bool:
        """Take a number away from a user; whether it was theirs by more than the configuration. Raises ``NotStored``."""
        if owner not in self._assigned.get(number, {}):
            return False
        here = (
            (_TABLE.c.bridge == self._services.name) & (_TABLE.c.owner == owner) & (_TABLE.c.number == number)
        )
        await self._services.tables.write((delete(_TABLE).where(here), None))
        self._drop(owner, number)
        return True

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        for number in [each.number for each in self.assignments(owner)]:
            self._drop(owner, number)

    def _keep(self, assignment: Assignment) -> None:
        self._assigned.setdefault(assignment.number, {})[assignment.owner] = assignment
        self._changed()

    def _drop(self, owner: str, number: str) -> None:
        by_owner = self._assigned.get(number, {})
        by_owner.pop(owner, None)
        if not by_owner:
            self._assigned.pop(number, None)
        self._changed()

    def _changed(self) -> None:
        self._whole.clear()
        self._mine.clear()


def ordered(ways: Sequence[WaySettings], routes: Sequence[str], recipient: str) -> tuple[str, ...]:
    """The routes of a number in the order in which they are to be asked for a recipient."""
    if not ways:
        return tuple(routes)
    region = region_of(recipient)
    best = max(ways, key=lambda way: fit((way.destination,), recipient, region))
    if not fit((best.destination,), recipient, region):
        return tuple(routes)
    first = [each for each in best.routes if each in routes]
    # Where none of them is the number's, the number's own are better than nothing.
    return tuple(first if best.only and first else dict.fromkeys((*first, *routes)))


def fit(destinations: Iterable[str], recipient: str, region: str) -> int:
    """How well a recipient fits destinations: 0 not at all, else the more the longer the prefix."""
    best = 0
    for each in destinations:
        if each.startswith("+"):
            if recipient.startswith(each):
                best = max(best, len(each))
        elif each == region:
            best = max(best, 2)
    return best
