"""Lines as IRC servers send them, and as nobody should: made by a grammar, then often broken. All from one seed.

Knows which words stand in which commands, so that broken lines get past the first look at them; nothing else.
"""

import random
import string

from tests.fuzz.irc.words import (
    BASE64,
    CAPS,
    CHALLENGES,
    CHANNELS,
    MASKS,
    MODES,
    NAMES,
    NICKS,
    NUMERICS,
    SOURCES,
    STAMPS,
    TAGS,
    TEXTS,
    TOKENS,
    WORDS,
)

_BREAKERS = (
    " ",
    "  ",
    ":",
    " :",
    "\x00",
    "\r",
    "@",
    "!",
    ",",
    "\x01",
    "\x03",
    "\\",
    "=",
    "\u3000",
    "\ud800",
    "é",
    "😀",
    "%",
    "\x7f",
    ";",
)


class Lines:
    """``line()`` gives one after the other, without line ends, as text; some hold what could never be on one line."""

    def __init__(self, rng: random.Random) -> None:
        self.random = rng
        self._kept: list[str] = ["x"]

    def line(self, *, login: bool = False) -> str:
        """``login``: as before the welcome."""
        chance = self.random.random()
        if chance < 0.6:
            text = self._sound(login=login)
        elif chance < 0.95:
            text = self._broken(self._sound(login=login))
        else:
            text = self._broken(self._broken(self._pick(self._kept)))
        if chance < 0.02:
            self._keep(text)
        return text

    def raw(self) -> bytes:
        """A line as bytes, which need not be UTF-8."""
        data = self.line().encode("utf-8", "surrogatepass")
        if self.random.random() < 0.05:
            at = self.random.randrange(len(data) + 1)
            data = data[:at] + self.random.randbytes(self.random.randrange(1, 5)) + data[at:]
        return data

    def _keep(self, text: str) -> None:
        if len(self._kept) < 500:
            self._kept.append(text)
        else:
            self._kept[self.random.randrange(500)] = text

    def _pick(self, of: "list[str] | tuple[str, ...]") -> str:
        return of[int(self.random.random() * len(of))]

    def _sound(self, *, login: bool) -> str:
        pick, chance = self._pick, self.random.random
        make = _LOGIN if login and chance() < 0.8 else _COMMANDS
        words = make[int(chance() * len(make))](self)
        head = ""
        if chance() < 0.3:
            head = "@" + ";".join(pick(TAGS) for _ in range(1 + int(chance() * 3))) + " "
        return f"{head}{pick(SOURCES)}{words}"

    def _broken(self, text: str) -> str:
        rng = self.random
        at = int(rng.random() * (len(text) + 1))
        match int(rng.random() * 9):
            case 0:
                return text[:at] + self._pick(_BREAKERS) + text[at:]
            case 1:
                return text[:at] + text[at + 1 + int(rng.random() * 4) :]
            case 2:
                return text[:at]
            case 3:
                return text[at:]
            case 4:
                return text[:at] + text[max(0, at - 8) :]
            case 5:
                return text[:at] + self._pick(WORDS) + text[at:]
            case 6:
                words = text.split(" ")
                words[int(rng.random() * len(words))] = self._pick(WORDS)
                return " ".join(words)
            case 7:
                words = text.split(" ")
                rng.shuffle(words)
                return " ".join(words)
            case _:
                if rng.random() < 0.02:
                    return text[:at] + rng.choice(string.printable) * int(rng.random() * 20_000) + text[at:]
                return text[:at] + chr(int(rng.random() * 0x300)) + text[at:]

    def some(self, of: tuple[str, ...], most: int) -> str:
        return " ".join(self._pick(of) for _ in range(int(self.random.random() * (most + 1))))

    # the commands

    def numeric(self) -> str:
        return f"{self._pick(NUMERICS)} {self._pick(NICKS)} {self.some(WORDS, 4)} :{self._pick(TEXTS)}"

    def said(self) -> str:
        target = self._pick(CHANNELS if self.random.random() < 0.7 else NICKS)
        return f"{self._pick(('PRIVMSG', 'NOTICE'))} {target} :{self._pick(TEXTS)}"

    def moved(self) -> str:
        pick = self._pick
        return pick(
            (
                f"JOIN {pick(CHANNELS)}",
                f"JOIN {pick(CHANNELS)} {pick(NICKS)} :real",
                f"PART {pick(CHANNELS)} :{pick(TEXTS)}",
                f"KICK {pick(CHANNELS)} {pick(NICKS)} :{pick(TEXTS)}",
                f"QUIT :{pick(TEXTS)}",
                f"NICK {pick(NICKS)}",
                f"NICK n{int(self.random.random() * 50_000)}",
                f"JOIN #r{int(self.random.random() * 5_000)}",
                f"CHGHOST {pick(NICKS)} {pick(NICKS)}",
                f"ACCOUNT {pick(NICKS)}",
                f"AWAY :{pick(TEXTS)}",
                f"INVITE {pick(NICKS)} {pick(CHANNELS)}",
                f"KILL {pick(NICKS)} :{pick(TEXTS)}",
                f"TOPIC {pick(CHANNELS)} :{pick(TEXTS)}",
                f"SETNAME :{pick(TEXTS)}",
                f"PING :{pick(TEXTS)}",
                f"PONG irc.example :{pick(WORDS)}",
                f"PONG irc.example causeway-{int(self.random.random() * 40)}",
            )
        )

    def modes(self) -> str:
        command = self._pick(("MODE", "324 Nick", "MODE"))
        return f"{command} {self._pick(CHANNELS)} {self._pick(MODES)} {self.some(NICKS + MASKS, 6)}"

    def listed(self) -> str:
        pick = self._pick
        channel = pick(CHANNELS)
        return pick(
            (
                f"353 Nick = {channel} :{self.some(NAMES, 12)}",
                f"353 Nick = {channel} :{' '.join(f'n{int(self.random.random() * 50_000)}' for _ in range(30))}",
                f"366 Nick {channel} :End",
                f"332 Nick {channel} :{pick(TEXTS)}",
                f"333 Nick {channel} {pick(NICKS)} {pick(STAMPS)}",
                f"352 Nick {channel} u h irc.example {pick(NICKS)} {pick(('H', 'G@', 'H*+', ''))} :0 real",
                f"354 Nick {self.some(WORDS, 6)}",
                f"322 Nick {channel} {pick(STAMPS)} :[+nt] {pick(TEXTS)}",
                "323 Nick :End",
                f"367 Nick {channel} {pick(MASKS)} {pick(NICKS)} {pick(STAMPS)}",
                f"368 Nick {channel} :End",
                f"728 Nick {channel} q {pick(MASKS)} {pick(NICKS)} {pick(STAMPS)}",
                f"729 Nick {channel} q :End",
            )
        )

    def isupport(self) -> str:
        return f"005 Nick {self.some(TOKENS, 6)} :are supported by this server"

    def capability(self) -> str:
        pick = self._pick
        subcommand = pick(("LS", "LS *", "ACK", "NAK", "NEW", "DEL", "LIST", "ack", ""))
        return f"CAP {pick(NICKS)} {subcommand} {pick((':', ''))}{self.some(CAPS, 5)}"

    def sasl(self) -> str:
        pick = self._pick
        return pick(
            (
                f"AUTHENTICATE {pick(BASE64)}",
                f"AUTHENTICATE :{pick(BASE64)}",
                f"AUTHENTICATE {pick(CHALLENGES)}",
                "AUTHENTICATE +",
                "AUTHENTICATE",
                f"90{int(self.random.random() * 8)} Nick {self.some(WORDS, 2)} :{pick(TEXTS)}",
                f"908 Nick {pick(('PLAIN', 'SCRAM-SHA-256,PLAIN', '', 'X'))} :are available",
                f"{pick(('421', '451', '410'))} Nick {pick(('CAP', 'AUTHENTICATE', 'PASS'))} :Unknown",
            )
        )

    def together(self) -> str:
        pick = self._pick
        kind = pick(
            (
                "netsplit",
                "chathistory",
                "draft/multiline",
                "labeled-response",
                "draft/chathistory-targets",
                "",
            )
        )
        failed = pick(("PRIVMSG", "REDACT", "BATCH", "*", "KICK", "CHATHISTORY"))
        return pick(
            (
                f"BATCH +{pick(('b', 'c', 'd', ''))} {kind} {pick(CHANNELS)}",
                f"BATCH -{pick(('b', 'c', 'd', ''))}",
                "BATCH :-b",
                f"BATCH +r{int(self.random.random() * 1000)} draft/multiline #foo",
                f"FAIL {failed} {pick(('CODE', 'INVALID_UTF8'))} {self.some(WORDS, 2)} :{pick(TEXTS)}",
                f"{pick(('WARN', 'NOTE'))} {self.some(WORDS, 3)} :{pick(TEXTS)}",
                "ACK",
                f"CHATHISTORY {pick(('TARGETS', 'X', ''))} {pick((*NICKS, *CHANNELS))} {self.some(WORDS, 2)}",
                f"301 Nick {pick(NICKS)} :{pick(TEXTS)}",
                f"WALLOPS :{pick(TEXTS)}",
                f"PRIVMSG Nick :\x01DCC {self.some(WORDS, 4)}\x01",
                f"TAGMSG {pick(CHANNELS)}",
                f"TAGMSG {pick(NICKS)}",
                f"REDACT {pick(CHANNELS)} {pick(('m1', 'm2', ''))} :{pick(TEXTS)}",
            )
        )

    def rubbish(self) -> str:
        return f"{self._pick(WORDS)} {self.some(WORDS, 5)}"


_COMMANDS = (
    Lines.said,
    Lines.said,
    Lines.moved,
    Lines.moved,
    Lines.modes,
    Lines.listed,
    Lines.listed,
    Lines.numeric,
    Lines.numeric,
    Lines.isupport,
    Lines.capability,
    Lines.sasl,
    Lines.together,
    Lines.together,
    Lines.rubbish,
)
_LOGIN = (Lines.capability, Lines.capability, Lines.sasl, Lines.sasl, Lines.numeric)
