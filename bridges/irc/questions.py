"""CTCP VERSION, PING and TIME: what we ask others for the user, and what others ask the user.

The user's own client answers where it does; Causeway where it does not, and where somebody asks too often nobody. Direct
connections (DCC) are turned down, and the user hears who wanted one.
"""

import re
import time
from typing import ClassVar

from bridges.irc.addresses import check_nick
from bridges.irc.alarm import NEVER
from bridges.irc.common import Common
from bridges.irc.numerics import no_answer
from bridges.irc.protocol import ctcp
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.line import Injection, Line, nick_of, serialise
from bridges.irc.sendqueue import full
from bridges.irc.text import one_line
from gateway.bridge import Answer, BadAddress
from gateway.model import Condition, Question, Refused

ANSWER_TIME = 20.0  # seconds, from the moment the question was written
_INTERVAL = 2.0  # seconds between answers of ours, after a burst
_BURST = 3
_MAX_OPEN = 50
_MAX_ANSWER = 350  # bytes
_MAX_SHOWN = 120  # bytes of what somebody wants
# ``SEND name address port size``, the name in quotation marks where it has spaces.
_OFFER = re.compile(r'(?P<what>\S+)(?: +(?:"(?P<quoted>[^"]*)"|(?P<name>\S+)))?')


class _Asked:
    """One question of the user's. A ``sendqueue.Parcel``."""

    __slots__ = ("answer", "deadline", "nick", "of", "question", "withdrawn")

    def __init__(self, of: "Questions", nick: str, question: Question, answer: Answer[str]) -> None:
        self.of = of
        self.nick = nick  # folded
        self.question = question
        self.answer = answer
        self.deadline = NEVER
        self.withdrawn = False

    def written(self) -> None:
        self.deadline = self.of.due()

    def lost(self, why: Refused) -> None:
        self.of.drop(self, why)


class Questions:
    """Both directions of one session."""

    __slots__ = ("_answered", "_answers", "_common", "_open", "_version")

    _COMMANDS: ClassVar[dict[str, Question]] = {question.value.upper(): question for question in Question}

    def __init__(self, common: Common, version: str) -> None:
        self._common = common
        self._version = version
        self._open: list[_Asked] = []
        self._answers = float(_BURST)
        self._answered = common.clock.monotonic()

    # the user asks

    def ask(self, contact: str, question: Question, answer: Answer[str]) -> None:
        common = self._common
        # As the argument of PING comes back unchanged it could be anything; a time is what other clients send.
        argument = str(int(common.clock.now())) if question is Question.PING else ""
        try:
            line = serialise("PRIVMSG", check_nick(contact), ctcp.build(question.value.upper(), argument))
        except (BadAddress, Injection) as error:
            answer.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        asked = _Asked(self, common.standing.casemapping.fold(contact), question, answer)
        if len(self._open) >= _MAX_OPEN:
            answer.refused(full(common.network))
            return
        self._open.append(asked)
        if not common.queue.put(line, asked):
            self.drop(asked, full(common.network))

    def answer(self, line: Line) -> None:
        """A NOTICE with CTCP: the answer to the oldest such question to its sender, or nobody's business."""
        said = ctcp.parse(line.params[1])
        question = self._COMMANDS.get(said.command) if said is not None else None
        if said is None or question is None:
            return
        nick = self._common.standing.casemapping.fold(nick_of(line.source))
        for asked in self._open:
            if asked.nick == nick and asked.question is question and asked.deadline != NEVER:
                self._open.remove(asked)
                asked.answer.told(strip(said.argument) if question is not Question.PING else "")
                return

    def refuse(self, numeric: str, name: str, why: Refused) -> bool:
        """401 and its kind, about a (folded) nick; whether an open question can have caused it."""
        for asked in self._open:
            if asked.nick == name and asked.deadline != NEVER and numeric in ("401", "406", "531", "716"):
                self._open.remove(asked)
                asked.answer.refused(why)
                return True
        return False

    def due(self) -> float:
        at = self._common.clock.monotonic() + ANSWER_TIME
        self._common.alarm.need(at)
        return at

    def drop(self, asked: _Asked, why: Refused) -> None:
        if asked in self._open:
            self._open.remove(asked)
            asked.withdrawn = True
            asked.answer.refused(why)

    def expire(self, now: float) -> float:
        """Refuse what is overdue; when to look again."""
        for asked in [each for each in self._open if each.deadline <= now]:
            self.drop(asked, no_answer(self._common.network, "the question", ANSWER_TIME))
        return min((each.deadline for each in self._open), default=NEVER)

    def close(self, why: Refused) -> None:
        for asked in list(self._open):
            self.drop(asked, why)

    # the user is asked

    def asked(self, line: Line, said: ctcp.Ctcp) -> None:
        """A PRIVMSG with CTCP that is no action."""
        sender = nick_of(line.source)
        question = self._COMMANDS.get(said.command)
        mine = self._common.standing.is_me(line.params[0])
        if not sender or (question is None and not mine and said.command != "CLIENTINFO"):
            return  # sounds and the like, for everybody in a channel
        if not self._may_answer():
            return
        if question is None:
            self._unusual(sender, said)
            return

        def heard(words: str) -> None:
            self._reply(sender, said.command, self._words(question, said, words))

        self._common.sink.asked(sender, question, heard)

    def _unusual(self, sender: str, said: ctcp.Ctcp) -> None:
        """What neither clients nor we answer; but whoever wants to give the user something must not wait in silence."""
        if said.command == "CLIENTINFO":
            self._reply(sender, said.command, "ACTION CLIENTINFO PING TIME VERSION")
            return
        service = self._common.sink.service
        offer = _OFFER.match(strip(said.argument)) if said.command == "DCC" else None
        if offer is None:
            service(
                f"{sender} asks by CTCP: {one_line(strip(f'{said.command} {said.argument}'), _MAX_SHOWN)}"
            )
            return
        what = offer["what"].upper()
        name = one_line(offer["quoted"] or offer["name"] or "", _MAX_SHOWN)
        self._reply(sender, "DCC", f"REJECT {what} {name}")
        wants = f"send you the file {name}" if what == "SEND" else "connect to you directly"
        way = "to upload it, and to give you the link" if what == "SEND" else "to write to you here"
        service(f"{sender} wants to {wants} (DCC), which this gateway cannot do. Ask {sender} {way}.")

    def _words(self, question: Question, said: ctcp.Ctcp, words: str) -> str:
        if question is Question.PING:
            return said.argument[:64] if words else ""
        if question is Question.TIME:
            return words or time.strftime(
                "%a, %d %b %Y %H:%M:%S +0000", time.gmtime(self._common.clock.now())
            )
        return words or f"Causeway {self._version}"

    def _reply(self, nick: str, command: str, words: str) -> None:
        words = one_line(words, _MAX_ANSWER)
        if not words:
            return
        try:
            self._common.queue.put(serialise("NOTICE", check_nick(nick), ctcp.build(command, words)))
        except (BadAddress, Injection):
            return  # a question whose own words could not be sent back

    def _may_answer(self) -> bool:
        now = self._common.clock.monotonic()
        self._answers = min(float(_BURST), self._answers + (now - self._answered) / _INTERVAL)
        self._answered = now
        if self._answers < 1.0:
            return False
        self._answers -= 1.0
        return True
