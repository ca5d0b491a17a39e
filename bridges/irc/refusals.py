"""Error replies: to the one request that each answers, or else to the room it is about, or to the user."""

from bridges.irc.common import Common
from bridges.irc.console import Console
from bridges.irc.governing import Governing
from bridges.irc.joining import Joining
from bridges.irc.listing import Listing
from bridges.irc.numerics import refused
from bridges.irc.protocol.line import Line
from bridges.irc.questions import Questions
from bridges.irc.regain import Regain
from bridges.irc.requests import Requests
from bridges.irc.rooms import Rooms
from bridges.irc.speaking import Speaking


class Refusals:
    """One session's; asks every part that has something open, in the order in which they are given."""

    __slots__ = (
        "_common",
        "_console",
        "_governing",
        "_joining",
        "_listing",
        "_questions",
        "_regain",
        "_requests",
        "_rooms",
        "_speaking",
    )

    def __init__(
        self,
        common: Common,
        console: Console,
        rooms: Rooms,
        joining: Joining,
        regain: Regain,
        requests: Requests,
        governing: Governing,
        speaking: Speaking,
        listing: Listing,
        questions: Questions,
    ) -> None:
        self._common = common
        self._console = console
        self._rooms = rooms
        self._joining = joining
        self._regain = regain
        self._requests = requests
        self._governing = governing
        self._speaking = speaking
        self._listing = listing
        self._questions = questions

    def take(self, line: Line) -> None:
        about = line.params[1] if len(line.params) > 1 else ""
        if line.command in ("403", "442") and self._rooms.not_in(about):
            return
        common = self._common
        key = common.standing.casemapping.fold(about)
        why = refused(line.command, line.params, common.network)
        channel = (
            common.channels.get(line.params[2]) if line.command == "441" and len(line.params) > 2 else None
        )
        if (
            self._joining.refuse(line)
            or self._regain.refused(line.command)
            or self._requests.refused(line.command, channel.key if channel is not None else key, why)
            or self._governing.refuses(line)
            or self._speaking.refuse(line, why)
            or self._listing.refuse(line, why)
            or self._questions.refuse(line.command, key, why)
            or (not self._console.asked and self._speaking.belied(line, key, why))
        ):
            self._console.copy(line)
            return
        room = common.channels.get(about)
        if room is not None and not self._console.asked:
            self._rooms.note(room, why.text)
        else:
            self._console.error(line, why)
