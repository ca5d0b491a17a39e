"""The parts of one session, put together: who knows whom. What they do, and when they are called, is in ``life`` and
``session``."""

from typing import Protocol

from bridges.irc.alarm import Alarm
from bridges.irc.answers import Answers
from bridges.irc.backlog import Backlog
from bridges.irc.channels import Channels
from bridges.irc.commands import Commands
from bridges.irc.common import Common
from bridges.irc.composing import Composing
from bridges.irc.console import Console
from bridges.irc.entry import Entry, Security
from bridges.irc.expression import Expression
from bridges.irc.governing import Governing
from bridges.irc.hearing import Hearing
from bridges.irc.inquiries import Inquiries
from bridges.irc.inviting import Inviting
from bridges.irc.joining import Joining
from bridges.irc.labels import Labels
from bridges.irc.listing import Listing
from bridges.irc.particulars import Particulars
from bridges.irc.pasting import Pasting
from bridges.irc.prelude import Prelude
from bridges.irc.profile import Profile
from bridges.irc.protocol.line import Line
from bridges.irc.questions import Questions
from bridges.irc.refusals import Refusals
from bridges.irc.regain import Regain
from bridges.irc.requests import Requests
from bridges.irc.room_modes import RoomModes
from bridges.irc.rooms import Rooms
from bridges.irc.sendqueue import SendQueue
from bridges.irc.speaking import Speaking
from bridges.irc.standing import Standing
from bridges.irc.tally import Tally
from bridges.irc.terms import Terms
from gateway.bridge import Capabilities, Services, SessionEnded, Sink
from gateway.model import Refused


class Household(Protocol):
    """What the parts need of the life of the connection around them."""

    def ring(self, now: float) -> float:
        """A deadline may have come; when to look again."""

    def dispatch(self, line: Line) -> None:
        """Give a line to the part that handles its command."""

    def give_up(self, why: SessionEnded) -> None:
        """Hang up: the login failed while nobody was calling."""

    def lengthen(self, linelen: int) -> None:
        """The server takes lines of so many bytes."""


class Parts:
    """Of one session. There are as many of each as sessions, so all are small, and make what they hold when they need it."""

    __slots__ = (
        "alarm",
        "answers",
        "backlog",
        "commands",
        "composing",
        "console",
        "entry",
        "expression",
        "governing",
        "hearing",
        "inviting",
        "joining",
        "life",
        "listing",
        "particulars",
        "pasting",
        "prelude",
        "questions",
        "queue",
        "refusals",
        "regain",
        "requests",
        "rooms",
        "speaking",
        "standing",
        "terms",
    )

    def __init__(
        self,
        life: Household,
        profile: Profile,
        sink: Sink,
        services: Services,
        plain: Capabilities,
        security: Security,
        tally: Tally,
        *,
        show_all: bool,
    ) -> None:
        clock, settings = services.clock, profile.settings
        self.life = life
        self.standing = Standing(profile.nick, profile.encodings)
        self.alarm = Alarm(clock, life.ring)
        self.queue = SendQueue(clock, burst=profile.burst, rate=profile.rate, tally=tally)
        common = Common(
            profile.network,
            sink,
            clock,
            self.standing,
            Channels(self.standing),
            self.queue,
            self.alarm,
            tally,
            services.verbosity,
            services.name,
        )
        self.console = Console(common, show_all)
        labels = Labels(clock, self.alarm)
        self.requests = Requests(common, labels)
        self.joining = Joining(common)
        inquiries = Inquiries(common)
        modes = RoomModes(common, inquiries)
        self.regain = Regain(common, profile.nick, settings.regain_commands)
        self.backlog = Backlog(common, security.seen, profile.user)
        self.rooms = Rooms(
            common,
            self.joining,
            self.requests,
            self.console,
            modes,
            self.regain,
            self.backlog,
            inquiries,
            server_modes=show_all,
            names_time=settings.names_timeout,
        )
        self.composing = Composing(common)
        self.pasting = Pasting(common, settings.paste_lines)
        self.speaking = Speaking(common, labels, self.composing, self.pasting)
        self.questions = Questions(common, services.version)
        self.hearing = Hearing(
            common,
            self.console,
            self.speaking,
            self.questions,
            self.composing,
            self.backlog,
            formatting=settings.formatting,
        )
        self.expression = Expression(
            common,
            self.requests,
            self.speaking,
            self.hearing,
            self.composing,
            formatting=settings.formatting,
        )
        self.answers = Answers(
            common,
            labels,
            self.requests,
            self.speaking,
            self.hearing,
            self.console,
            self.rooms.splits,
            life.dispatch,
        )
        self.listing = Listing(common, self.console)
        self.commands = Commands(common, self.requests, self.console)
        self.prelude = Prelude(common, self.commands, profile.commands, self.joining.release)
        self.inviting = Inviting(common, self.requests, self.console)
        self.governing = Governing(common, inquiries, modes, self.console)
        self.entry = Entry(profile, security, clock, services.random, self)
        self.particulars = Particulars(common, self.entry)
        self.refusals = Refusals(
            common,
            self.console,
            self.rooms,
            self.joining,
            self.regain,
            self.requests,
            self.governing,
            self.speaking,
            self.listing,
            self.questions,
        )
        self.terms = Terms(
            common,
            self.entry,
            self.console,
            self.joining,
            self.rooms,
            self.regain,
            plain,
            life.lengthen,
            self.refusals.take,
            typing=settings.typing,
        )

    # -- ``entry.Hall`` ----------------------------------------------------------------------------------------

    def urgent(self, line: str) -> None:
        self.queue.urgent(line)

    def need(self, at: float) -> None:
        self.alarm.need(at)

    def progress(self, text: str) -> None:
        self.console.progress(text)

    def failed(self, why: SessionEnded) -> None:
        self.life.give_up(why)

    # -- all together ------------------------------------------------------------------------------------------

    def expire(self, now: float) -> float:
        """Everything that is overdue; when to look again. The login has its own."""
        return min(
            self.regain.expire(now),
            self.joining.expire(now),
            self.rooms.expire(now),
            self.composing.expire(now),
            self.requests.expire(now),
            self.answers.expire(now),
            self.listing.expire(now),
            self.questions.expire(now),
            self.governing.expire(now),
            self.pasting.expire(now),
            self.backlog.expire(now),
        )

    def close(self, why: Refused) -> None:
        """The connection is over, and with it whatever waits for an answer."""
        self.alarm.stop()
        self.entry.close()
        self.joining.close()
        self.prelude.close()
        self.queue.close(why)
        self.requests.close(why)
        self.answers.close(why)
        self.listing.close(why)
        self.questions.close(why)
        self.governing.close(why)
        self.pasting.close(why)
        self.backlog.close()
