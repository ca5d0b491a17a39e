"""One user's settings for one network: the form, its validation, and what a session makes of them.

Names and meaning of the fields are biboumi's (with SASL's account name as an addition). A value that is there but empty
means "none" for the lists of ports, and "not set" for everything else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridges.irc import encodings, prelude
from bridges.irc.addresses import check_nick, is_channel, server_name
from bridges.irc.dial import Endpoint, Origin, TlsSettings, normal_fingerprint
from bridges.irc.encodings import INCOMING, OUTGOING, USUAL, Pair
from bridges.irc.manners import Manners
from bridges.irc.network_config import NetworkSettings
from bridges.irc.text import one_line
from gateway.bridge import Account, BadAddress
from gateway.model import Field, FieldKind

MAX_COMMANDS = 20
MAX_BURST = 10_000
_MAX_VALUE = 400  # bytes of a one-line value
_MAX_REALNAME = 128  # bytes that networks take of a real name

_NOT_IN_USERNAME = re.compile(r"[^A-Za-z0-9._-]+")
_PLAIN = Manners()
_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Profile:
    """All that one session needs to know of who it is and where it goes."""

    network: str  # as users write it
    nick: str
    username: str
    realname: str
    endpoints: tuple[Endpoint, ...]  # in the order to be tried
    settings: NetworkSettings
    password: str = field(default="", repr=False)  # PASS
    sasl: tuple[str, str] | None = field(default=None, repr=False)
    sasl_required: bool = True  # else we go on where the login fails
    user: str = ""  # ``Account.user``: whose memory it is
    commands: tuple[str, ...] = field(default=(), repr=False)  # raw lines after the welcome, and WAITs
    encodings: Pair = USUAL
    rooms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # the user's settings for channels
    burst: int = 10  # lines at once
    rate: float = 1.0  # lines a second after that; 0 for no limit
    # The operator's own, for endpoints that are official:
    common_password: str = field(default="", repr=False)  # PASS of users who have none
    webirc: tuple[str, ...] = field(default=(), repr=False)  # parameters of WEBIRC, without options


@dataclass(frozen=True, slots=True)
class Liberties:
    """What the operator lets users decide: the host behind a network's name, how they are called (``ident``: the user name
    too), and to be as fast as they like. ``by_address``: who does not decide is called by the own XMPP address. ``near``:
    where they are connected to may be in a private network; ``listed``: what the operator named for this network may."""

    move: bool = True
    names: bool = True
    ident: bool = True
    unthrottled: bool = False
    by_address: bool = False
    near: bool = False
    listed: bool = False


def fields(network: str, settings: NetworkSettings, may: Liberties) -> Sequence[Field]:
    """The form."""
    return [
        *(
            [
                Field(
                    "address",
                    "Address",
                    default=settings.address or network,
                    help="Host to connect to instead of the name of the network.",
                )
            ]
            if may.move
            else ()
        ),
        *_port_fields(settings),
        *_login_fields(),
        Field(
            "after_connect_commands",
            "After-connection IRC commands",
            FieldKind.LINES,
            help="Raw IRC lines, sent once you are connected and before you join channels. WAIT 5 waits five seconds.",
        ),
        *([Field("username", "Username", default=settings.username)] if may.names and may.ident else ()),
        *([Field("realname", "Realname", default=settings.realname)] if may.names else ()),
        Field(
            "throttle_limit",
            "Throttle limit",
            default=str(settings.throttle_burst),
            help="Lines that are sent at once; what is more goes out slowly."
            + (" A negative number lifts the limit." if may.unthrottled else ""),
            bounds=(-1 if may.unthrottled else 1, MAX_BURST),
        ),
        *encoding_fields({}, "The encoding of messages {}. UTF-8 if nothing is set."),
    ]


def _port_fields(settings: NetworkSettings) -> Sequence[Field]:
    return (
        Field(
            "ports",
            "Ports",
            FieldKind.LINES,
            default=_ports_shown(settings.ports),
            help="Without encryption; tried after the TLS ports. Leave empty to be always encrypted.",
        ),
        Field("tls_ports", "TLS ports", FieldKind.LINES, default=_ports_shown(settings.tls_ports)),
        Field(
            "verify_cert",
            "Verify certificate",
            FieldKind.BOOLEAN,
            default="true" if settings.tls_verify else "false",
        ),
        Field(
            "fingerprint",
            "SHA-256 fingerprint of the certificate to trust",
            default=settings.fingerprint,
            help="Checked instead of the certificate's issuer and name.",
        ),
    )


def _login_fields() -> Sequence[Field]:
    return (
        Field(
            "sasl_password",
            "SASL password",
            FieldKind.SECRET,
            help="Logs you in to your account (SCRAM or PLAIN).",
        ),
        Field("sasl_username", "SASL account name", help="Empty: your nick."),
        Field(
            "sasl_required",
            "Do not connect without being logged in",
            FieldKind.BOOLEAN,
            default="true",
            help="What to do when the SASL login fails: stop, or go on without it.",
        ),
        Field("nick", "Nickname", help="Used on this network whatever nick you join a room with."),
        Field("pass", "Server password", FieldKind.SECRET, help="Sent as PASS when connecting."),
    )


def encoding_fields(values: Mapping[str, str], help_: str) -> Sequence[Field]:
    """For a network or a channel; ``values`` are what holds otherwise."""
    return (
        Field(OUTGOING, "Out encoding", default=values.get(OUTGOING, ""), help=help_.format("to the server")),
        Field(
            INCOMING,
            "In encoding",
            default=values.get(INCOMING, ""),
            help=help_.format("from the server that are not UTF-8"),
        ),
    )


def check(values: Mapping[str, str]) -> None:
    """Raises ``BadAddress`` with one sentence about the first value that cannot be."""
    for name, value in values.items():
        many = name in ("tls_ports", "ports", "after_connect_commands")
        if any(char in value for char in ("\r\0" if many else "\r\n\0")) or (
            not many and len(value.encode("utf-8", "replace")) > _MAX_VALUE
        ):
            raise BadAddress(f"The setting {name} must be one line of at most {_MAX_VALUE} bytes.")
    nick(values.get("nick", ""), empty=True)
    _ports(values.get("tls_ports", ""), "tls_ports")
    _ports(values.get("ports", ""), "ports")
    for name in ("verify_cert", "sasl_required"):
        if values.get(name, "") not in ("", "0", "1", "true", "false"):
            raise BadAddress(f"The setting {name} is either true or false.")
    if values.get("address"):
        server_name(values["address"])
    if set(values.get("fingerprint", "")) - set("0123456789abcdefABCDEF: "):
        raise BadAddress(
            "A fingerprint is written in hexadecimal digits, with or without colons between them."
        )
    encodings.check(values)
    commands = _lines(values.get("after_connect_commands", ""))
    prelude.check(commands)
    if len(commands) > MAX_COMMANDS or any(len(command) > _MAX_VALUE for command in commands):
        raise BadAddress(
            f"There can be {MAX_COMMANDS} commands after connecting, of {_MAX_VALUE} characters each."
        )


def nick(text: str, *, empty: bool = False) -> str:
    """``text`` as a nick to ask for. Raises ``BadAddress``."""
    text = text.strip()
    if empty and not text:
        return ""
    if is_channel(text) or "@" in text:
        raise BadAddress(f'"{text[:60]}" cannot be a nick: it must not hold @ or start with # & + or !.')
    return check_nick(text)


def profile(
    account: Account, settings: NetworkSettings, may: Liberties, manners: Manners = _PLAIN
) -> Profile:
    """Merge the user's values with the operator's. Raises ``BadAddress`` for values that ``check`` would not let pass."""
    values = account.settings
    check(values)
    wanted = nick(values.get("nick", ""), empty=True) or nick(account.nick)
    common = settings.password.get_secret_value() if settings.password is not None else ""
    sasl_password = values.get("sasl_password", "")
    chosen = values if may.names else {}
    usual = (account.address.partition("@")[0], account.address) if may.by_address else (wanted, wanted)
    burst, rate = _throttle(values, settings, may)
    return Profile(
        network=account.network,
        nick=wanted,
        username=manners.username(account.token)
        or _username(chosen.get("username") or settings.username or usual[0]),
        realname=_realname(chosen.get("realname") or settings.realname or usual[1], manners.contact),
        endpoints=_endpoints(account.network, values, settings, manners.origin(account.token, settings), may),
        settings=settings,
        password=values.get("pass", ""),
        common_password=common,
        webirc=manners.webirc(account.token, settings),
        sasl=(values.get("sasl_username") or wanted, sasl_password) if sasl_password else None,
        sasl_required=values.get("sasl_required", "") not in ("false", "0"),
        user=account.user,
        commands=tuple(_lines(values.get("after_connect_commands", ""))),
        encodings=encodings.pair(values, Pair(settings.encoding)),
        rooms=account.rooms,
        burst=burst,
        rate=rate,
    )


def _throttle(values: Mapping[str, str], settings: NetworkSettings, may: Liberties) -> tuple[int, float]:
    """Lines at once, and lines a second after them."""
    text = values.get("throttle_limit", "")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        return settings.throttle_burst, settings.throttle_rate
    if text.startswith("-"):
        return settings.throttle_burst, 0.0 if may.unthrottled else settings.throttle_rate
    return min(max(int(text), 1), MAX_BURST), settings.throttle_rate


def _endpoints(
    network: str, values: Mapping[str, str], settings: NetworkSettings, origin: Origin, may: Liberties
) -> tuple[Endpoint, ...]:
    """Ports with TLS first. Without it only where somebody said so: there is no silent way down to plain text."""
    moved = values.get("address", "") if may.move else ""
    usual = settings.address or network
    host = server_name(moved) if moved else usual
    home = host.lower() == usual.lower()
    secure = _ports(values["tls_ports"], "tls_ports") if "tls_ports" in values else settings.tls_ports
    plain = _ports(values["ports"], "ports") if "ports" in values else settings.ports
    fingerprint = values.get("fingerprint", "")
    try:
        pin = normal_fingerprint(fingerprint) if fingerprint else settings.fingerprint
    except ValueError as error:
        raise BadAddress(f"{error} Correct it in the gateway's settings for {network}.") from error
    verify = values.get("verify_cert") or ("true" if settings.tls_verify else "false")
    tls = TlsSettings(verify=verify in ("true", "1"), ca_file=settings.ca_file, fingerprint=pin)

    def endpoint(port: int, trust: TlsSettings | None, named: Sequence[int]) -> Endpoint:
        official = home and port in named
        return Endpoint(
            host, port, trust, origin, official, public=not may.near and not (official and may.listed)
        )

    return (
        *(endpoint(port, tls, settings.tls_ports) for port in secure),
        *(endpoint(port, None, settings.ports) for port in plain),
    )


def _username(text: str) -> str:
    """RFC 1459 §2.3.1: no spaces, no ``@``; servers cut it to about ten characters themselves."""
    return _NOT_IN_USERNAME.sub("", text)[:30] or "user"


def _realname(text: str, contact: str) -> str:
    """With the operator's contact, which is not cut off: networks look for it."""
    ending = f" ({contact})" if contact else ""
    return (
        one_line(text, _MAX_REALNAME - len(ending.encode())) + ending
        if ending
        else one_line(text, _MAX_VALUE)
    )


def _ports(text: str, name: str) -> tuple[int, ...]:
    found = []
    for word in _SEPARATORS.split(text.strip()) if text.strip() else []:
        if not (word.isascii() and word.isdecimal() and len(word) <= 5 and 1 <= int(word) <= 65535):
            raise BadAddress(
                f'In the setting {name}, "{word[:40]}" is not a port: ports are numbers from 1 to 65535.'
            )
        found.append(int(word))
    if len(found) > 10:
        raise BadAddress(f"The setting {name} takes at most 10 ports.")
    return tuple(found)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _ports_shown(ports: tuple[int, ...]) -> str:
    return "\n".join(map(str, ports))
