"""Every sentence that is said about a message from the network, and how its pieces become a text.

What a phone would have done with a message of another kind, no chat can do: what it was is said in brackets, and what is
not text is attached. Knows neither users nor tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridges.sms.addresses import label
from bridges.sms.receiving.reassembly import Whole
from bridges.sms.receiving.residents import Decoding
from bridges.sms.traffic import Alphabet, Inbound, Lamp, Nature
from gateway.model import Attachment, MessageKind

_SMALL = 64 * 1024  # octets of what is attached
_EMPTY = "[An empty message.]"
_FLASH = "[Flash message: phones show it at once and do not keep it.]"


@dataclass(frozen=True, slots=True)
class Shown:
    """``own``: the gateway says it, for nobody has written it."""

    text: str
    kind: MessageKind = MessageKind.CHAT
    files: tuple[Attachment, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class _Sort:
    """What octets are, for people, and how a file of them is called."""

    what: str
    name: str
    media_type: str = "application/octet-stream"


_UNKNOWN = _Sort("data for an application", "message.bin")
_CARD = _Sort("a contact (vCard)", "contact.vcf", "text/vcard")
_EVENT = _Sort("a calendar entry", "event.ics", "text/calendar")
#: By what they begin with.
_BEGINNINGS = ((b"BEGIN:VCARD", _CARD), (b"BEGIN:VCALENDAR", _EVENT))
#: WAP Forum's WDP, appendix B, and Nokia's Smart Messaging.
_PORTS: Mapping[int, _Sort] = {
    2948: _Sort("a WAP push (a link, or the notice of a multimedia message)", "push.wbxml"),
    5505: _Sort("a ringtone", "ringtone.ott"),
    5506: _Sort("an operator logo", "logo.otb"),
    5507: _Sort("a caller logo", "logo.otb"),
    5514: _Sort("a picture message", "picture.bin"),
    9204: _CARD,
    9205: _EVENT,
    49999: _Sort("settings for a phone, which were not applied", "settings.wbxml"),
}
_LAMPS: Mapping[str, tuple[str, str, str]] = {
    "voicemail": ("Voicemail", "voice message", "voice messages"),
    "fax": ("Fax", "fax", "faxes"),
    "email": ("Email", "email", "emails"),
}
_OTHER_LAMP = ("Messages", "message", "messages")


def present(whole: Whole, party: str, ours: str, decoding: Decoding) -> Shown:
    """``party`` wrote it to our number. Never fails, whatever it is."""
    first = whole.there[0].inbound
    files = tuple(file for each in whole.there for file in each.inbound.media)
    match first.nature:
        case Nature.BINARY:
            return _binary(whole, files)
        case Nature.WAITING:
            text = _lamp(first.lamp or Lamp("other"), party, ours)
            said = words(whole, decoding)
            return Shown(f"{text}\n{said}" if said else text, MessageKind.NOTICE, files, own=True)
        case Nature.FLASH:
            return Shown(f"{_FLASH}\n{words(whole, decoding) or _EMPTY}", files=files)
        case _:
            text = words(whole, decoding)
            return Shown(text or ("" if files else _EMPTY), files=files)


# -- pieces ----------------------------------------------------------------------------------------------------------


def words(whole: Whole, decoding: Decoding) -> str:
    """The text of a message, with a mark for each gap. Octets of neighbours are joined before they are read: networks part
    surrogates, and escapes from what they escape."""
    runs: list[str] = []
    pieces: list[Inbound] = []
    number, total = 1, len(whole.pieces)
    while number <= total:
        piece = whole.pieces[number - 1]
        if piece is not None:
            if pieces and not _alike(pieces[-1], piece.inbound):
                runs.append(_read(pieces, decoding))
                pieces = []
            pieces.append(piece.inbound)
            number += 1
            continue
        runs.append(_read(pieces, decoding))
        pieces = []
        missing = number
        while number <= total and whole.pieces[number - 1] is None:
            number += 1
        runs.append(gap(missing, number - 1, total))
    runs.append(_read(pieces, decoding))
    return _sound("".join(runs))


def gap(first: int, last: int, total: int) -> str:
    """What stands where parts of a message did not come."""
    which = f"Part {first}" if first == last else f"Parts {first} to {last}"
    return f" [{which} of {total} did not arrive.] "


def _alike(one: Inbound, other: Inbound) -> bool:
    return (one.alphabet, one.locking, one.single) == (other.alphabet, other.locking, other.single)


def _read(pieces: Sequence[Inbound], decoding: Decoding) -> str:
    if not pieces:
        return ""
    first = pieces[0]
    if first.alphabet is Alphabet.TEXT:
        return "".join(each.text for each in pieces)
    return decoding(b"".join(each.data for each in pieces), first.alphabet, first.locking, first.single)


def _sound(text: str) -> str:
    """Halves of surrogates joined, where a provider's JSON had them apart; what stays half is U+FFFD."""
    if text.isascii():
        return text.strip("\0")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").strip("\0")


# -- what is no text -------------------------------------------------------------------------------------------------


def _binary(whole: Whole, files: tuple[Attachment, ...]) -> Shown:
    first = whole.there[0].inbound
    data = b"".join(each.inbound.data or each.inbound.text.encode("utf-8", "replace") for each in whole.there)
    sort = next((sort for start, sort in _BEGINNINGS if data[:20].upper().startswith(start)), None)
    if sort is None:
        sort = _PORTS.get(first.port if first.port is not None else -1, _UNKNOWN)
    port = f", port {first.port}" if first.port is not None else ""
    text = f"[A message that is no text: {sort.what}, {len(data)} octets{port}.]"
    missing = [number for number, piece in enumerate(whole.pieces, 1) if piece is None]
    if missing:
        text += gap(missing[0], missing[-1], len(whole.pieces)).rstrip()
    if data and len(data) <= _SMALL:
        files = (Attachment(sort.name, sort.media_type, len(data), data=data), *files)
    return Shown(text, files=files)


def _lamp(lamp: Lamp, party: str, ours: str) -> str:
    name, one, several = _LAMPS.get(lamp.kind, _OTHER_LAMP)
    if not lamp.on or lamp.count == 0:
        state = f"no {several} are waiting any more"
    elif lamp.count is None:
        state = f"{several} are waiting"
    else:
        state = (
            f"{lamp.count} {one if lamp.count == 1 else several} {'is' if lamp.count == 1 else 'are'} waiting"
        )
    return f"{name} of {label(ours)}: {state} (says {label(party)})."


def undelivered(file: Attachment, why: str) -> str:
    """What is said instead of a file."""
    size = f", {_size(file.size)}" if file.size else ""
    return (
        f"[{file.name or 'A file'} ({file.media_type or 'unknown type'}{size}) could not be fetched: {why}]"
    )


def _size(octets: int) -> str:
    return f"{octets} octets" if octets < 1000 else f"{octets / 1000:.0f} KB"


# -- the gateway's own words -----------------------------------------------------------------------------------------


def group_heading(others: Sequence[str]) -> str:
    return f"[Group text, also to {', '.join(map(label, others))}.]"


def answered(name: str, ours: str, text: str) -> str:
    return f"[{name} answered from {label(ours)}:]\n{text}"


def claimed(name: str, ours: str, before: str) -> str:
    instead = f", instead of {before}" if before else ""
    return f"[{name} sees to this conversation on {label(ours)} now{instead}.]"


def handed(name: str, to: str, ours: str) -> str:
    return f"[{name} has handed this conversation on {label(ours)} to {to}.]"


def released(name: str, ours: str) -> str:
    return f"[{name} no longer sees to this conversation on {label(ours)}. Whoever wants to can claim it.]"


def nobodys(number: str, why: str) -> str:
    """For operators."""
    return (
        f"A text came to {label(number)}, {why}. It is kept: give the number to somebody under [[bridges.sms.numbers]] "
        "(users, or inbox for a pool), and it is delivered."
    )
