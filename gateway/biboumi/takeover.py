"""Writes down here what biboumi's database holds. May be done again: what is here already stays as it is.

Users are biboumi's owners, bare JIDs; names of servers and channels go through the bridge, whose rules decide what they are.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.accounts.preferences import Preferences
from gateway.biboumi import settings
from gateway.biboumi.tables import Everything, Line, Options, Tables
from gateway.bridge import BadAddress, Bridge
from gateway.model import Address, AddressKind, Field, MessageKind
from gateway.storage.database import Database
from gateway.storage.records import StoredAccount, StoredRoom, StoredSubscription, SubscriptionState
from gateway.storage.stores import Stores
from gateway.xmpp.stanza import parse_jid

_TOGETHER = 200  # messages of one archive
_ACTION = "/me "


class Progress(Protocol):
    def __call__(self, what: str, done: int, total: int) -> None: ...


@dataclass(slots=True)
class Report:
    """What became of everything: counts by what it is, in words."""

    taken: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)  # before
    left: Counter[str] = field(default_factory=Counter)


class Takeover:
    """Into the bridge called ``name``, whose component is ``jid``."""

    def __init__(
        self,
        name: str,
        jid: str,
        bridge: Bridge,
        stores: Stores,
        database: Database,
        preferences: Preferences,
        now: float,
        progress: Progress,
    ) -> None:
        self._name = name
        self._jid = jid
        self._bridge = bridge
        self._stores = stores
        self._database = database
        self._preferences = preferences
        self._now = now
        self._progress = progress
        self.report = Report()

    async def run(self, tables: Tables) -> Report:
        """Raises ``StorageError`` and ``CannotRead``; what was written until then stays, and the next time goes on."""
        everything = await tables.everything()
        await self._options(everything)
        await self._roster(everything)
        await self._archive(tables, everything.lines)
        await self._database.flush()
        return self.report

    # settings

    async def _options(self, everything: Everything) -> None:
        total = len(everything.common) + len(everything.servers) + len(everything.channels)
        done = 0
        nicks: dict[tuple[str, str], str] = {}
        for kind, rows in (
            (self._common, everything.common),
            (self._network, everything.servers),
            (self._room, everything.channels),
        ):
            for row in rows:
                owner = _bare(row.get("owner"))
                if owner:
                    await kind(owner, row, nicks)
                else:
                    self.report.left["settings of nobody"] += 1
                done += 1
                self._progress("settings", done, total)

    async def _common(self, owner: str, row: Options, nicks: object) -> None:
        there = await self._preferences.common(owner)
        fields = await self._preferences.gateway_fields(owner)

        async def write(values: settings.Values) -> None:
            await self._preferences.set_gateway(owner, values)

        await self._set("users' settings for everything", there, fields, settings.common(row), write)

    async def _network(self, owner: str, row: Options, nicks: dict[tuple[str, str], str]) -> None:
        address = self._address(AddressKind.NETWORK, row.get("server"), "")
        if address is None:
            return
        values, left = settings.network(row)
        self.report.left.update(left)
        nick = "".join(values.get("nick", ()))
        if nick:
            nicks[owner, address.network] = nick
        there = await self._stores.accounts.settings(self._name, owner, address.network)
        fields = await self._preferences.network_fields(owner, address.network)

        async def write(values: settings.Values) -> None:
            await self._preferences.set_network(owner, address.network, values)

        await self._set("users' settings for a network", there, fields, values, write)

    async def _room(self, owner: str, row: Options, nicks: Mapping[tuple[str, str], str]) -> None:
        address = self._address(AddressKind.ROOM, row.get("server"), row.get("channel"))
        if address is None:
            return
        values = settings.room(row)
        there = await self._preferences.of_room(owner, address.network, address.name)
        fields = await self._preferences.room_fields(owner, address.network, address.name)

        async def write(values: settings.Values) -> None:
            await self._preferences.set_room(owner, address.network, address.name, values)

        await self._set("users' settings for a channel", there, fields, values, write)
        if "persistent" in values:
            await self._stay(owner, address, nicks.get((owner, address.network), ""))

    async def _set(
        self,
        what: str,
        there: Mapping[str, str],
        fields: Sequence[Field],
        values: settings.Values,
        write: Callable[[settings.Values], Awaitable[None]],
    ) -> None:
        if there:
            self.report.there[what] += 1
            return
        for name in values.keys() - {each.name for each in fields}:
            self.report.left[f"the setting {name}, which users cannot set here"] += 1
        # A form replaces everything, so what biboumi says nothing about stays what holds otherwise.
        filled = {each.name: each.default.split("\n") if each.default else [] for each in fields} | values
        try:
            await write(filled)
        except BadAddress as error:
            self.report.left[f"{what}: {error}"] += 1
        else:
            self.report.taken[what] += 1

    async def _stay(self, owner: str, address: Address, nick: str) -> None:
        """A persistent channel is entered again, where it is known under which nick."""
        key = self._bridge.fold(address.name)
        if not nick:
            self.report.left[
                "persistent channels of users without a nick for the network: joined once, they stay"
            ] += 1
            return
        homes = await self._stores.rooms.all(self._name)
        account = (self._name, owner, address.network)
        if any(home.room.key == key for home in homes.get(account, ())):
            self.report.there["persistent channels"] += 1
            return
        await self._stores.accounts.save(StoredAccount(*account, nick, created=self._now))
        self._stores.rooms.save(StoredRoom(*account, key, address.name, nick, persistent=True))
        await self._database.flush()
        self.report.taken["persistent channels"] += 1

    # presence

    async def _roster(self, everything: Everything) -> None:
        known = {
            (each.owner, each.contact_local) for each in await self._stores.subscriptions.all(self._name)
        }
        for ours, user in everything.roster:
            owner, contact = _bare(user), parse_jid(ours)
            if not owner or contact.domain != self._jid:
                self.report.left[f"subscriptions to addresses that do not end in {self._jid}"] += 1
            elif (owner, contact.local) in known:
                self.report.there["subscriptions"] += 1
            else:
                stored = StoredSubscription(self._name, owner, contact.local, SubscriptionState.FROM)
                await self._stores.subscriptions.save(stored)
                self.report.taken["subscriptions"] += 1

    # the archive

    async def _archive(self, tables: Tables, total: int) -> None:
        done = 0
        together: list[Line] = []
        async for line in tables.archive():
            if together and (len(together) == _TOGETHER or _place(line) != _place(together[0])):
                await self._keep(together)
                together = []
            together.append(line)
            done += 1
            if done % _TOGETHER == 0:
                self._progress("archive", done, total)
        if together:
            await self._keep(together)
        self._progress("archive", total, total)

    async def _keep(self, lines: list[Line]) -> None:
        """Lines of one archive."""
        owner = _bare(lines[0].owner)
        address = self._address(AddressKind.ROOM, lines[0].server, lines[0].channel, times=len(lines))
        if address is None:
            return
        if not owner:
            self.report.left["messages of nobody"] += len(lines)
            return
        place = (self._name, owner, address.network, self._bridge.fold(address.name))
        known = await self._stores.archive.known(*place, [line.id for line in lines])
        for line in lines:
            if line.id in known or not line.id:
                self.report.there["messages"] += 1
                continue
            action = line.text.startswith(_ACTION)
            kind = MessageKind.ACTION if action else MessageKind.CHAT
            body = line.text[len(_ACTION) :] if action else line.text
            # Under biboumi's ids: clients that have read its archive go on where they were.
            kept = (*place, line.id, line.nick, kind, body, float(line.time), line.id)
            if not self._stores.archive.append(*kept):
                await self._database.flush()
                self._stores.archive.append(*kept)
            self.report.taken["messages"] += 1
        await self._database.flush()

    # names

    def _address(
        self, kind: AddressKind, server: object, channel: object, *, times: int = 1
    ) -> Address | None:
        """The bridge's own idea of it; None (and counted) if it has none."""
        wanted = Address(kind, str(server or "").lower(), str(channel or ""))
        try:
            found = self._bridge.address(self._bridge.text(wanted))
            if found.kind is kind:
                return found
            reason = f"{wanted.name or wanted.network} is no {kind} here"
        except BadAddress as error:
            reason = str(error)
        self.report.left[reason] += times
        return None


def _bare(owner: object) -> str:
    jid = parse_jid(str(owner or ""))
    return jid.bare if jid.local and jid.domain else ""


def _place(line: Line) -> tuple[str, str, str]:
    return line.owner, line.server, line.channel


def lines_of(report: Report) -> Collection[str]:
    """The report for people."""
    said = [f"taken over: {count:,} {what}" for what, count in sorted(report.taken.items())]
    said += [f"there already: {count:,} {what}" for what, count in sorted(report.there.items())]
    said += [f"left: {count:,} times {what}" for what, count in sorted(report.left.items())]
    return said or ["There was nothing to take over."]
