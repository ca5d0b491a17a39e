"""Every codec of the bridge, fed line by line: they keep what they promise, and raise nothing but what they declare."""

import random
import re

from bridges.irc.lists import read_entry
from bridges.irc.login import WANTED
from bridges.irc.protocol import ctcp
from bridges.irc.protocol.caps import CapNegotiator
from bridges.irc.protocol.decode import decode
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.isupport import MAX_TOKENS, Isupport
from bridges.irc.protocol.line import Injection, Line, LineSplitter, Malformed, mask_of, parse, serialise
from bridges.irc.protocol.masks import BadMask, Somebody, mask_for, matches, read_mask
from bridges.irc.protocol.mechanisms import MOST_ITERATIONS, External, Plain, Scram
from bridges.irc.protocol.modes import apply, batches, difference, mode_words, parse_modes, parse_names
from bridges.irc.protocol.sasl import SaslEngine
from bridges.irc.protocol.split import pieces
from bridges.irc.text import one_line

_LIFE = 60  # lines of one connection
_BREAK = re.compile("[\r\n\0]")
_BOB = Somebody("Bob", "~b", "2001:db8:1:2:3:4:5:6", "bob")
_ME = Somebody("Nick", "n", "h")


class Codecs:
    """``feed`` takes one line as bytes. One object plays one connection after the other."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._splitter = LineSplitter()
        self._begin()

    def _begin(self) -> None:
        rng = self._random
        self._left = _LIFE
        self._support = Isupport()
        self._modes: dict[str, str] = {}
        scram = Scram("SCRAM-SHA-256", "Nick", "pencil", lambda: "abc")
        sasl = SaslEngine([External(), scram, Plain("Nick", "pencil")][int(rng.random() * 3) :])
        self._caps = CapNegotiator(
            WANTED, sasl=sasl if rng.random() < 0.8 else None, require_sasl=rng.random() < 0.5
        )
        self._sent(self._caps.start())

    def feed(self, data: bytes) -> None:
        end = (b"\r\n", b"\n", b"\r", b"\n\n")[int(self._random.random() * 4)]
        cut = int(self._random.random() * (len(data) + 1))
        for raw in (*self._splitter.feed(data[:cut]), *self._splitter.feed(data[cut:] + end)):
            assert raw
            assert b"\n" not in raw
            assert b"\r" not in raw
            self._line(decode(raw))
        self._left -= 1
        if not self._left:
            self._finish()
            self._begin()

    def _line(self, text: str) -> None:
        try:
            line = parse(text)
        except Malformed:
            return
        mask_of(line.source)
        self._negotiate(line)
        command, params = line.command, line.params
        if command == "005":
            self._support.load(params)
            assert len(self._support.tokens) <= MAX_TOKENS
            assert self._support.linelen >= 512
            for word in params:
                self._support.split_status(word)
                self._support.casemapping.fold(word)
        elif command in ("MODE", "324"):
            self._mode(params[1:] if command == "MODE" else params[2:])
        elif command == "353" and params:
            for entry in parse_names(params[-1], self._support):
                assert entry.nick
        elif command in ("367", "728", "348", "346"):
            read_entry(line)
        elif params:
            self._words(params[-1])
        self._again(line)

    def _negotiate(self, line: Line) -> None:
        caps = self._caps
        self._sent(caps.feed(line))
        work = caps.work
        if work is not None and self._random.random() < 0.5:
            assert work.iterations <= MOST_ITERATIONS
            self._sent(caps.worked(work, self._random.randbytes(32)))
        elif self._random.random() < 0.01:
            self._sent(caps.overdue())
        assert len(caps.offered) <= 512

    def _mode(self, params: list[str]) -> None:
        support = self._support
        changes = parse_modes(params, support)
        before = self._modes
        self._modes = apply(before, changes)
        wanted = difference(before, self._modes, support)
        whole = [change for part in batches(wanted, support, 200) for change in part]
        assert whole == wanted
        for part in batches(wanted, support, 200):
            assert " " not in "".join(mode_words(part)[:1])
        if len(self._modes) > 200:
            self._modes = {}

    def _words(self, text: str) -> None:
        said = ctcp.parse(text)
        if said is not None:
            text = said.argument
        plain = strip(text)
        assert "\x02" not in plain
        joined = "".join(pieces(plain, limit_bytes=100))
        assert len(joined) <= len(plain)
        for piece in pieces(plain, limit_bytes=100):
            assert 0 < len(piece.encode("utf-8", "replace")) <= 100
            assert not re.search("[\r\n]", piece)
        short = one_line(text, 60)
        assert not _BREAK.search(short)
        try:
            mask = read_mask(text)
        except BadMask:
            return
        matches(mask, _BOB, self._support.casemapping)
        try:
            mask_for(_BOB, self._support, _ME)
        except BadMask:
            return

    def _again(self, line: Line) -> None:
        """What can be sent is read as it was meant."""
        try:
            text = serialise(line.command, *line.params)
        except Injection:
            return
        self._sent([text])
        again = parse(text)
        assert again.params == line.params
        assert again.command == line.command

    @staticmethod
    def _sent(lines: list[str]) -> None:
        for line in lines:
            assert not _BREAK.search(line)

    def _finish(self) -> None:
        """However broken it was, the negotiation ends once time passes."""
        for _ in range(600):
            if not self._caps.waiting or self._caps.failed:
                return
            self._sent(self._caps.overdue())
        raise AssertionError("the negotiation does not end")
