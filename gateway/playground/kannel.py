"""Kannel as child processes: bearerbox and smsbox, with an SMSC of their own make (fakesmsc) and, if wanted, one by SMPP.

fakesmsc's side of bearerbox listens on all addresses, so all of it runs in an ``Enclosure``; only smsbox's HTTP interface
can be reached from outside, and only the gateway's callbacks and the SMSC from inside. Written for Debian's 1.4.5, whose
packages are unpacked, not installed.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gateway.playground.enclosure import Enclosure
from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, answering, free_ports
from gateway.playground.unpacked import find, unpacked

USERNAME, PASSWORD = "gateway", "s3cret"
#: What its SMSCs are called there.
FAKE, SMPP = "fake", "smpp"

_ADMIN, _BOXES, _SENDSMS, _FAKESMSC = 13000, 13001, 13002, 13003  # inside

_CORE = """\
group = core
admin-port = {admin}
admin-password = adm
admin-interface = 127.0.0.1
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
dlr-storage = internal
store-type = file
store-location = "{directory}/kannel.store"
access-log = "{directory}/access.log"
sms-combine-concatenated-mo = true
sms-combine-concatenated-mo-timeout = 5

group = smsc
smsc = fake
smsc-id = fake
allowed-smsc-id = fake
port = {fakesmsc}
connect-allow-ip = 127.0.0.1

"""

_SMPP = """\
group = smsc
smsc = smpp
smsc-id = smpp
allowed-smsc-id = smpp
host = 127.0.0.1
port = {port}
receive-port = 0
transceiver-mode = true
smsc-username = "kannel"
smsc-password = "secret"
system-type = ""
interface-version = 34
reconnect-delay = 1

"""

_SMSBOX = """\
group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
mo-recode = true
http-request-retry = 60
http-queue-delay = 1

group = sendsms-user
username = {username}
password = {password}
concatenation = true
max-messages = 20

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
get-url = "{callbacks}?from=%p&to=%P&id=%I&ts=%T&text=%b&coding=%c&charset=%C&udh=%u"
"""


@dataclass(frozen=True, slots=True)
class Way:
    """Ports of this machine: where the gateway takes callbacks, and an SMSC that speaks SMPP, 0 for none."""

    web: int
    smsc: int = 0


class Kannel:
    """A running Kannel. ``url`` is where texts are sent to, with ``USERNAME`` and ``PASSWORD``, ``config`` its file."""

    PACKAGES = ("kannel", "kannel-extras")
    name = "Kannel"

    def __init__(self, directory: Path, way: Way) -> None:
        """``directory`` has a short path."""
        self._directory = directory
        self._way = way
        (port,) = free_ports(1)
        self.url = f"http://{LOOPBACK}:{port}"
        self._port = port
        self.config = directory / "kannel.conf"
        self._root = find("kannel")
        self._fakesmsc = find("kannel-extras").program("usr/lib/kannel/test/fakesmsc")
        outward = {port: port for port in (way.web, way.smsc) if port}
        self._enclosure = Enclosure(directory, inward={port: _SENDSMS}, outward=outward)
        self._running: list[Child] = []

    @staticmethod
    def installed() -> bool:
        return all(map(unpacked, Kannel.PACKAGES))

    async def start(self, callbacks: str) -> None:
        """``callbacks``: the address where texts that come in are to be brought, as the gateway's operator is told it.
        Raises ``Missing`` and ``NotReady``."""
        self.config.write_text(self._text(callbacks), encoding="utf-8")
        await self._enclosure.start()
        bearerbox = await self._begin("bearerbox")
        await bearerbox.wait_ready(bearerbox.logged("MAIN: Start-up done, entering mainloop"))
        smsbox = await self._begin("smsbox")
        # Our end of the relay would listen in any case.
        await smsbox.wait_ready(answering(LOOPBACK, self._port, b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1."))

    def _text(self, callbacks: str) -> str:
        text = _CORE.format(admin=_ADMIN, boxes=_BOXES, fakesmsc=_FAKESMSC, directory=self._directory)
        if self._way.smsc:
            text += _SMPP.format(port=self._way.smsc)
        return text + _SMSBOX.format(
            sendsms=_SENDSMS, username=USERNAME, password=PASSWORD, callbacks=callbacks
        )

    async def _begin(self, name: str) -> Child:
        program = self._root.program(f"usr/sbin/{name}")
        command = self._enclosure.within([program, "-v", "1", str(self.config)])
        child = Child(name, command, self._directory)
        child.start()
        self._running.append(child)
        return child

    async def stop(self) -> None:
        while self._running:
            await self._running.pop().stop()
        await self._enclosure.stop()

    def line(self) -> Child:
        """A fakesmsc to be started, which stands for all phones and logs what comes to them: ``<FROM TO text WORDS>``, or
        ``ucs-2`` (with a header: ``data``) and then percent-encoded. Kannel talks to one at a time, so it has to be stopped
        for ``text``."""
        return self._phones("0", "1 2 text nothing")

    async def text(self, sender: str, recipient: str, words: str) -> None:
        """A phone's text to a number of the gateway's, through fakesmsc; returns when Kannel has it. ``words`` have no
        newline."""
        before = self._received()

        async def taken() -> bool:
            return self._received() > before

        said = quote(words.encode("utf-16-be"), safe="")
        sending = self._phones("1", f"{sender} {recipient} ucs2 {said}")
        sending.start()
        try:
            await sending.wait_ready(taken)
        finally:
            await sending.stop()

    def _phones(self, most: str, said: str) -> Child:
        where = ("-H", LOOPBACK, "-r", str(_FAKESMSC), "-i", "0.1", "-m", most)
        command = self._enclosure.within([self._fakesmsc, *where, said])
        return Child("fakesmsc", command, self._directory)

    def _received(self) -> int:
        log = self._directory / "access.log"
        return log.read_bytes().count(b" Receive SMS ") if log.exists() else 0
