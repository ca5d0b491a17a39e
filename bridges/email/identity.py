"""Which addresses are whose: by the operator's template, chosen, made up, or of another provider and confirmed.

Owns the table of addresses, and holds all of it in memory: every recipient of every mail that comes is looked up. Nobody is
ever given the address of somebody else, nor one that others reasonably take for the operator's.
"""

import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Column, Delete, Float, Index, Integer, Table, Text, delete, insert, select, update

from bridges.email.addresses import Mailbox, parse
from bridges.email.config import LOCAL, EmailSettings
from bridges.email.receiving.residents import Resident
from bridges.email.schema import METADATA
from gateway.bridge import BadAddress, NotStored, Services

_TABLE = Table(
    "email_addresses",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("address", Text, primary_key=True),  # folded
    Column("owner", Text, nullable=False),
    Column("exact", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column(
        "code", Text, nullable=False
    ),  # SHA-256 of the code that was mailed; empty where none is waited for
    Column("tries", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Index("email_addresses_by_owner", "bridge", "owner"),
)


_CHOSEN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
_CODE_DIGITS, _CODE_TRIES, _CODE_SECONDS = 8, 5, 86_400.0
_ATTEMPTS = 20  # at making up an address that is free


class Kind(StrEnum):
    TEMPLATE = "template"  # made by the operator's template
    CHOSEN = "chosen"
    MADE_UP = "made-up"
    EXTERNAL = "external"  # of another provider: mail to it is theirs, but never sent from it


@dataclass(frozen=True, slots=True)
class Owned:
    """An address and whose it is. ``code``: it is not confirmed yet."""

    mailbox: Mailbox
    owner: str
    kind: Kind
    created: float
    code: str = ""
    tries: int = 0


class Taken(Exception):
    """An address that this user cannot have; the argument is one sentence."""


class Identities:
    """``person`` is everywhere ``gateway.bridge.Account.address``: how people reach the user."""

    def __init__(self, settings: EmailSettings, services: Services) -> None:
        self._settings = settings
        self._services = services
        self._known: dict[str, Owned] = {}
        self._of: dict[str, dict[str, Owned]] = {}
        self._ready = False

    def reconfigure(self, settings: EmailSettings) -> None:
        """These hold from now on; nobody loses an address."""
        self._settings = settings

    async def restore(self) -> None:
        """Read the table; until then nobody can be found. Raises ``NotStored``."""
        rows = await self._services.tables.read(
            select(_TABLE).where(_TABLE.c.bridge == self._services.name).order_by(_TABLE.c.created)
        )
        for row in rows:
            self._keep(Owned(parse(row.exact), row.owner, Kind(row.kind), row.created, row.code, row.tries))
        self._ready = True

    # -- asking ------------------------------------------------------------------------------------------------

    def find(self, mailbox: Mailbox) -> Resident | None:
        """Whose a mailbox is, with its tag. Raises ``NotStored`` before ``restore``."""
        if not self._ready:
            raise NotStored("The addresses of this gateway's users have not been read yet.")
        owned = self._confirmed(mailbox)
        if owned is not None:
            return Resident(owned.owner)
        owned = self._confirmed(mailbox.base) if mailbox.tag else None
        return Resident(owned.owner, mailbox.tag) if owned is not None else None

    def _confirmed(self, mailbox: Mailbox) -> Owned | None:
        owned = self._known.get(mailbox.folded)
        return owned if owned is not None and not owned.code else None

    def addresses(self, owner: str) -> frozenset[str]:
        """All of a user's, folded."""
        return frozenset(key for key, each in self._of.get(owner, {}).items() if not each.code)

    def of(self, owner: str) -> list[Owned]:
        """All of a user's, the first one first, with those that are not confirmed."""
        return list(self._of.get(owner, {}).values())

    @property
    def owners(self) -> Collection[str]:
        """All who have an address."""
        return self._of.keys()

    def sender(self, owner: str, wanted: str = "") -> Mailbox | None:
        """What the user's mail comes from: the address that was ``wanted`` last, else the first, in a domain of ours; None
        where there is none."""
        local = wanted.strip().lower().partition("@")[0]
        for each in sorted(self.of(owner), key=lambda each: each.mailbox.local != local):
            if each.kind is not Kind.EXTERNAL and self._settings.ours(each.mailbox):
                return each.mailbox
        return None

    # -- having ------------------------------------------------------------------------------------------------

    async def settle(self, owner: str, person: str, wanted: str) -> Mailbox:
        """See that a user has an address, the ``wanted`` one if that is not empty; the one that mail comes from. Raises
        ``Taken`` and ``NotStored``."""
        template = self.by_template(person)
        if template is not None:
            await self._give(owner, template, Kind.TEMPLATE)
        if wanted:
            await self.choose(owner, wanted)
        mine = self.sender(owner, wanted)
        return mine if mine is not None else await self._make_up(owner)

    def by_template(self, person: str) -> Mailbox | None:
        """The address that the operator's template makes for somebody, if it is about them."""
        local, _, domain = person.rpartition("@")
        if not self._settings.address_template or domain not in self._settings.local_domains:
            return None
        try:
            return parse(self._settings.address_template.replace(LOCAL, local))
        except BadAddress:
            raise Taken(f"Your name on {domain} makes no mail address: its operator has to help.") from None

    async def choose(self, owner: str, text: str) -> Mailbox:
        """Give a user the address of that name in the domain for it. Raises ``Taken`` and ``NotStored``."""
        domain = self._settings.alias_domain
        if not domain:
            raise Taken("Addresses cannot be chosen at this gateway.")
        local, _, rest = text.strip().lower().partition("@")
        if rest and rest != domain:
            raise Taken(f"Addresses at this gateway end in @{domain}.")
        if _CHOSEN.fullmatch(local) is None:
            raise Taken(
                "Choose one to forty letters a to z and digits, with dots, dashes or underscores in between."
            )
        if local in self._settings.reserved:
            raise Taken(f"{local}@{domain} is not for users; choose another.")
        mailbox = Mailbox(local, domain)
        mine = self._of.get(owner, {})
        if mailbox.folded not in mine and len(self._chosen(owner)) > self._settings.aliases_each:
            raise Taken(f"You have {len(self._chosen(owner))} addresses already; give one up first.")
        await self._give(owner, mailbox, Kind.CHOSEN)
        return mailbox

    def _chosen(self, owner: str) -> list[Owned]:
        return [each for each in self.of(owner) if each.kind in (Kind.CHOSEN, Kind.MADE_UP)]

    async def _make_up(self, owner: str) -> Mailbox:
        domain = self._settings.alias_domain
        if not domain:
            raise Taken("This gateway has mail addresses for the users of its own server only.")
        for _ in range(_ATTEMPTS):
            mailbox = Mailbox("".join(self._services.random.choice(_LETTERS) for _ in range(8)), domain)
            if mailbox.folded not in self._known:
                await self._give(owner, mailbox, Kind.MADE_UP)
                return mailbox
        raise Taken("No address was free. Choose one.")

    async def give_up(self, owner: str, mailbox: Mailbox) -> bool:
        """Whether the address was the user's, and may be given up. Raises ``NotStored``."""
        owned = self._of.get(owner, {}).get(mailbox.folded)
        if owned is None or owned.kind is Kind.TEMPLATE:
            return False
        await self._services.tables.write((_delete(self._services.name, [mailbox.folded]), None))
        self._drop(owned)
        return True

    # -- addresses of other providers --------------------------------------------------------------------------

    async def ask_for(self, owner: str, mailbox: Mailbox) -> str:
        """Begin to confirm that an address elsewhere is the user's: the code to mail there. Raises ``Taken`` and
        ``NotStored``."""
        if self._settings.ours(mailbox):
            raise Taken(f"Addresses of {mailbox.domain} are given by this gateway, not confirmed.")
        if (
            len([each for each in self.of(owner) if each.kind is Kind.EXTERNAL])
            >= self._settings.aliases_each
        ):
            raise Taken("You have as many addresses of other providers as can be kept; give one up first.")
        known = self._known.get(mailbox.folded)
        now = self._services.clock.now()
        if known is not None and (not known.code or now - known.created < _CODE_SECONDS):
            # Also of somebody else's: nobody is told who uses this gateway, and nobody is mailed to again and again.
            raise Taken(f"{mailbox.exact} was asked for already; a code is mailed once a day.")
        code = "".join(self._services.random.choice("0123456789") for _ in range(_CODE_DIGITS))
        owned = Owned(mailbox, owner, Kind.EXTERNAL, now, _digest(code))
        await self._write(owned, anew=known is not None)
        return code

    async def confirm(self, owner: str, mailbox: Mailbox, code: str) -> bool:
        """Whether the code is the one that was mailed. Raises ``Taken`` where nothing is asked, and ``NotStored``."""
        owned = self._of.get(owner, {}).get(mailbox.folded)
        now = self._services.clock.now()
        if (
            owned is None
            or not owned.code
            or owned.tries >= _CODE_TRIES
            or now - owned.created > _CODE_SECONDS
        ):
            raise Taken("No code is waited for, or it came too late. Add the address again tomorrow.")
        right = hmac.compare_digest(_digest(code.strip()), owned.code)
        changed = replace(owned, code="") if right else replace(owned, tries=owned.tries + 1)
        values = {"code": changed.code, "tries": changed.tries}
        here = (_TABLE.c.bridge == self._services.name) & (_TABLE.c.address == mailbox.folded)
        await self._services.tables.write((update(_TABLE).where(here).values(values), None))
        self._keep(changed)
        return right

    # -- keeping -----------------------------------------------------------------------------------------------

    async def _give(self, owner: str, mailbox: Mailbox, kind: Kind) -> None:
        known = self._known.get(mailbox.folded)
        if known is not None and known.owner == owner:
            return
        if known is not None:
            raise Taken(f"{mailbox.exact} is somebody else's.")
        await self._write(Owned(mailbox, owner, kind, self._services.clock.now()))

    async def _write(self, owned: Owned, *, anew: bool = False) -> None:
        row = {
            "bridge": self._services.name,
            "address": owned.mailbox.folded,
            "owner": owned.owner,
            "exact": owned.mailbox.exact,
            "kind": owned.kind,
            "code": owned.code,
            "tries": owned.tries,
            "created": owned.created,
        }
        # In memory first: two users who want the same address do so in one commit.
        before = self._known.get(owned.mailbox.folded)
        if before is not None:
            self._drop(before)
        self._keep(owned)
        try:
            if anew:
                gone = (_delete(self._services.name, [owned.mailbox.folded]), None)
                await self._services.tables.write(gone, (insert(_TABLE), row))
            else:
                await self._services.tables.write((insert(_TABLE), row))
        except BaseException:
            self._drop(owned)
            if before is not None:
                self._keep(before)
            raise

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        for owned in self.of(owner):
            self._drop(owned)

    def _keep(self, owned: Owned) -> None:
        self._known[owned.mailbox.folded] = owned
        self._of.setdefault(owned.owner, {})[owned.mailbox.folded] = owned

    def _drop(self, owned: Owned) -> None:
        self._known.pop(owned.mailbox.folded, None)
        mine = self._of.get(owned.owner, {})
        mine.pop(owned.mailbox.folded, None)
        if not mine:
            self._of.pop(owned.owner, None)


def _delete(bridge: str, addresses: Collection[str]) -> Delete:
    return delete(_TABLE).where(_TABLE.c.bridge == bridge, _TABLE.c.address.in_(addresses))


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()
