"""Reactions, both ways (IRCv3 client tags ``+draft/react`` and ``+draft/unreact``).

IRC tells changes, the core wants all that somebody feels about a message: the sets are kept here, bounded, and what nobody
has is made of what was told last. Everything in a tag is its sender's claim: it is looked at before it counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridges.irc.common import Common
from bridges.irc.extras import REACT, REPLY_TAGS, UNREACT
from bridges.irc.protocol.line import Line, nick_of, serialise_tags
from bridges.irc.protocol.split import one_character
from bridges.irc.speaking import Speaking
from gateway.bridge import Ticket
from gateway.model import Condition, Enrichment, Message, Reaction, Refused, Reply

MAX_ID = 255
MAX_EMOJIS = 10  # of one person on one message
_MAX_BYTES = 64  # of one emoji: families with skin tones have about 40
_MAX_WORDS = 200  # characters of a reaction that is no emoji
_KEPT = 2_000  # sets
_KEPT_IDS = 500  # of messages that bore reactions, so that they can be taken back by their ids


@dataclass(slots=True)
class _Set:
    """A ticket: the user's reactions are known to be these once the network has them."""

    of: "Reactions"
    place: tuple[str, str]
    emojis: tuple[str, ...]
    ticket: Ticket
    reference: str = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self.of.own(self.place, self.emojis)
        self.ticket.done()

    def refused(self, why: Refused) -> None:
        self.ticket.refused(why)


class Reactions:
    """Of one session. A place is a channel's key, or empty for a private chat with the sender."""

    __slots__ = ("_common", "_felt", "_own", "_speaking", "_told_by")

    def __init__(self, common: Common, speaking: Speaking) -> None:
        self._common = common
        self._speaking = speaking
        self._felt: dict[
            tuple[str, str, str], tuple[str, ...]
        ] = {}  # (place, message, folded nick), newest last
        self._own: dict[tuple[str, str], tuple[str, ...]] = {}  # (folded target, message)
        self._told_by: dict[str, tuple[str, str, str, str]] = {}  # message id -> place, message, nick, emoji

    # -- the user ----------------------------------------------------------------------------------------------

    def react(self, target: str, key: str, message: str, emojis: Sequence[str], ticket: Ticket) -> None:
        """``key`` is the folded target."""
        wanted = tuple(emojis)
        if len(wanted) > MAX_EMOJIS or not all(_fits(emoji) for emoji in wanted) or "\0" in message:
            text = f"A message on IRC can have at most {MAX_EMOJIS} reactions of one person, each a single emoji."
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, text))
            return
        before = self._own.get((key, message), ())
        changes = [(UNREACT, emoji) for emoji in before if emoji not in wanted]
        changes += [(REACT, emoji) for emoji in wanted if emoji not in before]
        if not changes:
            ticket.done()
            return
        replied = dict.fromkeys(REPLY_TAGS, message)
        tags = [serialise_tags({**replied, tag: emoji}) for tag, emoji in changes]
        self._speaking.signal(target, key, tags, _Set(self, (key, message), wanted, ticket))

    def own(self, place: tuple[str, str], emojis: tuple[str, ...]) -> None:
        """What the user feels from now on."""
        self._own.pop(place, None)
        if emojis:
            self._own[place] = emojis
            _bound(self._own, _KEPT)

    # -- others ------------------------------------------------------------------------------------------------

    def heard(self, line: Line, place: str, message: str) -> Message | None:
        """A TAGMSG with a reaction to ``message``. What is no emoji is something said in answer to it, and returned."""
        tags, nick = line.tags, nick_of(line.source)
        adding = REACT in tags
        value = tags.get(REACT if adding else UNREACT, "")
        if not _is_emoji(value):
            words = value[:_MAX_WORDS]
            if not adding or not words.isprintable() or not words.strip():
                return None
            return Message(
                nick, words, foreign_id=tags.get("msgid", ""), enrichment=Enrichment(Reply(message))
            )
        self._change(place, message, nick, value, adding=adding)
        id_ = tags.get("msgid", "")
        if adding and id_:
            self._told_by[id_] = (place, message, nick, value)
            _bound(self._told_by, _KEPT_IDS)
        return None

    def taken_back(self, id_: str) -> bool:
        """REDACT of a TAGMSG (message-redaction, "Deleting a TAGMSG"); False if it bore no reaction."""
        told = self._told_by.pop(id_, None)
        if told is None:
            return False
        place, message, nick, emoji = told
        self._change(place, message, nick, emoji, adding=False)
        return True

    def _change(self, place: str, message: str, nick: str, emoji: str, *, adding: bool) -> None:
        folded = self._common.standing.casemapping.fold(nick)
        key = (place, message, folded)
        before = self._felt.pop(key, ())
        after = before
        if adding and emoji not in before and len(before) < MAX_EMOJIS:
            after = (*before, emoji)
        elif not adding:
            after = tuple(each for each in before if each != emoji)
        if after:
            self._felt[key] = after
            _bound(self._felt, _KEPT)
        if place and self._common.standing.is_me(nick):
            self.own((place, message), after)
        if after != before:
            self._common.sink.reacted(place, Reaction(nick, message, after))


def _fits(emoji: str) -> bool:
    """Whether a tag can carry it."""
    return len(emoji.encode("utf-8", "replace")) <= _MAX_BYTES and "\0" not in emoji


def _is_emoji(value: str) -> bool:
    """What people take for one character, and no letter or sign that stands on a keyboard."""
    return (
        value != ""
        and len(value) <= _MAX_BYTES
        and len(value.encode("utf-8", "replace")) <= _MAX_BYTES
        and not value.isascii()
        and not value.isalnum()
        and not any(char.isspace() or char < " " or "\x7f" <= char <= "\x9f" for char in value)
        and one_character(value)
    )


def _bound(table: dict[Any, Any], most: int) -> None:
    if len(table) > most:
        del table[next(iter(table))]
