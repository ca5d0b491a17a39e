"""The two gateways under test, each behind the same few questions: how to configure it, how to start it, what it kept.

A gateway is a black box. Its adapter writes configuration and nothing else; both are told the same: no TLS, no
limits on sending, an archive or none, one IRC network on one plain port.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

COMPONENT = "gw.bench"
SECRET = "of-a-benchmark-only"
NETWORK = "irc.bench"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one gateway runs. ``users`` are the bare JIDs that will log in; ``archive`` asks for a message archive."""

    directory: Path
    xmpp_port: int
    irc_port: int
    archive: bool
    users: Sequence[str]


class Gateway(Protocol):
    """How to run one product."""

    @property
    def name(self) -> str: ...

    def version(self) -> str: ...

    def archives(self) -> bool:
        """Whether it can keep an archive at all; without, work with ``archive`` is not measured."""

    def configure(self, place: Place) -> Sequence[str]:
        """Write the configuration into ``place.directory``; the command line to run there."""

    def connected(self, place: Place) -> None:
        """The gateway is up and idle, nobody has logged in: what can be set only now."""

    def archived(self, place: Place, text: str) -> int:
        """Messages in the archive of ``place`` that contain ``text``."""


class Biboumi:
    """Debian's biboumi. Throttling, archiving and ports are per user and kept in its database."""

    name = "biboumi"

    def __init__(self, executable: str = "/usr/bin/biboumi") -> None:
        self._executable = executable

    def version(self) -> str:
        query = ("dpkg-query", "--show", "--showformat", "${Version}", "biboumi")
        return (
            subprocess.run(query, capture_output=True, text=True, check=False).stdout or "of unknown version"
        )

    def archives(self) -> bool:
        return True

    def configure(self, place: Place) -> Sequence[str]:
        config = place.directory / "biboumi.cfg"
        config.write_text(
            f"hostname={COMPONENT}\npassword={SECRET}\nxmpp_server_ip=127.0.0.1\nport={place.xmpp_port}\n"
            f"db_name={self._database(place)}\nlog_level=3\nidentd_port=0\n"
        )
        return [self._executable, str(config)]

    def connected(self, place: Place) -> None:
        # Its tables exist once it has started; the rows are the ones its own ad-hoc forms write.
        with closing(sqlite3.connect(self._database(place))) as database, database:
            database.executemany(
                "insert into ircserveroptions_ (owner_, server_, ports_, tlsports_, address_, throttlelimit_, verifycert_,"
                " maxhistorylength_, pass_, username_, realname_, nick_, saslpassword_, encodingin_, encodingout_,"
                " trustedfingerprint_) values (?, ?, ?, '', '127.0.0.1', -1, 0, 20, '', '', '', '', '', '', '', '')",
                [(user, NETWORK, str(place.irc_port)) for user in place.users],
            )
            database.executemany(
                "insert into globaloptions_ (owner_, maxhistorylength_, recordhistory_, persistent_) values (?, 20, ?, 0)",
                [(user, int(place.archive)) for user in place.users],
            )

    def archived(self, place: Place, text: str) -> int:
        with closing(sqlite3.connect(self._database(place))) as database:
            query = "select count(*) from muclogline_ where instr(body_, ?)"
            return int(database.execute(query, (text,)).fetchone()[0])

    def _database(self, place: Place) -> Path:
        return place.directory / "biboumi.sqlite"


class Causeway:
    """The gateway of this repository, run from the Python that runs the benchmarks.

    ``bytecode`` is a directory for compiled modules, which an installed gateway has whatever our own environment says.
    """

    name = "causeway"

    def __init__(self, bytecode: Path) -> None:
        self._python = (
            *("env", "-u", "PYTHONDONTWRITEBYTECODE", f"PYTHONPYCACHEPREFIX={bytecode}"),
            *(sys.executable, "-m", "gateway"),
        )

    def version(self) -> str:
        return version("causeway")

    def archives(self) -> bool:
        return True

    def configure(self, place: Place) -> Sequence[str]:
        config = place.directory / "config.toml"
        if not config.exists():
            self._init(config)
        config.write_text(
            f"""
[xmpp]
host = "127.0.0.1"
port = {place.xmpp_port}

[storage]
database = "sqlite:///{self._database(place)}"
archive_days = {30 if place.archive else 0}

[limits]
logins_per_second = 1000
concurrent_logins = 10000
concurrent_logins_total = 10000
messages_per_minute = 1000000
messages_burst = 1000000
messages_per_second_total = 1000000
foreign_messages_per_minute = 1000000
foreign_messages_burst = 1000000

[bridges.irc]
jid = "{COMPONENT}"
secret = "{SECRET}"

[bridges.irc.networks."{NETWORK}"]
address = "127.0.0.1"
tls_ports = []
ports = [{place.irc_port}]
throttle_rate = 0
"""
        )
        return [*self._python, "run", "-c", str(config)]

    def _init(self, config: Path) -> None:
        """What an operator does first; it leaves the key file that the gateway asks for."""
        options = ("--domain", COMPONENT, "--server", "prosody", "--output", str(config))
        subprocess.run(
            (*self._python, "init", *options),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )

    def connected(self, place: Place) -> None:
        """Everything is in the configuration."""

    def archived(self, place: Place, text: str) -> int:
        with closing(sqlite3.connect(self._database(place))) as database:
            query = "select count(*) from archive where instr(body, ?)"
            return int(database.execute(query, (text,)).fetchone()[0])

    def _database(self, place: Place) -> Path:
        return place.directory / "causeway.sqlite"
