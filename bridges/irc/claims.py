"""Which of our connections is whose, by the ports that the other end can name (RFC 1413).

Knows sockets and opaque names of users. Told by who dials and by who holds a connection; asked by ``identd``.
"""

import socket
from ipaddress import IPv6Address, ip_address

#: Address and port, as sockets have them; IPv6 has more after these.
Place = tuple[str, int]


class Claims:
    """Connections under way by their sockets, because a server asks as soon as it is called, and standing ones by both ends.
    Addresses are compared, not only ports: two users can have the same port on different addresses."""

    def __init__(self) -> None:
        self._expected: dict[socket.socket, str] = {}
        self._held: dict[tuple[int, int, str], dict[str, str]] = {}  # owners by our own address

    def expect(self, sock: socket.socket, owner: str) -> None:
        """``sock`` is about to connect."""
        self._expected[sock] = owner

    def forget(self, sock: socket.socket) -> None:
        """The attempt is over: it failed, or the connection is held."""
        self._expected.pop(sock, None)

    def hold(self, here: Place, there: Place, owner: str) -> None:
        self._held.setdefault(_key(here, there), {})[plain(here[0])] = owner

    def release(self, here: Place, there: Place) -> None:
        key = _key(here, there)
        owners = self._held.get(key)
        if owners is not None:
            owners.pop(plain(here[0]), None)
            if not owners:
                del self._held[key]

    def whose(self, here: Place, there: Place) -> str | None:
        """The owner of a connection from ``here`` to ``there``; None if there is no such connection. Where a translation of
        addresses hides ours, the ports and the other end decide, if only one connection has them."""
        key, mine = _key(here, there), plain(here[0])
        owners = {**self._under_way(key), **self._held.get(key, {})}
        if mine in owners:
            return owners[mine]
        return next(iter(owners.values())) if len(owners) == 1 else None

    def _under_way(self, wanted: tuple[int, int, str]) -> dict[str, str]:
        found = {}
        for sock, owner in self._expected.items():
            try:
                here = sock.getsockname()
                there = sock.getpeername()
            except OSError:  # not connected yet, or not any more
                continue
            if _key(here, there) == wanted:
                found[plain(here[0])] = owner
        return found


def _key(here: Place, there: Place) -> tuple[int, int, str]:
    return here[1], there[1], plain(there[0])


def plain(address: str) -> str:
    """An address as it is compared: without zone, and IPv4 in its own form even where a socket for both has it."""
    found = ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
