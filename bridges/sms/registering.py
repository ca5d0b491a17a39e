"""Who may have a number: those to whom the operator gave one, everybody while there are some, or who proves to have a phone.

Owns the table of phones that were proven, or are to be. A code is texted to the phone and comes back by the registration
form; so nobody takes numbers by the dozen, and the operator knows whom to ask.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Column, Float, Index, Integer, Row, Table, Text, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms import addresses
from bridges.sms.addresses import Place
from bridges.sms.config import SmsSettings
from bridges.sms.numbers import Kind, NotFree, Numbers, OurNumber
from bridges.sms.policy import Policy, Request
from bridges.sms.schema import METADATA
from bridges.sms.sending.messages import Outgoing
from bridges.sms.settings import Mode
from gateway.bridge import BadAddress, Services
from gateway.model import Condition, ErrorType, Field, Refused

PHONES = Table(
    "sms_phones",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("phone", Text, nullable=False),
    Column("code", Text, nullable=False),  # SHA-256 of what was texted; empty once it came back
    Column("tries", Integer, nullable=False),
    Column("asked", Float, nullable=False),
    Index("sms_phones_by_phone", "bridge", "phone"),
)

_DIGITS, _TRIES = 6, 5
_VALID = 3600.0  # seconds that a code is good for
_AGAIN = 600.0  # between two codes for one user
_KEPT = 86_400.0  # that a phone is remembered which nobody has proven
_OF_PHONE = 3  # users who can have asked for codes to one phone

PHONE, CODE = "phone", "code"

_ASK = Refused(
    Condition.NOT_ALLOWED,
    "No number of this gateway was given to you. Ask its operator for one; then you can register.",
)
_BRING = Refused(
    Condition.NOT_ALLOWED,
    "No number of this gateway was given to you. Ask its operator for one, or bring an account of your own at a provider: "
    "run the command `own-account` (or write `own-account` to the gateway), then register.",
)
_NONE_FREE = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "All numbers of this gateway are in use. Ask its operator, or try again later.",
    ErrorType.WAIT,
)


@dataclass(frozen=True, slots=True)
class Phone:
    """A user's own telephone. ``code`` is empty once it is proven."""

    owner: str
    phone: str
    code: str = ""
    tries: int = 0
    asked: float = 0.0


class Sending(Protocol):
    async def submit(self, outgoing: Outgoing) -> str: ...

    async def refusal(self, ours: str, theirs: str) -> Refused | None:
        """Why nothing may be sent from a number of ours to somebody: they have said STOP. Raises ``NotStored``."""


class Registrar:
    """What a registration needs. All that writes raises ``NotStored``."""

    def __init__(
        self, settings: SmsSettings, services: Services, numbers: Numbers, policy: Policy, place: Place
    ) -> None:
        self._settings = settings
        self._services = services
        self._numbers = numbers
        self._policy = policy
        self._place = place

    def fields(self) -> tuple[Field, ...]:
        """What is asked for besides what can be set."""
        if self._settings.registration != "code":
            return ()
        return (
            Field(PHONE, "My telephone number", help="A code is texted to it, which shows that it is yours."),
            Field(CODE, "The code that was texted to it", help="Leave it empty the first time."),
        )

    async def welcome(self, owner: str, values: Mapping[str, str], sending: Sending) -> Refused | None:
        """See that a user has a number, or say why not. Raises ``BadAddress`` for what was filled in."""
        if self._numbers.of(owner):
            return None
        if self._settings.registration == "assigned":
            return _BRING if self._settings.own_accounts else _ASK
        if self._settings.registration == "code" and (why := await self._proof(owner, values, sending)):
            return why
        return await self._give(owner)

    async def _give(self, owner: str) -> Refused | None:
        if any(each.mode is Mode.POOL and not each.members for each in self._numbers.all()):
            return None  # everybody's, from now on this user's too
        for each in self._numbers.free():
            try:
                await self._numbers.assign(owner, each.number, Kind.REGISTERED)
            except NotFree:
                continue  # somebody was faster
            return None
        return _NONE_FREE

    # -- proving a phone ---------------------------------------------------------------------------------------

    async def _proof(self, owner: str, values: Mapping[str, str], sending: Sending) -> Refused | None:
        known = await self._known(owner)
        written = values.get(PHONE, "").strip()
        phone = addresses.party(written, self._place) if written else (known.phone if known else "")
        if not addresses.is_number(phone):
            raise BadAddress("Write the number of your telephone, like +15551234567.")
        if known is not None and known.phone == phone and not known.code:
            return None
        code = "".join(each for each in values.get(CODE, "") if each.isdigit())
        if code and known is not None and known.phone == phone:
            return await self._compare(known, code)
        return await self._ask(owner, phone, known, sending)

    async def _compare(self, known: Phone, code: str) -> Refused | None:
        if known.tries >= _TRIES or self._services.clock.now() - known.asked > _VALID:
            text = "This code is not good any more. Leave the field empty, and another one is texted to you."
            return Refused(Condition.NOT_ACCEPTABLE, text)
        if not hmac.compare_digest(_digest(code), known.code):
            await self._save(replace(known, tries=known.tries + 1))
            return Refused(
                Condition.NOT_ACCEPTABLE, "That is not the code that was texted to your telephone."
            )
        await self._save(replace(known, code="", tries=0))
        return None

    async def _ask(self, owner: str, phone: str, known: Phone | None, sending: Sending) -> Refused:
        now = self._services.clock.now()
        if known is not None and now - known.asked < _AGAIN:
            minutes = max(1, round((_AGAIN - now + known.asked) / 60))
            text = f"A code was texted to you already. Another one can be asked for in {minutes} min."
            return Refused(Condition.NOT_ACCEPTABLE, text)
        await self._forget_unproven(now - _KEPT)
        if await self._others(owner, phone) >= _OF_PHONE:
            return Refused(Condition.NOT_ALLOWED, "Too many users have asked for codes to that telephone.")
        sender = self._sender()
        if sender is None:
            return Refused(
                Condition.INTERNAL_SERVER_ERROR, "This gateway has no number that codes are texted from."
            )
        if await sending.refusal(sender.number, phone) is not None:
            text = f"That telephone has said STOP to {addresses.label(sender.number)}; it has to text START first."
            return Refused(Condition.NOT_ALLOWED, text)
        if (why := self._policy.judge(Request(owner, sender, (phone,), 1, new=1))) is not None:
            return why
        code = "".join(self._services.random.choice("0123456789") for _ in range(_DIGITS))
        await self._save(Phone(owner, phone, _digest(code), 0, now))
        text = f"{code} is your code for the gateway at which you register. If you do not, ignore it."
        await sending.submit(Outgoing("", f"code {phone}", sender.number, (phone,), text))
        return Refused(
            Condition.NOT_ACCEPTABLE,
            f"A code was texted to {addresses.label(phone)}. Fill it in, and register again.",
        )

    def _sender(self) -> OurNumber | None:
        wanted = self._settings.code_sender or next((each.number for each in self._settings.numbers), "")
        return self._numbers.find(wanted) if wanted else None

    async def _known(self, owner: str) -> Phone | None:
        query = select(PHONES).where(PHONES.c.bridge == self._services.name, PHONES.c.owner == owner)
        rows = await self._services.tables.read(query)
        return _phone(rows[0]) if rows else None

    async def _others(self, owner: str, phone: str) -> int:
        query = select(func.count()).where(
            PHONES.c.bridge == self._services.name, PHONES.c.phone == phone, PHONES.c.owner != owner
        )
        [row] = await self._services.tables.read(query)
        return int(row[0])

    async def _forget_unproven(self, before: float) -> None:
        """Nobody keeps others from proving their own telephone, and nobody's number stays here that did not want it to."""
        old = (PHONES.c.bridge == self._services.name) & (PHONES.c.code != "") & (PHONES.c.asked < before)
        await self._services.tables.write((delete(PHONES).where(old), None))

    async def _save(self, phone: Phone) -> None:
        kinds = postgresql if self._services.tables.dialect == "postgresql" else sqlite
        values = {
            "bridge": self._services.name,
            "owner": phone.owner,
            "phone": phone.phone,
            "code": phone.code,
            "tries": phone.tries,
            "asked": phone.asked,
        }
        changed = {name: values[name] for name in ("phone", "code", "tries", "asked")}
        statement = (
            kinds.insert(PHONES)
            .values(values)
            .on_conflict_do_update(index_elements=["bridge", "owner"], set_=changed)
        )
        await self._services.tables.write((statement, None))


def _phone(row: Row[Any]) -> Phone:
    return Phone(row.owner, row.phone, row.code, row.tries, row.asked)


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()
