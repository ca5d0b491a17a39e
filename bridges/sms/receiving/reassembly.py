"""Pieces of long messages (3GPP TS 23.040 §9.2.3.24.1), put together: sans-I/O, told the time with every call.

Which pieces belong together, when one is a piece that came before, and when no more are waited for. References are small and
come again, some senders have only one, pieces come twice and in any order, and nothing may be lost of all that. So:

* A piece that the set has, with the same octets, is the same again. With other octets it begins a new message, and the set
  is given out as it is.
* A set that was given out is remembered. Pieces that were in it are kept in a set of echoes, which shows nobody anything,
  until one comes that was not: then it is a new message with that reference, and they are its pieces.

Knows no alphabets and no tables: whoever calls keeps the pieces, and gives them again after a restart.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b

from bridges.sms.receiving.rows import Taken
from bridges.sms.traffic import Concatenation

#: Who sent it how: route, sender, recipient, reference, width, total.
Key = tuple[str, str, str, str, int, int]

_MOST_TOTAL = 255  # TS 23.040: one octet
_MOST_PAST = 20_000  # sets that are remembered, however short a time ago they were put together


@dataclass(frozen=True, slots=True)
class ReassemblyLimits:
    """``seconds`` since the last new piece, after which no more are waited for."""

    seconds: float = 300.0
    of_sender: int = 20
    in_all: int = 1_000


@dataclass(frozen=True, slots=True)
class Whole:
    """A message: its pieces in order, None for each that did not come. ``digests`` are remembered for ``key``; both are
    empty for a message that was never in pieces."""

    pieces: tuple[Taken | None, ...]
    key: str = ""
    digests: str = ""

    @property
    def there(self) -> tuple[Taken, ...]:
        """The pieces that came; never none."""
        return tuple(each for each in self.pieces if each is not None)

    @property
    def last(self) -> Taken:
        """The piece that came last: the message is known by it."""
        return max(self.there, key=lambda each: each.id)


@dataclass(frozen=True, slots=True)
class Echo:
    """What was here before, and is not shown again."""

    there: tuple[Taken, ...]


Result = Whole | Echo


@dataclass(slots=True)
class _Set:
    key: Key
    touched: float
    echo: bool  # all that is in it was in the one before
    pieces: dict[int, Taken] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Past:
    until: float
    digests: str

    def has(self, number: int, digest: str) -> bool:
        return self.digests[16 * (number - 1) : 16 * number] == digest


def proper(part: Concatenation) -> bool:
    """Whether it is one of several pieces; a header that makes no sense is none, and the text behind it still one."""
    return 1 < part.total <= _MOST_TOTAL and 1 <= part.number <= part.total


def written(key: Key) -> str:
    """A key as it is kept."""
    data = "\0".join(f"{len(str(part))}:{part}" for part in key).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=16).hexdigest()


class Reassembly:
    """Owns the sets that are open, and what is remembered of those that were."""

    def __init__(self, limits: ReassemblyLimits) -> None:
        self._limits = limits
        self._open: OrderedDict[Key, _Set] = OrderedDict()  # the one that was touched longest ago first
        self._of_sender: dict[tuple[str, str], OrderedDict[Key, None]] = {}
        self._past: OrderedDict[str, _Past] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def remember(self, key: str, digests: str, joined: float) -> None:
        """What was put together before a restart, in the order in which it was."""
        self._past.pop(key, None)
        self._past[key] = _Past(joined + self._limits.seconds, digests)
        if len(self._past) > _MOST_PAST:
            self._past.popitem(last=False)

    def take(self, taken: Taken, now: float) -> list[Result]:
        """A message or a piece. What is whole by it, after what it pushed out."""
        part = taken.inbound.concatenation
        if part is None or not proper(part):
            return [Whole((taken,))]
        inbound = taken.inbound
        key = inbound.route, inbound.sender, inbound.recipient, part.reference, part.width, part.total
        digest = _digest(taken)
        results: list[Result] = []
        found = self._open.get(key)
        if found is not None and found.digests.get(part.number, digest) != digest:
            results.append(self._close(found, now))
            found = None
        past = self._remembered(key, now)
        if found is None:
            results += self._make_room(key, now)
            found = self._begin(key, now, echo=past is not None)
        if part.number in found.pieces:
            results.append(Echo((taken,)))
            return results
        found.pieces[part.number], found.digests[part.number] = taken, digest
        found.echo = found.echo and past is not None and past.has(part.number, digest)
        self._touch(found, now)
        if len(found.pieces) == part.total:
            results.append(self._close(found, now))
        return results

    def due(self, now: float) -> list[Result]:
        """What is waited for no longer."""
        results: list[Result] = []
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.touched + self._limits.seconds > now:
                break
            results.append(self._close(oldest, now))
        while self._past and next(iter(self._past.values())).until <= now:
            self._past.popitem(last=False)
        return results

    @property
    def next_due(self) -> float | None:
        """When ``due`` will have something; None while nothing is open."""
        if not self._open:
            return None
        return next(iter(self._open.values())).touched + self._limits.seconds

    # How

    def _begin(self, key: Key, now: float, *, echo: bool) -> _Set:
        found = self._open[key] = _Set(key, now, echo)
        self._of_sender.setdefault(key[:2], OrderedDict())[key] = None
        return found

    def _touch(self, found: _Set, now: float) -> None:
        found.touched = now
        self._open.move_to_end(found.key)
        self._of_sender[found.key[:2]].move_to_end(found.key)

    def _make_room(self, key: Key, now: float) -> list[Result]:
        """One more is to be opened: the oldest is given out as it is, rather than lost."""
        results: list[Result] = []
        mine = self._of_sender.get(key[:2])
        if mine is not None and len(mine) >= self._limits.of_sender:
            results.append(self._close(self._open[next(iter(mine))], now))
        if len(self._open) >= self._limits.in_all:
            results.append(self._close(next(iter(self._open.values())), now))
        return results

    def _close(self, found: _Set, now: float) -> Result:
        key = found.key
        del self._open[key]
        mine = self._of_sender[key[:2]]
        del mine[key]
        if not mine:
            del self._of_sender[key[:2]]
        if found.echo:
            return Echo(tuple(found.pieces.values()))
        numbers = range(1, key[5] + 1)
        name = written(key)
        digests = "".join(found.digests.get(number, "0" * 16) for number in numbers)
        self.remember(name, digests, now)
        return Whole(tuple(found.pieces.get(number) for number in numbers), name, digests)

    def _remembered(self, key: Key, now: float) -> _Past | None:
        past = self._past.get(written(key)) if self._past else None
        return past if past is not None and past.until > now else None


def _digest(taken: Taken) -> str:
    inbound = taken.inbound
    parts = (inbound.alphabet.value, inbound.locking, inbound.single, inbound.nature.value, inbound.port)
    data = inbound.data + b"\0" + inbound.text.encode("utf-8", "surrogatepass") + repr(parts).encode()
    return blake2b(data, digest_size=8).hexdigest()
