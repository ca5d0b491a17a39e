"""Users' own accounts at providers: their numbers are theirs alone, and texts go over their accounts, at their expense.

Only presets that the operator allows, with the addresses that stand in them: nobody makes the gateway connect to anywhere
else. Credentials are kept encrypted, in the user's part of ``Services.memory``; nobody is shown them again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import structlog
from pydantic import SecretStr, ValidationError

from bridges.sms import addresses
from bridges.sms.addresses import HOME, Place
from bridges.sms.config import RouteSettings, SmsSettings
from bridges.sms.http import library
from bridges.sms.http.settings import HttpRoute
from bridges.sms.numbers import Kind, NotFree, Numbers
from bridges.sms.privacy import shown
from bridges.sms.routes import Routes
from bridges.sms.settings import OWN_ROUTE
from bridges.sms.traffic import Route, Seen
from gateway.bridge import Services
from gateway.model import Field, FieldKind

_log = structlog.get_logger(__name__)

#: Values of presets whose names end so say where an API is. Users cannot: we would connect to anything for them.
_BASE = "base"
_VALUE, _SECRET = "value-", "secret-"
_NUMBER = "number"
_EACH = 5  # numbers of one user
_MOST = 2000  # characters of one value


class NotUsable(Exception):
    """An account that cannot be used; the argument is for whose it is."""


class OwnAccounts:
    """``build`` makes routes; all that reads or writes raises ``NotStored``."""

    def __init__(
        self,
        settings: SmsSettings,
        services: Services,
        numbers: Numbers,
        routes: Routes,
        build: Callable[[str, RouteSettings], Route],
        place: Place,
    ) -> None:
        self._presets = settings.own_accounts
        self._services = services
        self._numbers = numbers
        self._routes = routes
        self._build = build
        self._place = place

    @property
    def presets(self) -> Mapping[str, str]:
        """What users may bring, with the names that people know."""
        return {name: library.preset(name).title for name in self._presets}

    def fields(self, preset: str) -> Sequence[Field]:
        """What is asked for, of an account of that kind."""
        if preset not in self._presets:
            raise NotUsable("This gateway takes no accounts of that provider.")
        found = library.preset(preset)
        return [
            Field(_NUMBER, "Your number there", help="Like +15551234567.", required=True),
            *(
                Field(f"{_VALUE}{name}", _sentence(each.about), required=each.default is None)
                for name, each in found.values.items()
                if not name.endswith(_BASE)
            ),
            *(
                Field(
                    f"{_SECRET}{name}", _sentence(each.about), FieldKind.SECRET, required=each.default is None
                )
                for name, each in found.secrets.items()
            ),
        ]

    # -- having them -------------------------------------------------------------------------------------------

    async def restore(self) -> None:
        """Begin those that were attached before."""
        for number in self._numbers.all():
            for owner in number.members:
                for each in self._numbers.assignments(owner):
                    if each.kind is Kind.OWN and each.number == number.number:
                        await self._again(owner, each.number, each.route)

    async def _again(self, owner: str, number: str, route: str) -> None:
        kept = (await self._services.memory.recall(owner, HOME)).get(_name(number))
        if kept is None:
            _log.error("an account of a user's own is not there any more", route=route, number=shown(number))
            return
        read = json.loads(kept)
        try:
            settings = self._settings(read["preset"], read["values"])
        except NotUsable as error:
            _log.error("an account of a user's own cannot be used any more", route=route, reason=str(error))
            return
        self._routes.add(self._build(route, settings))

    async def attach(self, owner: str, preset: str, filled: Mapping[str, str]) -> Route:
        """Try an account, and use it from now on. Raises ``NotUsable``, ``BadAddress`` and ``NotFree``."""
        number = addresses.party(filled.get(_NUMBER, "").strip(), self._place)
        if not addresses.is_number(number):
            raise NotUsable("Write your number like +15551234567.")
        if sum(each.kind is Kind.OWN for each in self._numbers.assignments(owner)) >= _EACH:
            raise NotUsable(f"You have {_EACH} numbers of your own here; give one up first.")
        values = {name: each.strip() for name, each in filled.items() if name != _NUMBER and each.strip()}
        if any(len(each) > _MOST for each in values.values()):
            raise NotUsable("One of these is longer than it can be.")
        settings = self._settings(preset, values)
        name = route_of(owner, number)
        if self._numbers.find(number) is not None:
            raise NotFree(f"{number} is in use at this gateway already.")
        route = self._build(name, settings)
        trouble = await route.trial()
        if trouble:
            raise NotUsable(f"{'. '.join(trouble)}.")
        kept = json.dumps({"preset": preset, "values": values})
        await self._services.memory.remember(owner, HOME, _name(number), kept, secret=True)
        await self._numbers.assign(owner, number, Kind.OWN, name)
        self._routes.add(route)
        return route

    async def detach(self, owner: str, number: str) -> bool:
        """Give an account up; whether there was one."""
        mine = [each for each in self._numbers.assignments(owner) if each.number == number]
        if not mine or mine[0].kind is not Kind.OWN:
            return False
        # The credentials first: whoever fails in between can give it up again.
        await self._services.memory.forget(owner, HOME, _name(number))
        await self._numbers.release(owner, number)
        self._routes.remove(mine[0].route)
        return True

    def forget(self, owner: str) -> None:
        """The user's rows are erased; before ``Numbers`` forgets them."""
        for each in self._numbers.assignments(owner):
            if each.kind is Kind.OWN:
                self._routes.remove(each.route)

    def seen(self, owner: str) -> list[tuple[str, Seen]]:
        """The user's numbers with accounts of their own, and how those are."""
        found = []
        for each in self._numbers.assignments(owner):
            route = self._routes.find(each.route) if each.kind is Kind.OWN else None
            if route is not None:
                found.append((each.number, route.seen()))
        return found

    def _settings(self, preset: str, filled: Mapping[str, str]) -> RouteSettings:
        if preset not in self._presets:
            raise NotUsable("This gateway takes no accounts of that provider.")
        values = {
            name.removeprefix(_VALUE): each
            for name, each in filled.items()
            if name.startswith(_VALUE) and not name.endswith(_BASE)
        }
        secrets = {
            name.removeprefix(_SECRET): each for name, each in filled.items() if name.startswith(_SECRET)
        }
        try:
            return HttpRoute(
                kind="http",
                preset=preset,
                values=values,
                secrets={name: SecretStr(each) for name, each in secrets.items()},
            )
        except ValidationError as error:
            said = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
            raise NotUsable(f"{said[:300]}.") from None


def route_of(owner: str, number: str) -> str:
    """The name of the route of a user's own account: says nothing of whose it is."""
    return f"{OWN_ROUTE}{sha256(f'{owner} {number}'.encode()).hexdigest()[:16]}"


def _name(number: str) -> str:
    return f"own account {number}"


def _sentence(about: str) -> str:
    return about[:1].upper() + about[1:]
