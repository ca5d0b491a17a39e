"""Which of the things users write hold a password for the network's services: what must never be kept or logged.

Words in, yes or no out. A few harmless lines too many count as secret; that costs their place in an archive, the other
mistake costs somebody their account. Knows the commands of Atheme, Anope, Ergo, X2, Q and L, and of servers themselves.
"""

import re

from bridges.irc.protocol.line import Malformed, parse


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


#: Nicks of services that take passwords, as networks call them. What is sent to ``service@host`` is sent to the service.
_SERVICES = _words(
    """
    nickserv chanserv authserv userserv accountserv saslserv operserv hostserv memoserv botserv groupserv ircservices
    services nick ns cs x q l w lw authbot
    """
)

#: The first word of what services are told together with a password (Atheme, Anope, Ergo, ircu's X, QuakeNet's Q).
_COMMANDS = _words(
    """
    identify id login logon auth authcookie register verify confirm ghost recover regain release reclaim set saset drop
    unregister newpass setpass sendpass resetpass passwd password pass changepass changepassword oldpass link group ungroup
    cert certadd access challenge reset setemail email resend link sregister fregister
    """
)

#: Commands of servers that hold a password, or are services by another name.
_SERVER_COMMANDS = _words(
    "PASS OPER AUTHENTICATE REGISTER VERIFY IDENTIFY ID LOGIN AUTH SETPASS CHALLENGE WEBIRC"
)
_SPEECH = frozenset(("PRIVMSG", "NOTICE", "SQUERY", "MSG", "QUERY"))

#: Lines that clients of users who are new to a client begin with; they reach services as they are.
_PREFIXES = "/.!"
_LOOKED_AT = 4000  # characters of a text


def to_person(nick: str, text: str) -> bool:
    """Whether a private message holds a secret; ``nick`` is whom it goes to."""
    service = nick.partition("@")[0].casefold() in _SERVICES
    return any(_line(line, service) for line in text[:_LOOKED_AT].split("\n"))


def to_server(text: str) -> bool:
    """Whether raw lines to a server hold a secret."""
    return any(_raw(line.strip()) for line in text[:_LOOKED_AT].split("\n"))


def _line(line: str, service: bool) -> bool:
    words = line.strip().lstrip(_PREFIXES).split(None, 2)
    if not words:
        return False
    command = words[0].casefold()
    if command in _TYPED:  # a raw line, or a client's command, written into the wrong window
        return _raw(line.strip())
    if service:
        return command in _COMMANDS and len(words) > 1
    # To people and bots whose names say nothing, only what is hardly ever said in earnest.
    return command in _UNMISTAKABLE and len(words) > 1


def _raw(line: str) -> bool:
    line = line.lstrip(_PREFIXES)
    line = _QUOTED.sub("", line)
    try:
        command, params = parse(line)[2:]
    except Malformed:
        return False
    if command in _SERVER_COMMANDS:
        return True
    if command in _SPEECH and params:
        # A client's "/msg NickServ IDENTIFY x" has no colon before the text.
        said = " ".join(params[1:])
        return any(to_person(target, said) for target in params[0].split(","))
    # "/ns identify x", "NICKSERV IDENTIFY x"
    return command.casefold() in _SERVICES and _line(" ".join(params), service=True)


_QUOTED = re.compile(r"^(?:quote|raw)\s+", re.IGNORECASE)
_TYPED = frozenset(word.casefold() for word in (*_SPEECH, "quote", "raw", "nickserv", "ns", "chanserv", "cs"))
_UNMISTAKABLE = frozenset(("identify", "setpass", "newpass"))
