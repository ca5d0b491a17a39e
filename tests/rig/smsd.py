"""Debian's gammu-smsd with the phone that Gammu makes up of files, as a child process, its tables in SQLite.

Sent texts are rows of ``sentitems``; what the phone receives, reports among it, is a file that is put into it.
``scripts/test`` unpacks the program.
"""

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.playground.process import Child
from gateway.playground.unpacked import find

PHONE = "desk"

_CONFIG = """\
[gammu]
model = dummy
connection = none
device = {directory}/phone

[smsd]
service = sql
driver = sqlite3
dbdir = {directory}
database = smsd.db
logfile = stderr
debuglevel = 1
phoneid = {phone}
deliveryreport = sms
checksecurity = 0
receivefrequency = 1
statusfrequency = 1
commtimeout = 1
loopsleep = 1
multiparttimeout = 600
"""

_FILE = """\
[SMSBackup000]
PDU = {pdu}
SMSC = "123456"
DateTime = {time}
State = UnRead
Number = "{number}"
Name = ""
{more}Folder = 1
Length = {length}
Class = {kind}
ReplySMSC = False
"""


class Smsd:
    """``database`` is the file with its tables."""

    name = "gammu-smsd"

    def __init__(self, directory: Path) -> None:
        package = find("gammu-smsd")
        self.database = directory / "smsd.db"
        self._schema = package.root / "usr/share/doc/gammu-smsd/examples/sqlite.sql"
        self._phone = directory / "phone"
        self._files = itertools.count(1)
        config = directory / "gammu-smsdrc"
        config.write_text(_CONFIG.format(directory=directory, phone=PHONE), encoding="utf-8")
        self.child = Child(
            "gammu-smsd", [package.program("usr/bin/gammu-smsd"), "-c", str(config)], directory
        )

    @classmethod
    async def start(cls, directory: Path) -> "Smsd":
        """Raises ``Missing`` and ``NotReady``."""
        daemon = cls(directory)
        for folder in range(1, 6):
            (daemon._phone / f"sms/{folder}").mkdir(parents=True)
        make_tables(daemon.database, daemon._schema)
        await daemon.restart()
        return daemon

    async def stop(self) -> None:
        await self.child.stop()

    async def restart(self) -> None:
        await self.child.stop()
        self.child.start()
        await self.child.wait_ready(self._begun)

    async def _begun(self) -> bool:
        return bool(self.rows("SELECT 1 FROM phones"))

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """What the tables say."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found

    def sent(self, to: str) -> list[sqlite3.Row]:
        """The parts that went to a phone."""
        return self.rows(
            "SELECT * FROM sentitems WHERE DestinationNumber = ? ORDER BY ID, SequencePosition", to
        )

    def receive(self, sender: str, text: str, *, header: bytes = b"", kind: int = -1) -> None:
        """Somebody's text, or a piece of one."""
        digits = text.encode("utf-16-be", "surrogatepass").hex().upper()
        lines = [f"Text{n:02} = {digits[at : at + 200]}" for n, at in enumerate(range(0, len(digits), 200))]
        if header:
            lines.insert(0, f"UDH = {header.hex().upper()}")
        more = "\n".join([*lines, "Coding = Unicode", ""])
        self._put("Deliver", sender, more, length=len(digits) // 4, kind=kind)

    def report(self, recipient: str, said: str = "Delivered") -> None:
        """The network's about the oldest part to a phone of which there was none. Gammu reads reports as texts of one word
        (Delivered, Failed, Pending, Unknown)."""
        digits = said.encode("utf-16-be").hex().upper()
        more = f"SMSCDateTime = {_now()}\nMessageReference = 255\nText00 = {digits}\nCoding = Default\n"
        self._put("Status_Report", recipient, more, length=len(said))

    def _put(self, pdu: str, number: str, more: str, *, length: int, kind: int = -1) -> None:
        name = str(next(self._files))
        text = _FILE.format(pdu=pdu, time=_now(), number=number, more=more, length=length, kind=kind)
        new = self._phone / name
        new.write_text(text, encoding="ascii")
        os.rename(new, self._phone / "sms/1" / name)


def make_tables(database: Path, schema: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.executescript(schema.read_text(encoding="utf-8"))


def parts(text: str, size: int, reference: int = 77) -> Iterator[tuple[str, bytes]]:
    """A long text as phones send it: pieces of ``size`` units of UTF-16, and the header of each."""
    octets = text.encode("utf-16-be")
    pieces = [octets[at : at + 2 * size] for at in range(0, len(octets), 2 * size)]
    for number, piece in enumerate(pieces, 1):
        yield piece.decode("utf-16-be", "surrogatepass"), bytes([5, 0, 3, reference, len(pieces), number])


def _now() -> str:
    return datetime.now().astimezone().strftime("%Y%m%dT%H%M%S%z")
