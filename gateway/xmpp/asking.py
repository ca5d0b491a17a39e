"""What software is and whether it is there (XEP-0092, XEP-0199, XEP-0202): users ask people of the network, they ask users.

The network's answers are words for people; what can be read out of them goes into the fields that the XEPs have.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import cast
from xml.etree.ElementTree import Element

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts
from gateway.bridge import Asks, Capabilities
from gateway.model import Address, AddressKind, Condition, ErrorType, Question, Refused
from gateway.rooms.people import Attendance
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.basics import PING, TIME, VERSION
from gateway.xmpp.iq import IqTracker, Outcome
from gateway.xmpp.router import Reply
from gateway.xmpp.stanza import Stanza, name_of
from gateway.xmpp.xml import element, text_element

#: Seconds for the user's client: whoever asks on the other side waits about half a minute.
CLIENT_TIME = 10.0
_MAX_WORDS = 200  # characters of what a client says of itself
_NAMESPACES = {VERSION: Question.VERSION, PING: Question.PING, TIME: Question.TIME}
_PAYLOADS = {
    Question.VERSION: element("query", VERSION),
    Question.PING: element("ping", PING),
    Question.TIME: element("time", TIME),
}
_CANNOT = Refused(Condition.FEATURE_NOT_IMPLEMENTED, "This network cannot be asked that.")


class Asking:
    """``title`` is how the gateway calls itself towards the network."""

    def __init__(
        self, can: Capabilities, accounts: Accounts, book: AddressBook, iq: IqTracker, title: str
    ) -> None:
        self._can = can
        self._accounts = accounts
        self._book = book
        self._iq = iq
        self._title = title

    def person(self, stanza: Stanza, reply: Reply, contact: Address) -> None:
        """A user asks the software of ``contact``."""
        account = self._accounts.find(stanza.sender.bare, contact.network)
        if not self._can.questions or stanza.payload is None:
            reply.error(_CANNOT)
        elif account is None or account.session is None or not account.connected:
            words = f"You are not connected to {contact.network}: join one of its rooms first."
            reply.error(Refused(Condition.RECIPIENT_UNAVAILABLE, words))
        else:
            question = _NAMESPACES[stanza.payload.tag[1:].partition("}")[0]]
            cast("Asks", account.session).ask(contact.name, question, _Told(reply, question))

    def asked(self, account: Account, sender: str, question: Question, answer: Callable[[str], None]) -> None:
        """Somebody on the network asks the user's client; one of them answers for all."""
        client = next(
            (
                attendee.jid
                for room in account.rooms.values()
                for attendee in room.attendees.values()
                if attendee.attendance is Attendance.IN
            ),
            None,
        )
        if client is None:
            answer("")
            return

        def heard(outcome: Outcome) -> None:
            if isinstance(outcome, Refused):
                # Whoever cannot be pinged but says so is there all the same.
                alive = question is Question.PING and outcome.condition is not Condition.REMOTE_SERVER_TIMEOUT
                answer("pong" if alive else "")
            else:
                answer(self._words(question, outcome))

        whose = self._book.jid_of(Address(AddressKind.CONTACT, account.network, sender))
        self._iq.request_cb(client, _PAYLOADS[question], heard, sender=whose, timeout=CLIENT_TIME)

    def _words(self, question: Question, result: Element) -> str:
        said = {name_of(child): (child.text or "").strip()[:_MAX_WORDS] for each in result for child in each}
        if question is Question.PING:
            return "pong"
        if question is Question.VERSION:
            through = f"(through the {self._title})"
            name = said.get("name", "")
            words = (name, through, said.get("version", ""), said.get("os", ""))
            return " ".join(word for word in words if word) if name else ""
        return _clock(said.get("utc", ""), said.get("tzo", ""))


class _Told:
    """``gateway.bridge.Answer``: the network's words as the result of a request."""

    def __init__(self, reply: Reply, question: Question) -> None:
        self._reply = reply
        self._question = question

    def told(self, value: str) -> None:
        if self._question is Question.PING:
            self._reply.result()
        elif self._question is Question.VERSION:
            name, version = text_element("name", value), text_element("version", "")
            self._reply.result(element("query", VERSION, None, name, version))
        else:
            self._time(value)

    def _time(self, words: str) -> None:
        when = read_time(words)
        if when is None:
            text = f"The answer is no time that can be read: {words}"
            self._reply.error(Refused(Condition.UNDEFINED_CONDITION, text, ErrorType.CANCEL))
            return
        utc = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        zone = text_element("tzo", _offset(when.utcoffset() or timedelta()))
        self._reply.result(element("time", TIME, None, zone, text_element("utc", utc)))

    def refused(self, why: Refused) -> None:
        self._reply.error(why)


def read_time(words: str) -> datetime | None:
    """The point in time that CTCP TIME's free text means, with its zone; UTC where it names none."""
    words = words.strip()[:100]
    for read in (parsedate_to_datetime, datetime.fromisoformat, _as_ctime):
        try:
            when = read(words)
            return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _as_ctime(words: str) -> datetime:
    return datetime.strptime(words, "%a %b %d %H:%M:%S %Y")


def _clock(utc: str, tzo: str) -> str:
    """XEP-0202's two values as people on IRC write them; nothing if they make no sense."""
    try:
        when = datetime.fromisoformat(utc).replace(tzinfo=UTC)
        zone = datetime.fromisoformat(f"2000-01-01T00:00:00{tzo.upper().replace('Z', '+00:00')}").tzinfo
        return format_datetime(when.astimezone(zone or UTC))
    except (ValueError, OverflowError):
        return ""


def _offset(zone: timedelta) -> str:
    minutes = int(zone.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
