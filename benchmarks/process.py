"""A gateway as a child process: started pinned, watched from outside, ended for certain.

All figures are of the whole process tree, threads and children included, and come from the kernel's accounts.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

_LOG_TAIL = 1500  # characters of the gateway's own output shown with a failure
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class GatewayProcess:
    """One running gateway. It dies with us: the kernel kills it when its parent goes (PR_SET_PDEATHSIG)."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, command: Sequence[str], core: int | str, directory: Path) -> "GatewayProcess":
        """``core``: its number, or several as taskset(1) has them."""
        log = directory / "gateway.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(process, log)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """SIGKILL to the gateway and all of its children; returns when it is gone."""
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def wait(self) -> int:
        return await self._process.wait()

    def cpu_seconds(self) -> float:
        """Processor time used so far, in user and kernel mode."""
        return sum(_cpu_seconds(pid) for pid in self._tree())

    def resident_bytes(self) -> int:
        return sum(_resident_bytes(pid) for pid in self._tree())

    def log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-_LOG_TAIL:]

    def _tree(self) -> list[int]:
        found = [self._process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found


def _cpu_seconds(pid: int) -> float:
    # The process's own CPU clock counts nanoseconds, where /proc/PID/stat counts ticks of 10 ms. Its id is made as
    # clock_getcpuclockid(3) makes it; finished children are in no clock, so those are taken from stat.
    own = time.clock_gettime((~pid << 3) | 2)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[13]) + int(fields[14])) * _TICK


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
