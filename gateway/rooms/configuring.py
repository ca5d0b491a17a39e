"""The settings that the network itself keeps for a room, as fields of its configuration form (XEP-0045 §10.2, §16.5.3).

Settings that most networks know have the names that XEP-0045 registers; others keep the bridge's. Which of them differ from
what is so, and how that is said to the network, the session knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from gateway.accounts.directory import Accounts
from gateway.bridge import Governs
from gateway.model import Address, Condition, Field, FieldKind, Refused, RoomSetting
from gateway.rooms.answers import Awaited
from gateway.rooms.room import RoomState
from gateway.texts import Text
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Values
from gateway.xmpp.stanza import Jid

if TYPE_CHECKING:
    from gateway.accounts.account import Account

PROTECTED = "muc#roomconfig_passwordprotectedroom"
_NAMES: Mapping[str, str] = {
    RoomSetting.PASSWORD: "muc#roomconfig_roomsecret",
    RoomSetting.MAX_OCCUPANTS: "muc#roomconfig_maxusers",
    RoomSetting.MEMBERS_ONLY: "muc#roomconfig_membersonly",
    RoomSetting.MODERATED: "muc#roomconfig_moderatedroom",
    RoomSetting.PUBLIC: "muc#roomconfig_publicroom",
    RoomSetting.OPEN_SUBJECT: "muc#roomconfig_changesubject",
}
_SETTINGS = {name: setting for setting, name in _NAMES.items()}
_NOT_SHOWN = "causeway#settings"

_NO_PASSWORD = Refused(
    Condition.NOT_ACCEPTABLE, Text("Say which password the room is to have, or that it is to have none.")
)


class NetworkSettings:
    """``gateway.doors.owner.RoomPart``."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def fields(self, user: Jid, room: Address) -> Sequence[Field]:
        session = self._session(user, room)
        if session is None:
            return ()
        answer: Awaited[Sequence[Field]] = Awaited(())
        session.room_settings(room.name, answer)
        found = await answer.outcome()
        if isinstance(found, Refused):
            return (Field(_NOT_SHOWN, "", FieldKind.FIXED, found.text),)
        return [shown for field in found for shown in _shown(field, session, room)]

    async def submit(self, user: Jid, room: Address, values: Values) -> None:
        session = self._session(user, room)
        if session is None:
            return
        wanted = {_SETTINGS.get(name, name): "\n".join(value) for name, value in values.items()}
        wanted.pop(_NOT_SHOWN, None)
        protected = wanted.pop(PROTECTED, None)
        if protected == "false":
            wanted[RoomSetting.PASSWORD] = ""
        elif protected is not None and not wanted.get(RoomSetting.PASSWORD):
            # A password that the network hides from the user is kept.
            wanted.pop(RoomSetting.PASSWORD, None)
            if not session.room_traits(room.name).password_protected:
                raise RefusedError(_NO_PASSWORD)
        if not wanted:
            return
        ticket = Awaited(True)
        session.configure(room.name, wanted, ticket)
        outcome = await ticket.outcome()
        if isinstance(outcome, Refused):
            raise RefusedError(outcome)

    def _session(self, user: Jid, room: Address) -> Governs | None:
        """The session that can tell, while the user is in the room."""
        account: Account | None = self._accounts.find(user.bare, room.network)
        known = account.room(room.name) if account is not None else None
        if account is None or known is None or known.state is not RoomState.IN or not account.can.governing:
            return None
        return cast("Governs", account.session)


def _shown(field: Field, session: Governs, room: Address) -> Sequence[Field]:
    """A setting of the network's as the form has it: XEP-0045 asks apart whether there is a password."""
    named = replace(field, name=_NAMES.get(field.name, field.name))
    if field.name != RoomSetting.PASSWORD:
        return (named,)
    protected = field.default != "" or session.room_traits(room.name).password_protected is True
    whether = Field(
        PROTECTED,
        Text("People need a password to come in"),
        FieldKind.BOOLEAN,
        "true" if protected else "false",
    )
    return (whether, named)
