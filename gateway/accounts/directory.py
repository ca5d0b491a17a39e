"""All accounts of one bridge: who has one, and how many there may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gateway.accounts.account import Account
from gateway.accounts.context import AccountContext
from gateway.model import Condition, Refused
from gateway.rooms.habits import USUAL
from gateway.texts import Text

_STAYING = replace(USUAL, persistent=True)  # until the user's settings are read


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Counts. ``history`` is the number of messages a room remembers in memory."""

    total: int = 10_000
    per_user: int = 20
    rooms_per_account: int = 200
    history: int = 100


@dataclass(frozen=True, slots=True)
class Resting:
    """A room that its user stays in, of an account that is stopped."""

    name: str
    password: str = field(default="", repr=False)


class TooMany(Exception):
    """A limit is reached; carries the refusal for the user."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


class Accounts:
    """Accounts by (owner, network). An account exists as long as it wants something."""

    def __init__(self, context: AccountContext, limits: AccountLimits) -> None:
        self._context = context
        self._limits = limits
        self._by_owner: dict[str, tuple[Account, ...]] = {}  # most have one
        self._count = 0
        self._resting: dict[tuple[str, str], Sequence[Resting]] = {}

    def __iter__(self) -> Iterator[Account]:
        for accounts in list(self._by_owner.values()):
            yield from accounts

    def __len__(self) -> int:
        return self._count

    def limit(self, limits: AccountLimits) -> None:
        """Other limits from now on; who is above them stays."""
        self._limits = limits

    def of(self, owner: str) -> list[Account]:
        return list(self._by_owner.get(owner, ()))

    def find(self, owner: str, network: str) -> Account | None:
        for account in self._by_owner.get(owner, ()):
            if account.network == network:
                return account
        return None

    def open(self, owner: str, network: str, nick: str) -> Account:
        """The account of a user on a network, made if it is the first time. Raises ``TooMany``. ``start`` it once it wants
        something."""
        account = self.find(owner, network)
        if account is not None:
            return account
        mine = len(self._by_owner.get(owner, ()))
        if mine >= self._limits.per_user:
            raise TooMany(
                Refused(
                    Condition.RESOURCE_CONSTRAINT,
                    Text(
                        "You are connected to {number} networks, the most that this gateway allows; leave the rooms of "
                        "one first.",
                        number=mine,
                    ),
                )
            )
        if self._count >= self._limits.total:
            raise TooMany(
                Refused(
                    Condition.RESOURCE_CONSTRAINT,
                    Text("This gateway has as many users connected as it can carry; try again later."),
                )
            )
        return Account(owner, network, nick, self._context, history_limit=self._limits.history)

    def check_rooms(self, account: Account) -> None:
        """Raises ``TooMany`` when the account may not want one more room."""
        if len(account.rooms) >= self._limits.rooms_per_account:
            text = Text(
                "You are in {number} rooms of {network}, the most that this gateway allows.",
                number=len(account.rooms),
                network=account.network,
            )
            raise TooMany(Refused(Condition.RESOURCE_CONSTRAINT, text))

    def start(self, account: Account) -> None:
        """Keep the account up from now on (a no-op if it is already)."""
        if self.find(account.owner, account.network) is account:
            return
        for resting in self._resting.pop((account.owner, account.network), ()):
            if account.room(resting.name) is None:
                account.want(resting.name, account.wanted_nick, resting.password).habits = _STAYING
        others = (each for each in self.of(account.owner) if each.network != account.network)
        self._by_owner[account.owner] = (*others, account)
        self._count += 1
        self._context.spawn(self._keep(account))

    def rest(self, owner: str, network: str, rooms: Sequence[Resting]) -> None:
        """An account is stopped, with rooms that are to be entered again as soon as its user wants any."""
        if rooms:
            self._resting[owner, network] = rooms

    def forget(self, owner: str) -> None:
        """The user wants nothing to be kept."""
        for key in [key for key in self._resting if key[0] == owner]:
            del self._resting[key]

    async def _keep(self, account: Account) -> None:
        try:
            await account.run()
        finally:
            others = tuple(each for each in self.of(account.owner) if each.network != account.network)
            if others:
                self._by_owner[account.owner] = others
            else:
                del self._by_owner[account.owner]
            self._count -= 1
            rooms = [Resting(room.address.name, room.password) for room in account.resting]
            self.rest(account.owner, account.network, rooms)
