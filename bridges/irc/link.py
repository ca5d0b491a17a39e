"""The edge over the ``irc`` library: one TCP or TLS connection that turns bytes into lines and lines into bytes."""

from collections.abc import Callable

from bridges.irc.dial import Endpoint
from bridges.irc.protocol.line import Line


class IrcReactor:
    """Owner of all connections of this process: loop, dialer and TLS contexts."""

    def connection(
        self,
        on_line: Callable[[Line], None],
        on_closed: Callable[[str], None],
        on_writable: Callable[[], None],
    ) -> "IrcConnection":
        raise NotImplementedError


class IrcConnection:
    """One connection, used once. ``on_closed(cause)`` comes exactly once after a successful ``open``, after the last line."""

    fallback_encoding: str
    linelen: int
    writable: bool

    async def open(self, endpoint: Endpoint, *, timeout: float = 30.0) -> None:
        """Dial (seconds). Raises ``ConnectFailed`` with one sentence for people."""
        raise NotImplementedError

    def send(self, line: str) -> None:
        """Raises ``Injection``, ``TooLong``; a no-op once closed."""
        raise NotImplementedError

    def close(self, cause: str = "") -> None:
        """Write what is queued, then hang up; ``abort`` if the peer does not take it."""
        raise NotImplementedError

    def abort(self, cause: str = "") -> None:
        raise NotImplementedError
