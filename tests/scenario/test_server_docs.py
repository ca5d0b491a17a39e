"""The pieces of docs/xmpp-servers.md, taken from the page and given to the servers that they are for: a gateway with three
bridges gets its links, the rights that the page promises, and a place for files.

Only ports and secrets change.
"""

import io
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.check import check
from gateway.config import load
from gateway.init import init
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, listening
from gateway.playground.prosody import Prosody
from tests.rig.servers import Directory

_PAGE = Path(__file__).parents[2] / "docs" / "xmpp-servers.md"
_PIECE = re.compile(r"<!-- tested: ([^>]+?) -->\n```\w*\n(.*?)```\n", re.DOTALL)
_BRIDGES = ("irc", "mail", "sms")

#: What is in a server's configuration before anything of the page: only what differs from the playground's.
_PROSODY = """\
{run_as_root}
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
component_ports = {{ {component} }}
http_ports = {{ {http} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{ }}
s2s_ports = {{ }}
modules_disabled = {{ "s2s", "tls" }}
modules_enabled = {{ "roster", "saslauth", "disco", "pep", "http" }}
http_external_url = "http://127.0.0.1:{http}/"

VirtualHost "example.org"
Component "upload.example.org" "http_file_share"
"""


def pieces() -> Mapping[str, str]:
    return dict(_PIECE.findall(_PAGE.read_text(encoding="utf-8")))


def secret(bridge: str) -> str:
    return f"secret-of-{bridge}-0123456789"


def with_secrets(piece: str) -> str:
    for each in _BRIDGES:
        assert f"SECRET-OF-{each.upper()}" in piece
        piece = piece.replace(f"SECRET-OF-{each.upper()}", secret(each))
    return piece


@asynccontextmanager
async def prosody(directory: Path) -> AsyncIterator[int]:
    """Yields the port for components."""
    server = Prosody(directory, LOOPBACK)
    # As root it would become the user "prosody", who can neither read nor write our directory.
    base = _PROSODY.format(
        run_as_root="run_as_root = true",
        directory=directory,
        c2s=server.c2s_port,
        component=server.component_port,
        http=server.http_port,
    )
    text = "\n".join([base, with_secrets(pieces()["prosody"]), pieces()["prosody upload"]])
    (directory / "prosody.cfg.lua").write_text(text, encoding="utf-8")
    server.child.start()
    try:
        await server.child.wait_ready(listening(LOOPBACK, server.component_port), within=60)
        yield server.component_port
    finally:
        await server.stop()


@asynccontextmanager
async def ejabberd(directory: Path) -> AsyncIterator[int]:
    server = Ejabberd(directory, LOOPBACK)
    piece = with_secrets(pieces()["ejabberd"])
    assert "port: 5347" in piece
    (directory / "causeway.yml").write_text(
        piece.replace("5347", str(server.component_port)), encoding="utf-8"
    )
    assert "    access: uploads\n" in _PAGE.read_text(encoding="utf-8")
    base = {
        "hosts": ["example.org"],
        "listen": [{"port": server.c2s_port, "ip": LOOPBACK, "module": "ejabberd_c2s"}],
        "acl": {"local": {"user_regexp": ""}},
        "access_rules": {"local": {"allow": "local"}},
        "modules": {
            "mod_disco": {},
            "mod_roster": {},
            "mod_http_upload": {"access": "uploads", "put_url": "https://@HOST@:5443/upload"},
        },
        "include_config_file": str(directory / "causeway.yml"),
    }
    (directory / "ejabberd.yml").write_text(json.dumps(base), encoding="utf-8")
    (directory / "db").mkdir()
    server.child.start()
    try:
        await server.child.wait_ready(
            listening(LOOPBACK, server.c2s_port), listening(LOOPBACK, server.component_port), within=60
        )
        yield server.component_port
    finally:
        await server.stop()


def configured(directory: Path, port: int) -> Path:
    """Three bridges of the kind that needs least."""
    config = directory / "config.toml"
    init("irc.example.org", "irc", "prosody", config, force=False, out=io.StringIO())
    tables = "".join(
        f'[bridges.{each}]\nkind = "irc"\njid = "{each}.example.org"\nsecret = "{secret(each)}"\n'
        for each in _BRIDGES
    )
    text = config.read_text(encoding="utf-8").replace("5347", str(port)).partition("[bridges.")[0]
    config.write_text(f"{text}{tables}", encoding="utf-8")
    return config


async def granted(config: Path) -> str:
    """Run the gateway until it has all links and knows its rights; its log."""
    gateway = Child("gateway", [sys.executable, "-m", "gateway", "run", "-c", str(config)], config.parent)

    async def informed() -> bool:
        lines = [line for line in gateway.output().splitlines() if "privileges granted" in line]
        return all(any(f"{each}.example.org" in line for line in lines) for each in _BRIDGES)

    gateway.start()
    try:
        await gateway.wait_ready(informed, within=60)
        return gateway.output()
    finally:
        await gateway.stop()


async def files(config: Path) -> tuple[bool, list[str]]:
    """What ``causeway check`` says of uploads, and whether it is content with everything."""
    out = io.StringIO()
    good = await check(config, {}, out)
    return good, [line for line in out.getvalue().splitlines() if " files of " in line]


_UPLOADS = [f"ok    files of {each}: upload service upload.example.org" for each in _BRIDGES]


async def test_prosody_with_the_pieces_of_the_page(server_directory: Directory) -> None:
    directory = server_directory("prosody-docs")
    async with prosody(directory) as port:
        config = configured(directory, port)
        good, found = await files(config)
        assert good, found
        assert [line.partition(",")[0] for line in found] == _UPLOADS
        log = await granted(config)
    assert log.count("roster: get and set") == 3
    assert log.count("message: outgoing") == 3
    assert log.count("urn:xmpp:http:upload:0") == 3


async def test_ejabberd_with_the_pieces_of_the_page(server_directory: Directory) -> None:
    directory = server_directory("ejabberd-docs")
    async with ejabberd(directory) as port:
        config = configured(directory, port)
        good, found = await files(config)
        assert good, found
        assert [line.partition(",")[0] for line in found] == _UPLOADS
        log = await granted(config)
    assert log.count("roster: get and set") == 3
    assert log.count("message: outgoing") == 3


def test_several_gateways_as_the_page_has_them_are_a_configuration(tmp_path: Path) -> None:
    text = _PAGE.read_text(encoding="utf-8").partition("## Several gateways")[2]
    tables = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0].replace("/etc/causeway", str(tmp_path))
    for name in ("irc", "libera"):
        file = tmp_path / f"{name}.secret"
        file.write_text(secret(name), encoding="utf-8")
        file.chmod(0o600)
    config = tmp_path / "config.toml"
    config.write_text(tables, encoding="utf-8")
    assert {each.name: each.jid for each in load(config, {}).bridges} == {
        "irc": "irc.example.org",
        "libera": "libera.example.org",
    }
