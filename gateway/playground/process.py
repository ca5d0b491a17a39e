"""One child process of the playground: started so that it cannot outlive us, logged to a file, waited for, ended.

The kernel kills the child when the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG), so ``start`` belongs into
the thread that stays: the one of the event loop. The signal is set by setpriv(1) rather than between fork and exec,
because changing the user clears it again.
"""

import asyncio
import contextlib
import fcntl
import math
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

Probe = Callable[[], Awaitable[bool]]

_STEP = 0.01  # seconds between two looks at a child that is starting
_BLOCKED = 10080  # the one port of ours that browsers refuse to connect to (Fetch standard, "bad ports")
_RESERVED = 600.0  # seconds that a port is kept for whom it was given to
_EPHEMERAL = 32768  # ip_local_port_range: below it no outgoing connection takes a port away from us


class NotReady(Exception):
    """A child ended or kept silent instead of becoming ready; the text shows its last words."""


class Missing(Exception):
    """A program is not installed; the text says how to get it."""


def installed(program: str) -> bool:
    """Whether ``program`` is there, in the directories of daemons too (normal users' PATH lacks them)."""
    return _find(program) is not None


def _find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")


def require(program: str, packages: Sequence[str]) -> str:
    """The path of ``program``; raises ``Missing`` with the line that installs it."""
    found = _find(program)
    if found is None:
        raise Missing(
            f"{program} is not installed; on Debian and Ubuntu: apt-get install {' '.join(packages)}"
        )
    return found


def is_root() -> bool:
    return os.geteuid() == 0


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """``count`` different TCP ports nobody listens on at ``host``, outside the range the kernel hands out by itself.

    Whoever asks listens only later, so no other process of this user is given them for ten minutes.
    """
    chosen: list[int] = []
    generator = random.SystemRandom()
    with contextlib.ExitStack() as held:
        given = held.enter_context(_lately_given())
        while len(chosen) < count:
            port = generator.randrange(_BLOCKED + 1, _EPHEMERAL)
            if port in given:
                continue
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                probe.bind((host, port))
            except OSError:
                continue
            chosen.append(port)
            given[port] = time.time()
    return chosen


def taken(host: str, port: int) -> bool:
    """Whether somebody listens at ``host``:``port``, so that no server of ours can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do, for connections that have just ended
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


@contextlib.contextmanager
def _lately_given() -> Iterator[dict[int, float]]:
    """The ports that any process of this user was given of late, and when; what is added is written down at the end."""
    path = Path(tempfile.gettempdir(), f"causeway-ports-{os.geteuid()}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        oldest = time.time() - _RESERVED
        # A kill may have cut the last entry.
        entries = [line.split() for line in file]
        whole = [(int(entry[0]), float(entry[1])) for entry in entries if len(entry) == 2]
        given = {port: when for port, when in whole if when > oldest}
        yield given
        file.seek(0)
        file.truncate()
        file.writelines(f"{port} {when:.0f}\n" for port, when in given.items())


def listening(host: str, port: int) -> Probe:
    """Ready when something accepts connections at ``host``:``port``."""

    async def probe() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    return probe


def answering(host: str, port: int, question: bytes, answer: bytes) -> Probe:
    """Ready when something at ``host``:``port`` answers ``question`` with bytes that hold ``answer``."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        try:
            writer.write(question)
            async with asyncio.timeout(1):
                await reader.readuntil(answer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            return False
        finally:
            writer.transport.abort()
        return True

    return probe


class Child:
    """A program in a process group of its own. Its output goes to ``DIRECTORY/NAME.log``."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """``user``: whom to become, where we are root; the log stays ours."""
        self.name = name
        self.log = directory / f"{name}.log"
        self._command = tuple(command)
        self._directory = directory
        self._environment = dict(environment or {})
        self._user = user if is_root() else None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """Of the running or last started process; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """As subprocess gives it (negative: the signal); None while running and before the first start."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the process; it is not ready yet. Raises RuntimeError if it already runs."""
        if self.alive:
            raise RuntimeError(f"{self.name} already runs as process {self.pid}")
        launcher = [require("setpriv", ["util-linux"]), "--pdeathsig=KILL"]
        if self._user is not None:
            launcher += [f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups"]
            if self._user == "nobody":
                launcher[-2] = "--regid=nogroup"
        # We may have died before the signal was set; then nobody is left to send it.
        launcher += ["--", "sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid())]
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*launcher, *self._command],
                cwd=self._directory,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        """What the process wrote since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def logged(self, text: str) -> Probe:
        """Ready when the process has written ``text`` since its last start."""

        async def probe() -> bool:
            return text in self.output()

        return probe

    async def wait_ready(self, *probes: Probe, within: float = 30.0) -> None:
        """Wait until every probe says yes; raises ``NotReady`` if the child ends or ``within`` seconds pass first."""
        deadline = time.monotonic() + within
        for probe in probes:
            while not await probe():
                if not self.alive:
                    raise NotReady(self._failure(f"ended with status {self.exit_status} while starting"))
                if time.monotonic() > deadline:
                    raise NotReady(self._failure(f"was not ready within {within:g} s"))
                await asyncio.sleep(_STEP)

    async def restart(self, *probes: Probe, within: float = 30.0) -> None:
        """End it if it runs, start it, and wait as ``wait_ready`` does."""
        await self.stop()
        self.start()
        await self.wait_ready(*probes, within=within)

    async def ended(self) -> None:
        """Wait for ever until the process is gone."""
        await self._ended(math.inf)

    async def wait_ended(self, within: float = 10.0) -> int:
        """Wait until the process ends by itself; gives its exit status, raises ``NotReady`` when it goes on."""
        if not await self._ended(within):
            raise NotReady(self._failure(f"did not end within {within:g} s"))
        return self.exit_status or 0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, if it runs."""
        if self._process is not None and self.alive:
            self._process.send_signal(number)

    async def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, and after ``grace`` seconds SIGKILL to the whole group. Returns when the process is gone."""
        self.signal(signal.SIGTERM)
        if await self._ended(grace):
            self._kill_group()  # whatever it left behind
        else:
            await self.kill()

    async def kill(self) -> None:
        """``kill -9`` to the whole group. Returns when the process is gone."""
        self._kill_group()
        await self._ended(10.0)

    def _kill_group(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _ended(self, within: float) -> bool:
        deadline = time.monotonic() + within
        while self.alive:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_STEP)
        return True

    def _failure(self, what: str) -> str:
        lines = [line for line in self.output().splitlines() if line.strip()][-15:]
        said = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        return f"{self.name} {what}. Its last words (whole log: {self.log}):\n{said}"
