"""What the user says: text into PRIVMSG and NOTICE lines that fit, and what became of them.

Where the server confirms lines, a ticket is done when it has confirmed the last one (see ``utterances``). Elsewhere it is
done when the last line was handed to the connection: an error that arrives earlier refuses it and takes back the lines that
still wait; one that arrives later becomes a note in the room, or, about a person, news of the message that it is about
(see ``unproven``).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from bridges.irc import secrecy
from bridges.irc.addresses import check_nick
from bridges.irc.common import Common
from bridges.irc.composing import Composing
from bridges.irc.encodings import expressible
from bridges.irc.extras import Confirms
from bridges.irc.labels import Labels
from bridges.irc.multiline import compose
from bridges.irc.numerics import REFUSES_MESSAGE
from bridges.irc.pasting import Pasting, announced
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.line import Line
from bridges.irc.protocol.split import pieces, room_for
from bridges.irc.sendqueue import full
from bridges.irc.tracking import passages
from bridges.irc.unproven import Unproven
from bridges.irc.utterances import Echoes, Utterance
from gateway.bridge import BadAddress, Passage, Ticket
from gateway.model import Condition, DeliveryState, MessageKind, Refused

_MAX_CORRESPONDENTS = 1000
_MAX_SPLIT = 200
#: The command, and what stands around the text.
_FORMS: Mapping[MessageKind, tuple[str, str, str]] = {
    MessageKind.CHAT: ("PRIVMSG", "", ""),
    MessageKind.ACTION: ("PRIVMSG", "\x01ACTION ", "\x01"),
    MessageKind.NOTICE: ("NOTICE", "", ""),
}

_BROKEN = Refused(
    Condition.NOT_ACCEPTABLE,
    "The text holds a carriage return or a NUL, which IRC cannot carry. Remove it and send the text again.",
)
_EMPTY = Refused(Condition.NOT_ACCEPTABLE, "There is nothing to send in that message.")


class Speaking:
    """The sending half of all conversations."""

    __slots__ = (
        "_common",
        "_composing",
        "_correspondents",
        "_pasting",
        "_split",
        "_typing",
        "_unfinished",
        "_unproven",
        "_verbosity",
        "echoes",
        "labels",
        "network",
    )

    def __init__(self, common: Common, labels: Labels, composing: Composing, pasting: Pasting) -> None:
        self.network = common.network
        self.labels = labels
        self.echoes = Echoes()
        self._common = common
        self._composing = composing
        self._pasting = pasting
        self._typing = composing.own
        self._unfinished: dict[str, list[Utterance]] = {}  # without labels: folded target -> oldest first
        self._split: dict[
            str, tuple[str, ...]
        ] = {}  # the ids of messages that took several lines, by the first
        self._correspondents: dict[str, None] = {}  # folded nicks, the latest last
        self._unproven = Unproven(common.clock)
        self._verbosity = common.verbosity

    def knows(self, folded: str) -> bool:
        """Whether the user has written to that nick."""
        return folded in self._correspondents

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket, tags: str = "") -> None:
        """``tags`` are ready client tags, for the message as a whole."""
        channel = self._common.channels.get(room)
        if channel is None:
            ticket.refused(
                Refused(
                    Condition.NOT_ACCEPTABLE,
                    f"You are not in {room} on {self._common.network} (any more). Join it again.",
                )
            )
            return
        self._send(channel.name, channel.key, text, kind, ticket, tags)

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket, tags: str = "") -> None:
        try:
            check_nick(contact)
        except BadAddress as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        key = self._common.standing.casemapping.fold(contact)
        self._correspondents.pop(key, None)
        self._correspondents[key] = None
        if len(self._correspondents) > _MAX_CORRESPONDENTS:
            del self._correspondents[next(iter(self._correspondents))]
        self._send(contact, key, text, kind, ticket, tags)

    def refuse(self, line: Line, why: Refused) -> bool:
        """An error numeric: whether it is about a message that is being sent."""
        if line.command not in REFUSES_MESSAGE or len(line.params) < 2:
            return False
        return self.fail(self._common.standing.casemapping.fold(line.params[1]), why)

    def fail(self, key: str, why: Refused) -> bool:
        """What is being said to ``key`` (a folded target) failed; False if nothing is."""
        for utterance in self._unfinished.get(key, ()):
            if utterance.started:
                utterance.fail(why)
                return True
        return False

    def belied(self, line: Line, key: str, why: Refused) -> bool:
        """An error numeric about ``key`` that nothing else waited for: whether it is about what was said to a person just
        now, and was taken as far as could be known."""
        reference = self._unproven.latest(key) if line.command in REFUSES_MESSAGE else ""
        if reference:
            self._common.sink.delivery(reference, DeliveryState.FAILED, why)
        return reference != ""

    def passages(self, id_: str) -> Iterator[Passage]:
        """Where a message is that is being said."""
        common = self._common
        return passages(id_, common.network, common.queue, self.labels, self._unproven, common.clock)

    def step(self, step: str, ticket: Ticket, **details: object) -> None:
        """For the log."""
        if self._verbosity.debug and ticket.reference:
            self._verbosity.tell(
                step, ticket.reference, self._common.bridge, network=self._common.network, **details
            )

    def echoed(self, line: Line) -> bool:
        """One of our own lines, without a label: whether it is the echo of one that waits for it."""
        if not self.echoes.open:
            return False
        key = self._common.standing.casemapping.fold(line.params[0])
        label = self.echoes.match(key, strip(line.params[1]))
        claim = self.labels.take(label) if label else None
        if claim is None:
            return False
        claim.told(label, line)
        return True

    def signal(self, target: str, key: str, tags: Sequence[str], ticket: Ticket) -> None:
        """Messages of nothing but tags (TAGMSG), which the user has one outcome of."""
        labelled = self._common.standing.extras.confirms is Confirms.LABELS
        labels = [self.labels.next() for _ in tags] if labelled else []
        if len(tags) > self._common.queue.free or self.labels.full:
            ticket.refused(full(self.network))
            return
        utterance = Utterance(self, key, len(tags), ticket, labels)
        for number, each in enumerate(tags):
            label = f"label={labels[number]};" if labelled else ""
            self._common.queue.put(f"@{label}{each} TAGMSG {target}", utterance)

    def ids_of(self, foreign_id: str) -> tuple[str, ...]:
        """The ids of all lines of a message of the user's, by the first."""
        return self._split.get(foreign_id, (foreign_id,))

    def finish(self, utterance: Utterance) -> None:
        """It needs no watching any more."""
        if self.echoes.open:
            for label in utterance.labels:
                self.echoes.forget(label)
        if not utterance.labels and utterance.key in self._correspondents:
            lines = utterance.written_lines - utterance.withdrawn
            self._unproven.said(utterance.key, utterance.ticket.reference, lines)
        if len(utterance.ids) > 1:
            self._split[utterance.ids[0]] = tuple(utterance.ids)
            if len(self._split) > _MAX_SPLIT:
                del self._split[next(iter(self._split))]
        watched = self._unfinished.get(utterance.key)
        if watched is not None and utterance in watched:
            watched.remove(utterance)
            if not watched:
                del self._unfinished[utterance.key]

    def _send(self, target: str, key: str, text: str, kind: MessageKind, ticket: Ticket, tags: str) -> None:
        if self._pasting.open:
            again = partial(self._send, target, key, text, kind, ticket, tags)
            if self._pasting.behind(key, ticket, again):
                return
        printable = text.isprintable()
        if not printable and ("\r" in text or "\0" in text):
            ticket.refused(_BROKEN)
            return
        if self._typing:
            self._composing.said(key)
        watched = tags or self._common.standing.extras.confirms
        if printable and not watched and self._sent_at_once(target, text, kind):
            if self._verbosity.debug:
                self.step("message written to the network", ticket)
            if key in self._correspondents:
                self._unproven.said(key, ticket.reference)
            ticket.done()
        else:
            self._send_parts(target, key, text, kind, ticket, tags)

    def _sent_at_once(self, target: str, text: str, kind: MessageKind) -> bool:
        """Hot: most messages are one short line, with nothing to part and nothing to encode. False, and nothing done, if a
        message is not so, or has to wait."""
        standing = self._common.standing
        size = len(text)
        if not text.isascii():
            if not standing.encodings.plain:
                return False
            size *= 4
        command, before, after = _FORMS[kind]
        size += len(before) + len(after)
        if not text or size > room_for(standing.mask, target, standing.support.linelen, command):
            return False
        return self._common.queue.now(f"{command} {target} :{before}{text}{after}")

    def _send_parts(
        self,
        target: str,
        key: str,
        text: str,
        kind: MessageKind,
        ticket: Ticket,
        tags: str,
        *,
        pasted: bool = False,
    ) -> None:
        """``pasted``: whether it should be a file has been decided."""
        standing = self._common.standing
        extras, encodings = standing.extras, standing.encodings
        command, before, after = _FORMS[kind]
        encoding = "utf-8" if encodings.plain or text.isascii() else encodings.outgoing(key)
        whole = text
        if encoding != "utf-8":
            text = expressible(text, encoding)
        limit = room_for(standing.mask, target, standing.support.linelen, command) - len(before) - len(after)
        if encoding == "utf-8" and 0 < _most_bytes(text) <= limit and text.isprintable():
            parts = [text]
        else:
            limit = max(limit, 16)
            if extras.multiline is not None and not before and encoding == "utf-8":
                label, ready = self._tags(tags)
                batch = compose(command, target, text, limit=limit, bounds=extras.multiline, tags=ready)
                if batch:
                    self._utter(key, [batch], [text], [label], ticket)
                    return
            parts = pieces(text, limit_bytes=limit, encoding=encoding)
        if not parts:
            ticket.refused(_EMPTY)
            return
        most = self._pasting.lines
        if 0 < most < len(parts) and not pasted and not secrecy.to_person(target, text):

            def said(link: str) -> None:
                shown = announced(whole, link, limit) if link else whole
                self._send_parts(target, key, shown, kind, ticket, tags, pasted=True)

            self._pasting.paste(key, whole, ticket, said)
            return
        lines, labels = [], []
        for part in parts:
            label, ready = self._tags(tags)
            tags = ""  # they belong to the message, which begins with the first line
            labels.append(label)
            lines.append(
                f"@{ready} {command} {target} :{before}{part}{after}"
                if ready
                else f"{command} {target} :{before}{part}{after}"
            )
        self._utter(
            key, lines, parts if not before else [f"{before}{part}{after}" for part in parts], labels, ticket
        )

    def _tags(self, tags: str) -> tuple[str, str]:
        """A new label for a line, empty where the server does not confirm lines; and what stands behind its ``@``."""
        confirms = self._common.standing.extras.confirms
        if not confirms:
            return "", tags
        label = self.labels.next()
        if confirms is Confirms.ECHOES:
            return label, tags
        return label, f"label={label};{tags}" if tags else f"label={label}"

    def _utter(
        self,
        key: str,
        lines: Sequence[str | list[str]],
        texts: Sequence[str],
        labels: Sequence[str],
        ticket: Ticket,
    ) -> None:
        """Send the lines of one message (a list is a batch of them). ``texts`` are what the server shows of them."""
        queue, confirms = self._common.queue, self._common.standing.extras.confirms
        if len(lines) > queue.free or self.labels.full:
            ticket.refused(full(self._common.network))
            return
        utterance = Utterance(self, key, len(lines), ticket, labels if confirms else ())
        if confirms is not Confirms.LABELS:
            self._unfinished.setdefault(key, []).append(utterance)
            if confirms:
                for text, label in zip(texts, labels, strict=True):
                    self.echoes.wait(key, strip(text), label)
        for line in lines:
            if isinstance(line, str):
                queue.put(line, utterance)
            else:
                queue.put_together(line, utterance)


def _most_bytes(text: str) -> int:
    """What ``text`` takes in UTF-8 at most."""
    return len(text) if text.isascii() else len(text) * 4
