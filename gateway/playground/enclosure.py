"""A network of one's own (network_namespaces(7)) for programs that would listen on all addresses of this machine.

Nothing of it can be reached from outside but by the places that are named: a relay inside and one here talk through sockets
of the file system, which know no networks.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.playground import relay
from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, is_root, require
from gateway.playground.relay import UNIX, Relay

_TOOLS = ["util-linux"]


class Enclosure:
    """``start`` and ``stop`` it. Ports: those inside are nobody else's, so they can be any."""

    def __init__(self, directory: Path, *, inward: Mapping[int, int], outward: Mapping[int, int]) -> None:
        """``inward``: ports here, and the ones inside that they lead to. ``outward``: ports inside, and the ones here that
        they lead to. All are of 127.0.0.1; ``directory`` has a short path, for sockets are in it."""
        here: dict[str, str] = {}
        inside: dict[str, str] = {}
        for ours, theirs in inward.items():
            place = f"{UNIX}{directory}/in-{theirs}"
            here[f"{LOOPBACK}:{ours}"] = place
            inside[place] = f"{LOOPBACK}:{theirs}"
        for theirs, ours in outward.items():
            place = f"{UNIX}{directory}/out-{theirs}"
            here[place] = f"{LOOPBACK}:{ours}"
            inside[f"{LOOPBACK}:{theirs}"] = place
        self._sockets = [directory / name for name in _names(inward, outward)]
        self._relay = Relay(here)
        unshare = [require("unshare", _TOOLS), "--net", *([] if is_root() else ["--map-root-user"])]
        self.child = Child(
            "enclosure", [*unshare, "--", sys.executable, "-I", relay.__file__, json.dumps(inside)], directory
        )

    async def start(self) -> None:
        """Raises ``Missing`` and ``NotReady``: not every machine lets everybody have networks."""
        for each in self._sockets:
            each.unlink(missing_ok=True)
        self.child.start()
        await self.child.wait_ready(self.child.logged(relay.READY))
        await self._relay.start()

    async def stop(self) -> None:
        await self._relay.stop()
        await self.child.stop()

    def within(self, command: Sequence[str]) -> list[str]:
        """A command that runs in there; it stays the process that was started."""
        enter = [require("nsenter", _TOOLS), f"--net=/proc/{self.child.pid}/ns/net"]
        if not is_root():
            enter += [f"--user=/proc/{self.child.pid}/ns/user", "--preserve-credentials"]
        return [*enter, "--", *command]


def _names(inward: Mapping[int, int], outward: Mapping[int, int]) -> list[str]:
    return [*(f"in-{each}" for each in inward.values()), *(f"out-{each}" for each in outward)]
