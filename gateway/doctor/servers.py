"""XMPP servers as their operators know them: how each is recognised, and the lines to paste into each for what a gateway
needs. The one source of such lines: ``causeway init`` prints them for a new component, ``causeway doctor`` for what is
wrong.

Every line for Prosody and ejabberd is applied to a real server by the tests; those for Openfire are from its documentation.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

UPLOAD = "urn:xmpp:http:upload:0"
_WIDTH = 76
HIDDEN = "the secret in Causeway's configuration"
"""In place of a secret."""


class Matter(StrEnum):
    """What a server has to be told."""

    COMPONENT = "component"  # that there is a component, its secret and its rights: all that a new one needs
    SECRET = "secret"  # only another secret for a component that is there
    RIGHTS = "rights"  # only what components may do for users (XEP-0356)
    SIZE = "size"  # how large their stanzas may be
    UPLOAD = "upload"  # that they may use the upload service (XEP-0363)


@dataclass(frozen=True, slots=True)
class Place:
    """What the lines are about. ``users`` is the domain of the server's users; ``components`` are all of this gateway, with
    their secrets, for a file that is pasted is pasted as a whole; ``upload`` is the upload service, ``version`` the
    server's, where it is known."""

    jid: str
    users: str
    components: tuple[tuple[str, str], ...]
    port: int = 0
    upload: str = ""
    version: tuple[int, ...] = ()

    @property
    def jids(self) -> tuple[str, ...]:
        return tuple(jid for jid, _ in self.components)

    @property
    def secret(self) -> str:
        return dict(self.components)[self.jid]


@dataclass(frozen=True, slots=True)
class Paste:
    """``lines`` to paste as they are into ``where``; ``then`` makes them hold. ``instead``: what to mind where something
    about the matter stands there already. ``besides``: what has to be done elsewhere, with lines for there below it.
    ``then`` may be several commands with && between them, ``instead`` several things with "; "."""

    where: str
    lines: str
    then: str
    instead: str = ""
    besides: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of server. ``name`` is how what it calls itself begins, in small letters (XEP-0092, or the identity in its
    service discovery); ``port`` where it takes components unless told otherwise; ``tried`` whether tests apply the lines.
    ``remark`` begins a line that the server does not read.
    ``iq_since`` is the version from which components may send requests for users, ``roster_since`` from which changing
    contacts works."""

    key: str
    title: str
    name: str
    port: int
    tried: bool
    pastes: Mapping[Matter, Callable[[Place], Paste]]
    remark: str
    iq_since: tuple[int, ...] = ()
    roster_since: tuple[int, ...] = ()

    def paste(self, matter: Matter, place: Place) -> Paste | None:
        """None where such a server has nothing to be told."""
        found = self.pastes.get(matter)
        return found(place) if found is not None else None


# -- Prosody ----------------------------------------------------------------------------------------------------

_PROSODY_THEN = "systemctl restart prosody"
_PROSODY_MODULE = "needs mod_privilege: apt-get install prosody-modules"


def _prosody_rights(place: Place, *, secrets: bool = False) -> str:
    """A file of its own, for there every section can be opened again (in prosody.cfg.lua it belongs into the one that is
    there); the module has to be in both."""
    entities = "".join(
        f'        ["{jid}"] = {{\n            roster = "both", message = "outgoing",\n'
        f'            iq = {{ ["{UPLOAD}"] = "get" }},\n        }},\n'
        for jid in place.jids
    )
    components = "".join(
        f'\nComponent "{jid}"\n    modules_enabled = {{ "privilege" }}\n'
        + (f'    component_secret = "{secret}"\n' if secrets else "")
        for jid, secret in place.components
    )
    return (
        f'VirtualHost "{place.users}"\n    modules_enabled = {{ "privilege" }}\n'
        f"    privileged_entities = {{\n{entities}    }}\n{components}"
    )


def _prosody_instead(place: Place) -> str:
    return (
        f'where VirtualHost "{place.users}" has modules_enabled or privileged_entities elsewhere, leave those lines out and '
        "add what is between their braces there"
    )


_PROSODY = Server(
    "prosody",
    "Prosody",
    "prosody",
    5347,
    True,
    {
        Matter.COMPONENT: lambda place: Paste(
            "/etc/prosody/conf.d/causeway.cfg.lua, a new file",
            _prosody_rights(place, secrets=True),
            f"cd /etc/prosody/conf.d && chgrp prosody causeway.cfg.lua && chmod 640 causeway.cfg.lua && {_PROSODY_THEN}",
            f"instead of the same Component elsewhere; {_prosody_instead(place)}",
            _PROSODY_MODULE,
        ),
        Matter.SECRET: lambda place: Paste(
            f'/etc/prosody/conf.d/causeway.cfg.lua, or where Component "{place.jid}" stands',
            f'Component "{place.jid}"\n    component_secret = "{place.secret}"\n',
            _PROSODY_THEN,
            "instead of the component_secret that stands there",
        ),
        Matter.RIGHTS: lambda place: Paste(
            "/etc/prosody/conf.d/causeway-rights.cfg.lua, a new file",
            _prosody_rights(place),
            _PROSODY_THEN,
            _prosody_instead(place),
            _PROSODY_MODULE,
        ),
        Matter.SIZE: lambda place: Paste(
            "/etc/prosody/conf.d/causeway-size.cfg.lua, a new file",
            "component_stanza_size_limit = 524288\n",
            _PROSODY_THEN,
            "instead of a component_stanza_size_limit elsewhere",
        ),
        Matter.UPLOAD: lambda place: Paste(
            "/etc/prosody/conf.d/causeway-upload.cfg.lua, a new file",
            f'Component "{place.upload or "upload." + place.users}" "http_file_share"\n'
            "    http_file_share_access = { "
            + ", ".join(f'"{each}"' for each in (place.users, *place.jids))
            + " }\n",
            _PROSODY_THEN,
            "with those who are in a http_file_share_access elsewhere",
        ),
    },
    "-- ",
)

# -- ejabberd ---------------------------------------------------------------------------------------------------

_EJABBERD_THEN = "ejabberdctl reload_config"
#: A listener whose lines have changed is closed and opened again, and one time in three finds its own port still taken
#: (seen with 23.01): then it stays closed until the configuration is read once more.
_EJABBERD_PORT_THEN = f"{_EJABBERD_THEN} && {_EJABBERD_THEN}"
_EJABBERD_TWICE = (
    "the configuration is read twice, for a port that changes is not always opened the first time"
)
_EJABBERD_ONE = "instead of a mod_privilege elsewhere, for ejabberd takes no configuration with two"
_EJABBERD_IQ_SINCE = (24, 10)


def _ejabberd_file(name: str, lines: str, instead: str, then: str = _EJABBERD_THEN) -> Paste:
    """A file of its own, so that nothing has to be put between lines that stand there."""
    path = f"/etc/ejabberd/{name}"
    besides = f"at the end of /etc/ejabberd/ejabberd.yml goes this line:\ninclude_config_file: {path}"
    return Paste(f"{path}, a new file", lines, then, instead, besides)


def _ejabberd_servers(place: Place, indent: str) -> str:
    return "".join(f'{indent}- "{jid}"\n' for jid in place.jids)


def _ejabberd_rights(place: Place) -> str:
    lines = (
        f"acl:\n  causeway:\n    server:\n{_ejabberd_servers(place, '      ')}"
        "access_rules:\n  causeway:\n    allow: causeway\n"
        "modules:\n  mod_privilege:\n    roster:\n      both: causeway\n    message:\n      outgoing: causeway\n"
    )
    if place.version >= _EJABBERD_IQ_SINCE:  # older ones refuse to start with it
        lines += f'    iq:\n      "{UPLOAD}":\n        get: causeway\n'
    return lines


_EJABBERD = Server(
    "ejabberd",
    "ejabberd",
    "ejabberd",
    5347,
    True,
    {
        Matter.COMPONENT: lambda place: _ejabberd_file(
            "causeway.yml",
            f"""\
listen:
  -
    port: {place.port or 5347}
    ip: "127.0.0.1"
    module: ejabberd_service
    access: all
    global_routes: false
    hosts:
"""
            + "".join(f'      "{jid}":\n        password: "{secret}"\n' for jid, secret in place.components)
            + _ejabberd_rights(place),
            f"where a listener with ejabberd_service has this port, add the lines below hosts there; {_EJABBERD_ONE}; "
            f"{_EJABBERD_TWICE}",
            f"cd /etc/ejabberd && chown ejabberd: causeway.yml && chmod 600 causeway.yml && {_EJABBERD_PORT_THEN}",
        ),
        Matter.SECRET: lambda place: Paste(
            "/etc/ejabberd/ejabberd.yml (or causeway.yml), below hosts of the listener with ejabberd_service",
            f'      "{place.jid}":\n        password: "{place.secret}"\n',
            _EJABBERD_PORT_THEN,
            f"instead of the lines for {place.jid}, if there are any; {_EJABBERD_TWICE}",
        ),
        Matter.RIGHTS: lambda place: _ejabberd_file(
            "causeway-rights.yml", _ejabberd_rights(place), _EJABBERD_ONE
        ),
        Matter.SIZE: lambda place: Paste(
            "/etc/ejabberd/ejabberd.yml, in the listener with ejabberd_service, instead of its max_stanza_size",
            "    max_stanza_size: 524288\n",
            _EJABBERD_PORT_THEN,
            _EJABBERD_TWICE,
        ),
        Matter.UPLOAD: lambda place: Paste(
            "/etc/ejabberd/ejabberd.yml, under mod_http_upload, instead of its access",
            "    access:\n      - allow: local\n      - allow:\n          server:\n"
            + _ejabberd_servers(place, "            "),
            _EJABBERD_THEN,
        ),
    },
    "# ",
    iq_since=_EJABBERD_IQ_SINCE,
    roster_since=(23, 10),
)

# -- Openfire ---------------------------------------------------------------------------------------------------

_OPENFIRE = Server(
    "openfire",
    "Openfire",
    "openfire",
    5275,
    False,
    {
        Matter.COMPONENT: lambda place: Paste(
            "Openfire's admin console, Server > Server Settings > External Components",
            "Service Enabled: port 5275\n"
            f"Allowed to connect: subdomain {place.jid.partition('.')[0]}, shared secret {place.secret}\n",
            "save (nothing has to be restarted)",
            "Openfire serves components below its own domain only",
        ),
        Matter.SECRET: lambda place: Paste(
            "Openfire's admin console, Server > Server Settings > External Components",
            "Service Enabled: port 5275\n"
            f"Allowed to connect: subdomain {place.jid.partition('.')[0]}, shared secret {place.secret}\n",
            "save (nothing has to be restarted)",
            "Openfire serves components below its own domain only",
        ),
    },
    "",
)

SERVERS: Mapping[str, Server] = {each.key: each for each in (_PROSODY, _EJABBERD, _OPENFIRE)}


# -- which one it is --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Met:
    """The server that is really there: ``kind`` None if it did not say, or is one that we know nothing of."""

    kind: Server | None = None
    title: str = ""
    version: tuple[int, ...] = ()

    def older_than(self, version: tuple[int, ...]) -> bool:
        """Whether it is known to be."""
        return bool(version and self.version) and self.version < version


def recognised(name: str, version: str = "") -> Met:
    """Which server calls itself so. Total."""
    kind = next((each for each in SERVERS.values() if name.lower().startswith(each.name)), None)
    return Met(kind, f"{name[:60]} {version[:30]}".strip(), tuple(_numbers(version)))


def _numbers(version: str) -> Iterator[int]:
    for part in version.replace("-", ".").split(".")[:3]:
        if not (part.isascii() and part.isdecimal() and len(part) < 6):
            return
        yield int(part)


def remedy(met: Met, matter: Matter, place: Place) -> tuple[str, str]:
    """(lines to paste, into what) for the server that is there, or for every one that it could be; both empty where nothing
    is to be told. What has to be done besides is in remarks among the lines."""
    kinds: Sequence[Server] = (met.kind,) if met.kind is not None else tuple(SERVERS.values())
    found = [(each, paste) for each in kinds if (paste := each.paste(matter, place)) is not None]
    if len(found) == 1:
        return remarked(*found[0]), found[0][1].where
    return (
        "\n".join(f"{paste.where}:\n{remarked(each, paste)}" for each, paste in found),
        "your server, the one of these that it is" if found else "",
    )


def remarked(server: Server, paste: Paste) -> str:
    """The lines, with what else is to be known in remarks around them."""
    besides = [paste.besides, *paste.instead.split("; ")]
    if not server.tried:
        besides.append("from its documentation, not tried by us")
    remarks = [line for each in besides if each for line in _remark(server, each)]
    then = paste.then.split(" && ")
    after = [f"Then: {then[0]}"] if len(then) == 1 else ["Then:", *(f"  {each}" for each in then)]
    return "".join(
        (
            *(f"{each}\n" for each in remarks),
            paste.lines,
            *(f"{server.remark}{each}\n" for each in after),
        )
    )


def _remark(server: Server, text: str) -> Iterator[str]:
    """Sentences are wrapped, for some who read them do so on a telephone; lines below them are not."""
    said, *lines = text.split("\n")
    sentence = f"{said[0].upper()}{said[1:]}{'' if lines else '.'}"
    yield from textwrap.wrap(
        sentence,
        _WIDTH,
        initial_indent=server.remark,
        subsequent_indent=server.remark,
        break_on_hyphens=False,
        break_long_words=False,
    )
    yield from (f"{server.remark}  {each}" for each in lines)


# -- whose users --------------------------------------------------------------------------------------------------


def above(jid: str) -> Iterator[str]:
    """Domains that the server of a component may serve users at, the likeliest first."""
    rest = jid
    while "." in rest:
        rest = rest.partition(".")[2]
        if "." in rest or rest == "localhost":
            yield rest


def users_of(jid: str) -> str:
    """The domain of the users of a component's server, as far as its name tells."""
    return next(above(jid), jid.partition(".")[2] or jid)
