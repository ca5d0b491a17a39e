"""A real PostgreSQL for tests: Debian's, in a temporary directory, on a free loopback port, gone with its parent.

Fast rather than durable (``fsync=off``): what it proves is SQL, locks and errors, not what a power cut leaves.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

PASSWORD = "correct horse"
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server. ``pid`` is the postmaster's."""

    port: int
    pid: int

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        return f"postgresql://postgres:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    async def connect(self, database: str = "postgres") -> asyncpg.Connection:
        """A connection beside Causeway's own, for tests that disturb or look behind it."""
        return await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=PASSWORD,
            database=database,
            timeout=10,
        )

    async def create(self, database: str) -> str:
        """Make an empty database and give its URL."""
        connection = await self.connect()
        try:
            # Copying files is half the work of writing their pages to the log.
            await connection.execute(f'CREATE DATABASE "{database}" STRATEGY FILE_COPY')
        finally:
            await connection.close()
        return self.url(database)

    async def drop(self, database: str) -> None:
        connection = await self.connect()
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        finally:
            await connection.close()


def program(name: str) -> str:
    """The newest of Debian's PostgreSQL programs, which are not on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if found:
        return str(found[-1])
    on_path = shutil.which(name)
    if on_path is None:
        raise RuntimeError(f"{name} is not installed: run 'apt install postgresql'")
    return on_path


def _as_server_user() -> list[str]:
    """PostgreSQL refuses root. The death signal must be set after the change of user, which clears it: setpriv does so."""
    dying = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() != 0:
        return dying
    return [*dying, "--reuid=postgres", "--regid=postgres", "--init-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server and stop it at the end. Start it from the main thread: the death signal is tied to the thread."""
    directory = Path(tempfile.mkdtemp(prefix="causeway-postgres-"))
    try:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        with _started(directory) as server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _started(directory: Path) -> Iterator[Postgres]:
    data, log, password = directory / "data", directory / "log", directory / "password"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o644)
    initdb = [
        program("initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "-A",
        "scram-sha-256",
        f"--pwfile={password}",
    ]
    initdb += ["--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
    made = subprocess.run(
        [*_as_server_user(), *initdb], cwd=directory, capture_output=True, text=True, check=False, timeout=120
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")
    port = _free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "autovacuum": "off",
        "max_connections": 40,
        "shared_buffers": "32MB",
    }
    arguments = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_as_server_user(), program("postgres"), "-D", str(data), *arguments],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Postgres(port, process.pid)
    try:
        _wait_until_ready(server, process, log)
        yield server
    finally:
        process.send_signal(2)  # SIGINT: fast shutdown
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    asking = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(server.port)]
    while subprocess.run(asking, check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL does not start: {log.read_text(errors='replace')}")
        time.sleep(0.05)
