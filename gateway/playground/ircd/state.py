"""What the scripted IRC server knows: its settings, users and channels. No connection, no protocol."""

import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

_RFC1459 = str.maketrans(string.ascii_uppercase + "[]\\^", string.ascii_lowercase + "{}|~")
_STRICT = str.maketrans(string.ascii_uppercase + "[]\\", string.ascii_lowercase + "{}|")
_ASCII = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_FOLDS = {"rfc1459": _RFC1459, "rfc1459-strict": _STRICT, "ascii": _ASCII}


#: Does what it should; refuses the capability; never answers; lets everybody in without knowing a password (SCRAM).
SaslManner = Literal["honest", "refusing", "silent", "lying"]


@dataclass(frozen=True, slots=True)
class IrcdSettings:
    """How the server presents itself. ``casemapping`` is announced as it stands; an unknown one folds as ASCII."""

    name: str = "irc.localhost"
    network: str = "Playground"
    casemapping: str = "rfc1459"
    prefixes: str = "(qaohv)~&@%+"
    channel_types: str = "#&"
    channel_modes: str = "beI,k,l,imnpst"
    nick_length: int = 30
    topic_length: int = 390
    channel_length: int = 64
    isupport: tuple[str, ...] = ()  # further tokens
    capabilities: Mapping[str, str] = field(
        default_factory=lambda: {
            "account-tag": "",
            "away-notify": "",
            "cap-notify": "",
            "chghost": "",
            "echo-message": "",
            "extended-join": "",
            "message-tags": "",
            "multi-prefix": "",
            "server-time": "",
            "userhost-in-names": "",
        }
    )
    accounts: Mapping[str, str] = field(default_factory=dict)  # non-empty announces SASL
    mechanisms: tuple[str, ...] = ("PLAIN",)  # or SCRAM-SHA-256
    sasl: SaslManner = "honest"
    password: str = ""
    motd: tuple[str, ...] = ("Welcome to the playground.",)
    first_is_operator: bool = True

    def fold(self, name: str) -> str:
        return name.translate(_FOLDS.get(self.casemapping, _ASCII))

    @property
    def prefix_letters(self) -> str:
        """Mode letters, highest first."""
        return self.prefixes[1:].partition(")")[0]

    @property
    def prefix_signs(self) -> str:
        return self.prefixes.partition(")")[2]

    def tokens(self) -> list[str]:
        """What 005 announces."""
        return [
            f"CASEMAPPING={self.casemapping}",
            f"CHANTYPES={self.channel_types}",
            f"PREFIX={self.prefixes}",
            f"CHANMODES={self.channel_modes}",
            f"NETWORK={self.network}",
            f"NICKLEN={self.nick_length}",
            f"TOPICLEN={self.topic_length}",
            f"CHANNELLEN={self.channel_length}",
            "MODES=20",
            "STATUSMSG=" + self.prefix_signs,
            *self.isupport,
        ]


@dataclass(slots=True)
class User:
    """Somebody registered; ``connected`` False for those that only tests made up."""

    nick: str
    ident: str
    host: str
    realname: str
    account: str = ""
    away: str = ""
    modes: set[str] = field(default_factory=set)
    channels: set[str] = field(default_factory=set)  # folded names

    @property
    def mask(self) -> str:
        return f"{self.nick}!{self.ident}@{self.host}"


@dataclass(slots=True)
class Member:
    """One user in one channel; ``letters`` are the prefix modes held."""

    user: User
    letters: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Channel:
    name: str
    members: dict[str, Member] = field(default_factory=dict)  # by folded nick
    topic: str = ""
    topic_by: str = ""
    topic_at: int = 0
    created: int = field(default_factory=lambda: int(time.time()))
    modes: set[str] = field(default_factory=lambda: {"n", "t"})
    key: str = ""
    limit: int = 0
    bans: list[str] = field(default_factory=list)
    invited: set[str] = field(default_factory=set)  # folded nicks

    def mode_words(self) -> list[str]:
        """The parameters of 324 behind the channel's name."""
        letters = "".join(sorted(self.modes))
        words = []
        if self.key:
            letters += "k"
            words.append(self.key)
        if self.limit:
            letters += "l"
            words.append(str(self.limit))
        return [f"+{letters}", *words]
