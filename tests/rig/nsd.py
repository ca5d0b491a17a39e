"""NSD, a real name server, as a child process: zones are files, and what is wrong with one its own reader says."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, free_ports, listening
from gateway.playground.unpacked import find

_CONFIG = """\
server:
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: "{directory}/nsd.pid"
  xfrdfile: ""
  zonelistfile: "{directory}/zone.list"
  ip-address: {host}@{port}
  server-count: 1
remote-control:
  control-enable: no
"""

_ZONE = 'zone:\n  name: "{name}"\n  zonefile: "{name}.zone"\n'

#: RFC 1035 §5.1, with what every zone has to have.
_HEAD = """\
$TTL 3600
{name}. IN SOA ns.{name}. hostmaster.{name}. {serial} 3600 600 86400 60
{name}. IN NS ns.{name}.
ns.{name}. IN A 127.0.0.1
"""


class Nsd:
    """For zones that begin with nothing but themselves."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        package = find("nsd")
        (self.port,) = free_ports(1)
        self._directory = directory
        self._check = package.program("usr/sbin/nsd-checkzone")
        self._lines: Mapping[str, list[str]] = {each: [] for each in names}
        config = directory / "nsd.conf"
        config.write_text(
            _CONFIG.format(directory=directory, host=LOOPBACK, port=self.port)
            + "".join(_ZONE.format(name=each) for each in names)
        )
        self._child = Child("nsd", [package.program("usr/sbin/nsd"), "-d", "-c", str(config)], directory)

    def add(self, zone: str, lines: str) -> None:
        """Lines as they are printed. Raises ``AssertionError`` with the words of NSD's reader if it does not take them."""
        self._lines[zone].extend(lines.rstrip("\n").split("\n"))
        path = self._write(zone)
        checked = subprocess.run([self._check, zone, str(path)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr + path.read_text()

    def remove(self, zone: str, start: str) -> None:
        """All lines that begin so."""
        self._lines[zone][:] = [each for each in self._lines[zone] if not each.startswith(start)]

    async def restart(self) -> None:
        for zone in self._lines:
            self._write(zone)
        await self._child.stop()
        self._child.start()
        await self._child.wait_ready(listening(LOOPBACK, self.port))

    async def stop(self) -> None:
        await self._child.stop()

    def _write(self, zone: str) -> Path:
        path = self._directory / f"{zone}.zone"
        lines = self._lines[zone]
        path.write_text(_HEAD.format(name=zone, serial=len(lines) + 1) + "\n".join([*lines, ""]))
        return path
