"""``causeway init``: a configuration and a key for a new installation, or one more bridge for one that is there, and what to
tell the XMPP server.

Writes two files and, for a service of the system, what ``gateway.service.machine`` does; the server's own configuration is
printed, for its operator to paste.
"""

import argparse
import os
import secrets
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from gateway.config import installed_bridges
from gateway.doctor.servers import HIDDEN, SERVERS, Matter, Place, Server, remarked, users_of
from gateway.secrets import SecretBox, SecretError
from gateway.service.machine import CannotPrepare, Machine
from gateway.values import domain

KEY_FILE = "causeway.key"
_FRESH = ", a new file"


class CannotInit(Exception):
    """Nothing was written; the argument is one sentence with the fix."""


_CONFIG = """\
# Causeway, written by `causeway init`. Every other key, with its default, is in config.example.toml.

[xmpp]
host = "127.0.0.1"
port = {port}

[storage]
{storage}
"""

_BRIDGE = """\
[bridges.{kind}]
jid = "{jid}"
secret = "{secret}"
"""


_HERE = """\
database = "sqlite:///causeway.db"
key_file = "{key}"
"""

#: A service may write in its own directories only, and the configuration is in none of them.
_ELSEWHERE = """\
database = "sqlite:///{data}/causeway.db"
key_file = "{key}"
directory = "{data}/data"

[media]
directory = "{data}/media"

[operator]
socket = "{data}/causeway.sock"
"""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a kind of bridge cannot do without: keys of its table, and steps elsewhere. Both may hold {jid} and {above}, the
    domain above it."""

    keys: str
    title: str
    steps: str
    domain: str = ""  # why the component's domain cannot be one without a dot; empty: it can


NEEDS: Mapping[str, Needs] = {
    "email": Needs(
        """\
# alice@{above} on XMPP has the mail address alice@{jid}. For mail in another domain, change the first two.
domains = ["{jid}"]
address_template = "{{local}}@{jid}"
local_domains = ["{above}"]

[bridges.email.lmtp]
listen = "127.0.0.1:2424"

[bridges.email.smarthost]
host = "127.0.0.1"
port = 25
""",
        "Tell your mail server about its mail",
        """\
Postfix, in /etc/postfix/main.cf (join them with what is there), then: systemctl reload postfix

    relay_domains = {jid}
    transport_maps = inline:{{ {{ {jid} = lmtp:inet:127.0.0.1:2424 }} }}
    recipient_delimiter = +
    message_size_limit = 25000000

Exim, OpenSMTPD, DNS, and how mail becomes trustworthy: docs/email.md
""",
        "mail addresses need one with a dot,",
    ),
    "sms": Needs(
        """\
# Country whose national numbers people mean. Who may have a number: users to whom you gave one.
region = "US"
registration = "assigned"

# Your account with a message centre (other kinds of routes: docs/sms.md), and the numbers that you have there. Fill in what
# is true for you, and take the marks away.
#[bridges.sms.routes.main]
#kind = "smpp"
#host = "smpp.provider.example"
#system_id = ""
#password = ""

#[[bridges.sms.numbers]]
#number = "+12125550100"
#routes = ["main"]
#users = ["alice@example.org"]
""",
        "Tell it about your provider",
        """\
Set the region, a route and your numbers in the configuration; `causeway check` says what is missing. A provider that is
spoken to over HTTP has to reach the gateway too: set [web], run it, and give the provider the address that the command
sms-routes tells admins.

SMPP, Twilio, Telnyx and others, Kannel, a modem, step by step: docs/sms.md
""",
    ),
}


def command(arguments: argparse.Namespace) -> int:
    jid = arguments.domain or _ask("The component's own domain (for instance irc.example.org): ")
    if not jid:
        print(
            "causeway: name the component's domain: causeway init --domain irc.example.org", file=sys.stderr
        )
        return 2
    try:
        if arguments.system:
            machine = Machine.of_this_process()
            machine.prepare()
            init(
                jid,
                arguments.kind,
                arguments.server,
                machine.config,
                force=arguments.force,
                out=sys.stdout,
                data=machine.data,
                users=arguments.users,
            )
            machine.finish((machine.config, machine.config.with_name(KEY_FILE)), sys.stdout)
        else:
            output = arguments.output or Path("config.toml")
            init(
                jid,
                arguments.kind,
                arguments.server,
                output,
                force=arguments.force,
                out=sys.stdout,
                users=arguments.users,
            )
    except (CannotInit, CannotPrepare) as error:
        print(f"causeway: {error}", file=sys.stderr)
        return 1
    return 0


def init(
    jid: str,
    kind: str,
    server: str | None,
    output: Path,
    *,
    force: bool,
    out: TextIO,
    data: Path | None = None,
    users: str = "",
) -> None:
    """Write ``output`` and the key beside it, or add a bridge to an ``output`` that is there, and tell on ``out`` what the
    servers have to be told. ``server`` is a name in ``SERVERS``; None tells about all of them. ``data`` is where the rest
    will be kept, if not beside ``output``: that is a service, which can be made again, and then keeps a bridge that is
    there. ``users`` is the domain of the server's users, if ``jid`` does not end in it. Raises ``CannotInit``."""
    try:
        jid = domain(jid)
        users = domain(users) if users else users_of(jid)
    except ValueError as error:
        raise CannotInit(f'The domain "{jid}" cannot be used: it {error}.') from error
    if kind not in (kinds := installed_bridges()):
        raise CannotInit(
            f'There is no bridge "{kind}" here: install it, or choose one of {", ".join(sorted(kinds))} with --kind.'
        )
    secret = secrets.token_hex(24)
    needs, above = NEEDS.get(kind), jid.partition(".")[2]
    if needs is not None and needs.domain and not above:
        raise CannotInit(f'The domain "{jid}" cannot be used: {needs.domain} such as {kind}.example.org.')
    chosen = [SERVERS[server]] if server else list(SERVERS.values())
    table = _BRIDGE.format(kind=kind, jid=jid, secret=secret)
    if needs is not None:
        table += needs.keys.format(jid=jid, above=above)
    components: tuple[tuple[str, str], ...] = ((jid, secret),)
    if added := output.exists() and not force:
        if data is not None and (kept := _kept(output, kind, jid)):
            components = kept
            print(f"Kept {output}: it has [bridges.{kind}] at {jid} already. Its key was kept too.", file=out)
        else:
            components = (*_add(output, kind, jid, table), *components)
            print(f"Added [bridges.{kind}] to {output}; all else in it is as it was.", file=out)
    else:
        storage = (_ELSEWHERE if data is not None else _HERE).format(key=KEY_FILE, data=data)
        _new(output, _CONFIG.format(port=chosen[0].port, storage=storage) + table, out)
    for each in chosen:
        place = Place(jid, users, components, each.port)
        _print(f"Tell {each.title} about the component", _steps(each, place, added=added), out)
        if not server and each.port != chosen[0].port:
            print(f"Set port = {each.port} under [xmpp] in {output}.", file=out)
    if needs is not None:
        _print(needs.title, needs.steps.format(jid=jid), out)
    if data is None:
        print(f"\nNext:\n\n    causeway doctor -c {output}\n    causeway run -c {output}", file=out)


def _new(output: Path, text: str, out: TextIO) -> None:
    """The key first: a configuration without one would look finished."""
    key = output.parent / KEY_FILE
    key_kept = key.exists()
    try:
        if not key_kept:
            SecretBox.create(key)
        _write(output, text)
    except SecretError as error:
        raise CannotInit(str(error)) from error
    except OSError as error:
        raise CannotInit(
            f"{output} cannot be written ({error.strerror}): name another file with --output."
        ) from error
    print(f"Wrote {output} (readable by you alone: it holds the secret).", file=out)
    if key_kept:
        print(f"Kept {key}, the key that users' passwords are encrypted with.", file=out)
    else:
        print(f"Wrote {key}, the key for users' passwords: back it up, apart from the database.", file=out)


def _kept(output: Path, kind: str, jid: str) -> tuple[tuple[str, str], ...]:
    """The components of a configuration that has this bridge already; none, if it has not."""
    try:
        bridges = _bridges(output.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return _components(bridges) if kind in bridges and bridges[kind].get("jid") == jid else ()


def _bridges(text: str) -> Mapping[str, Mapping[str, object]]:
    """Raises ``ValueError``."""
    there = tomllib.loads(text.removeprefix("\ufeff")).get("bridges", {})
    return {name: each for name, each in there.items() if isinstance(each, dict)}


def _components(bridges: Mapping[str, Mapping[str, object]]) -> tuple[tuple[str, str], ...]:
    secrets_of = {str(each.get("jid", "")): each.get("secret") for each in bridges.values()}
    return tuple(
        (each, secret if isinstance(secret, str) else HIDDEN) for each, secret in secrets_of.items() if each
    )


def _add(output: Path, kind: str, jid: str, table: str) -> tuple[tuple[str, str], ...]:
    """Put a bridge at the end of a configuration; the components that it has had before, with their secrets."""

    def left(why: str) -> CannotInit:
        return CannotInit(
            f"{output} exists already and was left alone, for {why}: name another file with --output, or replace "
            "it, and the secrets in it, with --force."
        )

    if output.is_symlink():  # root may be asked to, in a directory of somebody else's
        raise left("it is a link to another file")
    try:
        before = output.read_text(encoding="utf-8")
        bridges = _bridges(before)
        if kind in bridges:
            raise left(f"it has a bridge {kind}")
        if any(each.get("jid") == jid for each in bridges.values()):
            raise left(f"it has a bridge at {jid}")
        text = f"{before.rstrip()}\n\n{table}"
        tomllib.loads(text.removeprefix("\ufeff"))
        _write(output, text, output.stat())
    except ValueError as error:
        raise left(f"nothing can be added to it ({error})") from error
    except OSError as error:
        raise CannotInit(f"{output} cannot be read and written ({error.strerror}).") from error
    return _components(bridges)


def _steps(server: Server, place: Place, *, added: bool) -> str:
    """What is to be pasted where. Not indented, so that it can be taken as it stands."""
    paste = server.paste(Matter.COMPONENT, place)
    if paste is None:
        return f"See the documentation of {server.title}.\n"
    users = f"Your users' addresses end in {place.users}? If not, say --users DOMAIN."
    where = paste.where
    if added and where.endswith(
        _FRESH
    ):  # it names all components, for a second list of rights would hide the first
        where = f"{where.removesuffix(_FRESH)}, in place of all that is there"
    return f"Put this into {where}:\n\n{remarked(server, paste)}\n{users}\n"


def _print(heading: str, steps: str, out: TextIO) -> None:
    print(f"\n{heading}\n{'-' * len(heading)}\n\n{steps}", file=out, end="")


def _write(path: Path, text: str, like: os.stat_result | None = None) -> None:
    """As a whole or not at all, and never readable by others, or by those only who could read it before."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if like is not None:
                os.fchown(descriptor, like.st_uid, like.st_gid)
                os.fchmod(descriptor, like.st_mode & 0o777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        return ""
    try:
        return input(question).strip()
    except EOFError:
        return ""
