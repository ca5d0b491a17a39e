"""Getting into channels: JOINs gathered into few lines, and the refusals and silences that answer them."""

from collections import Counter, deque
from dataclasses import dataclass, replace

from bridges.irc.addresses import check_channel, is_channel
from bridges.irc.alarm import NEVER
from bridges.irc.common import Common
from bridges.irc.numerics import REFUSES_JOIN, no_answer, refused
from bridges.irc.protocol.isupport import UNLIMITED
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.sendqueue import full
from gateway.bridge import BadAddress, Cancellable
from gateway.model import Address, AddressKind, Condition, ErrorType, Refused

LOGIN_TIME = 20.0  # seconds that services may take to log the user in after the welcome
ANSWER_TIME = 20.0  # seconds for the first sign of an answer, from the moment the line was written
MAX_LINE = 450  # bytes: leaves room for the prefixes that bouncers and servers add


@dataclass(slots=True)
class _Wish:
    """A channel we asked to be let into. A ``sendqueue.Parcel`` joins all wishes of a line."""

    key: str
    name: str
    password: str
    deadline: float = NEVER
    held: Refused | None = None  # the refusal, while a login may still open the channel
    again: bool = False  # was tried a second time


class _Joins:
    """One JOIN line. A ``sendqueue.Parcel``."""

    __slots__ = ("of", "wishes", "withdrawn")

    def __init__(self, of: "Joining", wishes: list[_Wish]) -> None:
        self.of = of
        self.wishes = wishes
        self.withdrawn = False

    def written(self) -> None:
        self.of.asked(self.wishes)

    def lost(self, why: Refused) -> None:
        for wish in self.wishes:
            self.of.give_up(wish, why)


class Joining:
    """The joins of one session that are not answered yet."""

    __slots__ = ("_common", "_flush", "_gathered", "_held", "_login_by", "_wanted")

    def __init__(self, common: Common) -> None:
        self._common = common
        self._wanted: dict[str, _Wish] = {}
        self._gathered: list[_Wish] = []
        self._flush: Cancellable | None = None
        self._held = False  # something is to be done before
        self._login_by = 0.0  # until when a login to an account may come: monotonic seconds

    def hold(self) -> None:
        """Ask for nothing before ``release``."""
        self._held = True

    def release(self) -> None:
        self._held = False
        if self._gathered and self._flush is None:
            self._flush = self._common.clock.call_later(0.0, self._send)

    def expect_login(self) -> None:
        """We are in and not logged in to an account, but may be soon."""
        self._login_by = self._common.clock.monotonic() + LOGIN_TIME

    def logged_in(self) -> None:
        """To an account: what was refused for want of one is asked for once more."""
        self._login_by = 0.0
        for wish in self._wanted.values():
            if wish.held is not None:
                wish.held, wish.again, wish.deadline = None, True, NEVER
                self._gather(wish)

    def join(self, name: str, password: str) -> None:
        """Ask to be let in. Outcome: ``entered``, or ``Sink.room_refused``."""
        common = self._common
        key = common.standing.fold(name)
        try:
            check_channel(name)
            if not is_channel(name):  # "JOIN 0" would leave every channel (RFC 2812 §3.2.1)
                raise BadAddress(f'"{name}" is not a channel: names of channels start with # or &.')
            if any(char in password for char in "\r\n\0 ,"):
                raise BadAddress("The password of a channel cannot hold spaces, commas or line breaks.")
            if len(_line([_Wish(key, name, password)]).encode("utf-8", "replace")) > MAX_LINE:
                raise BadAddress(
                    f"The name of {name[:60]} and its password are too long for one line to the network."
                )
        except BadAddress as error:
            common.sink.room_refused(key, Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        wish = self._wanted.get(key)
        if wish is not None and wish.password == password:
            return  # asked already
        wish = self._wanted[key] = _Wish(key, name, password)
        self._gather(wish)

    def _gather(self, wish: _Wish) -> None:
        self._gathered.append(wish)
        if self._flush is None and not self._held:  # all joins of this turn of the loop go out together
            self._flush = self._common.clock.call_later(0.0, self._send)

    def entered(self, name: str) -> None:
        """We are in ``name``."""
        common = self._common
        wish = self._wanted.pop(common.standing.fold(name), None)
        if not self._wanted:
            self._wanted = {}  # a dictionary stays as large as it was
        if wish is None and name[:1] == "!" and name[6:]:
            # RFC 2811 §3.2: five characters of the server's stand before what people call a safe channel.
            for short in (f"!{name[6:]}", f"!!{name[6:]}"):
                wish = self._wanted.pop(common.standing.fold(short), None)
                if wish is not None:
                    whole = Address(AddressKind.ROOM, common.network, name)
                    why = refused(
                        "470", ("", short, "That is the channel's whole name"), common.network, whole
                    )
                    common.sink.room_refused(wish.key, replace(why, text=f"{why.text} Join {name}."))

    def forget(self, name: str) -> bool:
        """Nobody wants to join ``name`` any more; whether somebody had, and the JOIN may be under way."""
        wish = self._wanted.pop(self._common.standing.fold(name), None)
        if wish is not None and wish in self._gathered:
            self._gathered.remove(wish)
            return False
        return wish is not None

    def refuse(self, line: Line) -> bool:
        """An error numeric: whether it answers a join."""
        if line.command not in REFUSES_JOIN or len(line.params) < 2:
            return False
        key = self._common.standing.fold(line.params[1])
        wish = self._wanted.get(key)
        if wish is None:
            return False
        why = refused(line.command, line.params, self._common.network, self._elsewhere(line))
        support = self._common.standing.support
        # InspIRCd does not tell that it knows KNOCK, but the mode that forbids it.
        if line.command == "473" and (support.knock or "K" in support.chanmodes.never):
            knock = f'Or knock: send "KNOCK {wish.name}" to the address of {self._common.network} itself.'
            why = replace(why, text=f"{why.text} {knock}")
        if (
            why.condition is Condition.REGISTRATION_REQUIRED
            and line.command == "477"
            and not wish.again
            and self._common.clock.monotonic() < self._login_by
        ):
            wish.held, wish.deadline = why, self._login_by
            self._common.alarm.need(self._login_by)
            return True
        del self._wanted[key]
        self._common.sink.room_refused(wish.key, why)
        return True

    def asked(self, wishes: list[_Wish]) -> None:
        at = self._common.clock.monotonic() + ANSWER_TIME
        for wish in wishes:
            wish.deadline = at
        self._common.alarm.need(at)

    def give_up(self, wish: _Wish, why: Refused) -> None:
        if self._wanted.get(wish.key) is wish:
            del self._wanted[wish.key]
            self._common.sink.room_refused(wish.key, why)

    def expire(self, now: float) -> float:
        """Refuse what is overdue; when to look again."""
        following = NEVER
        for wish in list(self._wanted.values()):
            if wish.deadline <= now:
                silence = no_answer(self._common.network, f"the join of {wish.name}", ANSWER_TIME)
                self.give_up(wish, wish.held or silence)
            else:
                following = min(following, wish.deadline)
        return following

    def refold(self) -> None:
        fold = self._common.standing.fold
        for wish in self._wanted.values():
            wish.key = fold(wish.name)
        self._wanted = {wish.key: wish for wish in self._wanted.values()}

    def close(self) -> None:
        """The connection is over; what the core wants it will ask of the next one."""
        if self._flush is not None:
            self._flush.cancel()
        self._gathered.clear()
        self._wanted.clear()

    def _send(self) -> None:
        self._flush = None
        # Keys are matched to channels by position, so channels that have one come first (RFC 2812 §3.2.1).
        wishes = deque(sorted(self._allowed(), key=lambda wish: not wish.password))
        self._gathered.clear()
        targets = self._common.standing.support.targmax.get("JOIN", UNLIMITED)
        while wishes:
            batch = [wishes.popleft()]
            while wishes and len(batch) < targets and len(_line([*batch, wishes[0]]).encode()) <= MAX_LINE:
                batch.append(wishes.popleft())
            parcel = _Joins(self, batch)
            if not self._common.queue.put(_line(batch), parcel):
                parcel.lost(full(self._common.network))

    def _allowed(self) -> list[_Wish]:
        """What was gathered, without the channels that are more than the server lets anybody be in (CHANLIMIT)."""
        common = self._common
        limits = common.standing.support.chanlimit
        if not limits:
            return self._gathered
        asked = [wish.name for wish in self._wanted.values() if wish.deadline != NEVER]
        taken = Counter(name[:1] for name in (*asked, *(channel.name for channel in common.channels)))
        allowed = []
        for wish in self._gathered:
            kind = wish.name[:1]
            taken[kind] += 1
            if taken[kind] > limits.get(kind, UNLIMITED):
                text = f"{common.network} lets nobody be in more than {limits[kind]} such channels. Leave one and try again."
                self.give_up(wish, Refused(Condition.RESOURCE_CONSTRAINT, text, ErrorType.CANCEL))
            else:
                allowed.append(wish)
        return allowed

    def _elsewhere(self, line: Line) -> Address | None:
        """470 (Solanum, InspIRCd, UnrealIRCd): ``nick #asked #forwarded-to :text``."""
        if line.command != "470" or len(line.params) < 4:
            return None
        return Address(AddressKind.ROOM, self._common.network, line.params[2])


def _line(wishes: list[_Wish]) -> str:
    names = ",".join(wish.name for wish in wishes)
    keys = ",".join(wish.password for wish in wishes if wish.password)
    return serialise("JOIN", names, keys) if keys else serialise("JOIN", names)
