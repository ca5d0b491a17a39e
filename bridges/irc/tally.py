"""What is counted of connections: one object for each configured network, and one for all others together.

Sessions and connections add to plain numbers; who reads them, and how they are called outside, is only known here.
"""

from collections.abc import Iterable, Iterator

from gateway.bridge import Measure, MeasureKind

_OTHER = "other"


class Tally:
    """Of one network, since the start."""

    __slots__ = (
        "lag",
        "lines_in",
        "lines_out",
        "logins",
        "lost",
        "open",
        "refused",
        "rejected",
        "splits",
        "throttled",
        "waiting",
    )

    def __init__(self) -> None:
        self.open = 0  # connections that there are now
        self.lines_in = self.lines_out = 0
        self.logins = 0
        self.refused = 0  # logins, for what the user has set otherwise: the server's password, the nick
        self.rejected = 0  # logins, for the account's password or certificate (SASL)
        self.lost = 0  # connections that ended otherwise than by us
        self.splits = 0  # as one user saw them
        self.throttled = 0  # lines that had to wait for their pace
        self.waiting = 0  # lines, or batches of them, that wait now
        self.lag = 0.0  # seconds from the last PING that somebody waited for to its PONG


class Tallies:
    """``networks``: those that the operator has named. A user's own network has no name here: there are as many as users
    think of."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._tallies = {_OTHER: Tally(), **{name: Tally() for name in networks}}

    def of(self, network: str) -> Tally:
        return self._tallies.get(network) or self._tallies[_OTHER]

    def know(self, networks: Iterable[str]) -> None:
        """The operator has named others; who is connected is counted where it was."""
        for name in networks:
            self._tallies.setdefault(name, Tally())

    def measures(self) -> Iterator[Measure]:
        for network, tally in self._tallies.items():
            label = ("network", network)
            yield Measure(
                "irc_connections", "Connections to IRC servers.", MeasureKind.GAUGE, tally.open, (label,)
            )
            for direction, count in (("in", tally.lines_in), ("out", tally.lines_out)):
                yield _counter(
                    "irc_lines_total",
                    "Lines from and to IRC servers.",
                    count,
                    label,
                    ("direction", direction),
                )
            logins = "Logins that an IRC server has taken, or refused for what the user has set; sasl: for the account."
            yield _counter("irc_logins_total", logins, tally.logins, label, ("outcome", "taken"))
            yield _counter("irc_logins_total", logins, tally.refused, label, ("outcome", "refused"))
            yield _counter("irc_logins_total", logins, tally.rejected, label, ("outcome", "sasl"))
            yield _counter(
                "irc_connections_lost_total", "Connections that ended without our asking.", tally.lost, label
            )
            yield _counter(
                "irc_netsplits_total", "Netsplits, counted for each user who saw one.", tally.splits, label
            )
            yield _counter(
                "irc_lines_throttled_total", "Lines that had to wait for their pace.", tally.throttled, label
            )
            yield Measure(
                "irc_lines_waiting", "Lines that wait to be sent.", MeasureKind.GAUGE, tally.waiting, (label,)
            )
            yield Measure(
                "irc_lag_seconds",
                "Seconds from the last PING to its PONG.",
                MeasureKind.GAUGE,
                tally.lag,
                (label,),
            )


def _counter(name: str, help_: str, value: float, *labels: tuple[str, str]) -> Measure:
    return Measure(name, help_, MeasureKind.COUNTER, value, labels)
