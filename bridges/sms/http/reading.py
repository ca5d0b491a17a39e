"""What a callback says, by the events of a preset: messages, reports, and people who will not be texted any more.

Sans-I/O. Knows the preset's tables, and no provider.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bridges.sms.http import bodies, picking, spelling
from bridges.sms.http.failings import Meaning, is_operators, refused
from bridges.sms.http.preset import Encoding, Event, Media, Preset
from bridges.sms.text import udh
from bridges.sms.traffic import Alphabet, Concatenation, Coverage, Inbound, Nature, OptOut, Report, Stage
from gateway.bridge import WebRequest
from gateway.model import Attachment

_ITEMS = 200  # events of one callback
_FILES = 20
_RECIPIENTS = 100
_LONGEST = 16_384

News = Inbound | Report | OptOut


class Unread(ValueError):
    """A callback that is genuine and makes no sense; the text says where, and nothing that it holds."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in a report that the operator has to see to."""

    text: str


@dataclass(frozen=True, slots=True)
class OfMember:
    """A report about a member of a group at the provider, who is no phone yet (see ``Places.who``)."""

    report: Report
    place: str
    member: str


class Reader:
    """Reads callbacks of ``route``, whose provider is ``preset``."""

    def __init__(self, route: str, preset: Preset) -> None:
        self._route = route
        self._preset = preset
        # Where nobody can speak for the phone, "delivered" is a carrier's word.
        handset = preset.ways.coverage is Coverage.HANDSET
        self._delivered = Stage.DELIVERED if handset else Stage.CARRIER

    def read(self, request: WebRequest, reference: str = "") -> list[News | OfMember | Trouble]:
        """All that ``request`` says, in its order; nothing for what is of no interest. ``reference`` is the one in the
        address that we had given. Raises ``Unread``."""
        try:
            whole = bodies.value(request, self._preset.webhook.format)
        except bodies.BadBody as error:
            raise Unread(str(error)) from None
        raw = request.query if request.method == "GET" else request.body.decode("latin-1")
        found: list[News | OfMember | Trouble] = []
        for event, item in self._items(whole):
            found += self._read(_Item(event, whole, item, raw, self._preset), reference)
        return found

    def _items(self, whole: picking.Value) -> Iterator[tuple[Event, picking.Value]]:
        """Every item once, with the first event that it is."""
        known = False
        lists = dict.fromkeys(event.each for event in self._preset.event)
        for path in lists:
            for item in picking.every(whole, path)[:_ITEMS]:
                event = next(
                    (each for each in self._preset.event if each.each == path and _holds(each, whole, item)),
                    None,
                )
                if event is not None:
                    known = True
                    yield event, item
        if not known:
            raise Unread("it is nothing that is known")

    def _read(self, item: "_Item", reference: str) -> Iterator[News | OfMember | Trouble]:
        match item.event.kind:
            case "message":
                if (optout := item.optout(self._route)) is not None:
                    yield optout
                yield item.message(self._route)
            case "report":
                for report in item.reports(self._route, reference):
                    if not isinstance(report, Report):
                        yield report
                        continue
                    delivered = report.stage is Stage.DELIVERED
                    true = replace(report, stage=self._delivered) if delivered else report
                    member = item.text(item.event.member)
                    yield OfMember(true, item.text(item.event.place), member) if member else true
            case "optout":
                if (optout := item.optout(self._route)) is not None:
                    yield optout


def _holds(event: Event, whole: picking.Value, item: picking.Value) -> bool:
    for path, values in event.when.items():
        found = picking.texts(*_at(whole, item, path))
        if not (any(each in values for each in found) if values else _present(whole, item, path)):
            return False
    return True


def _present(whole: picking.Value, item: picking.Value, path: str) -> bool:
    return any(not picking.blank(each) for each in picking.every(*_at(whole, item, path)))


def _at(whole: picking.Value, item: picking.Value, path: str) -> tuple[picking.Value, str]:
    return (whole, path[1:].removeprefix(".")) if path.startswith("$") else (item, path)


@dataclass(frozen=True, slots=True)
class _Item:
    """One event of a callback. ``raw`` is the form as it was encoded."""

    event: Event
    whole: picking.Value
    item: picking.Value
    raw: str
    preset: Preset

    def text(self, path: str) -> str:
        return picking.text(*_at(self.whole, self.item, path)) if path else ""

    def texts(self, path: str) -> list[str]:
        return picking.texts(*_at(self.whole, self.item, path)) if path else []

    def party(self, path: str) -> str:
        return self._party(next(iter(self.texts(path)), ""))

    def _party(self, text: str) -> str:
        if text.strip() in self.preset.numbers.withheld:
            return ""
        return spelling.incoming(text, self.preset.numbers.receive)

    def time(self) -> float | None:
        return spelling.time(self.text(self.event.time), self.event.time_format) if self.event.time else None

    # -- messages ----------------------------------------------------------------------------------------------

    def message(self, route: str) -> Inbound:
        event = self.event
        sender, recipient = self.party(event.sender), self.party(event.recipient)
        if not recipient:
            raise Unread("a message says not whom it is for")
        others = [self._party(each) for path in event.others for each in self.texts(path)]
        data, header = self._data()
        alphabet = self._alphabet(data)
        text = "" if alphabet is not Alphabet.TEXT else self.text(event.text)
        subject = self.text(event.subject)
        binary = alphabet is Alphabet.BINARY
        return Inbound(
            route,
            sender,
            recipient,
            self.text(event.id),
            f"{subject}\n{text}".strip("\n") if subject else text,
            data if alphabet is not Alphabet.TEXT else b"",
            alphabet,
            header.locking,
            header.single,
            header.concatenation or self._part(),
            Nature.WAITING if header.lamp else Nature.BINARY if binary else Nature.MESSAGE,
            header.lamp,
            header.port,
            tuple(
                dict.fromkeys(
                    each for each in others[:_RECIPIENTS] if each and each not in (sender, recipient)
                )
            ),
            tuple(self._media(event.media)) if event.media is not None else (),
            self.time(),
        )

    def _data(self) -> tuple[bytes, udh.Header]:
        event = self.event
        data = self._octets(event.data, event.data_encoding)
        before = self._octets(event.udh, event.udh_encoding)
        if not before:
            return data, udh.NONE
        if before[0] != len(before) - 1:  # some leave out the octet with the length
            before = bytes([min(len(before), 255)]) + before[:255]
        header, _ = udh.read(before)
        return data, header

    def _octets(self, path: str, encoding: Encoding) -> bytes:
        if not path:
            return b""
        if encoding is Encoding.PERCENT:
            return bodies.octets(self.raw, path) or b""
        text = self.text(path)
        found = spelling.octets(text, encoding)
        if found is None:
            raise Unread(f"{path} is not written as {encoding}")
        return found

    def _alphabet(self, data: bytes) -> Alphabet:
        event = self.event
        if not event.data or (not data and event.text and self.text(event.text)):
            return Alphabet.TEXT
        named = event.alphabets.get(self.text(event.alphabet)) or event.alphabets.get("*")
        return named or Alphabet.BINARY

    def _part(self) -> Concatenation | None:
        event = self.event
        if not event.part_total:
            return None
        reference = self.text(event.part_reference)
        total, number = self._small(event.part_total), self._small(event.part_number)
        if not reference or total < 2:
            return None
        if not 1 <= number <= total:
            raise Unread("a part that is none of its whole")
        return Concatenation(reference[:64], total, number, width=0)

    def _small(self, path: str) -> int:
        text = self.text(path)
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255 else 0

    def _media(self, media: Media) -> Iterator[Attachment]:
        if media.numbered:
            for n in range(media.first, media.first + _FILES):
                url = self.text(media.numbered.replace("{n}", str(n)))
                if not url:
                    return
                kind = self.text(media.numbered_type.replace("{n}", str(n))) if media.numbered_type else ""
                yield Attachment(url=url, media_type=kind)
            return
        for entry in self._entries(media):
            url = picking.text(entry, media.url)
            if url:
                yield Attachment(url=url, media_type=picking.text(entry, media.type) if media.type else "")

    def _entries(self, media: Media) -> list[picking.Value]:
        found: list[picking.Value] = []
        for path in media.items:
            for each in picking.every(*_at(self.whole, self.item, path)):
                if isinstance(each, str) and media.separator:
                    found += each[:_LONGEST].split(media.separator)
                else:
                    found += each if isinstance(each, list) else [each]
        return found[:_FILES]

    # -- reports -----------------------------------------------------------------------------------------------

    def reports(self, route: str, reference: str) -> Iterator[Report | Trouble]:
        event = self.event
        status = self.text(event.status)
        stage = event.stages.get(status) or event.stages.get(status.lower()) or event.stages.get("*")
        if stage is None:
            return  # a state that is no news: queued, or one of those to come
        id = self.text(event.id)
        reference = self.text(event.reference) or reference
        if not id and not reference:
            raise Unread("a report says not what it is about")
        code = self.text(event.code)
        code = "" if code in event.good else code
        why, optout = None, False
        if stage is Stage.FAILED:
            meaning = event.errors.get(code) or self.preset.errors.get(code)
            meaning = meaning or event.errors.get(status) or event.errors.get(status.lower()) or Meaning.OTHER
            words = self.text(event.words)
            why, optout = refused(meaning, self.preset.title, code, words), meaning is Meaning.OPTED_OUT
            if is_operators(meaning):
                yield Trouble(why.text)
        recipients: Sequence[str] = [self._party(each) for each in self.texts(event.recipients)]
        for recipient in recipients or [self.party(event.recipient) if event.recipient else ""]:
            yield Report(route, stage, id, reference, recipient, code, why, self.time(), optout)

    def optout(self, route: str) -> OptOut | None:
        event = self.event
        said = self.text(event.optout)
        if not said or (said not in event.stopped and said not in event.started):
            return None
        ours, theirs = self.party(event.recipient), self.party(event.sender)
        return OptOut(route, ours, theirs, said in event.stopped) if ours and theirs else None
