"""Postfix as a child process: the operator's MTA, with mail from outside at ``port`` and submission for the gateway at
``submission_port``. Written for 3.7, Debian 12's, unpacked into the cache and not installed (``unpacked``).

Debian's libnss-wrapper and libuid-wrapper make it believe that it is root and changes users. It is neither: an ordinary
user can run it, and the kernel does not forget to end it with us (it forgets for who really changes users). Its own
children end when the pipe that they share with ``master`` closes. Nothing leaves the machine: what has no route bounces.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.playground.certificate import Certificate
from gateway.playground.peers import LOOPBACK, give_to
from gateway.playground.process import Child, NotReady, answering, free_ports, taken
from gateway.playground.unpacked import Unpacked, among, find, unpacked

_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/data
daemon_directory = {root}/usr/lib/postfix/sbin
command_directory = {root}/usr/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {directory}/etc
import_environment = {environment}
export_environment = {environment}
mail_owner = postfix
setgid_group = postdrop
default_privs = nobody
maillog_file = /dev/stdout
inet_interfaces = {host}
inet_protocols = ipv4
myhostname = mx.localhost
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:local mail is disabled
default_transport = error:5.4.4 outbound mail is disabled
relay_transport = error:5.4.4 there is no route
relay_domains = {domains}
relay_recipient_maps =
transport_maps = inline:{{ {transports} }}
recipient_delimiter = +
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_client_port_logging = yes
smtp_address_preference = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
hash_queue_names = corrupt
queue_run_delay = 1s
# On a busy machine a service's first process may die before it can say why; a minute is longer than anybody waits here.
service_throttle_time = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
bounce_queue_lifetime = 60s
maximal_queue_lifetime = 60s
message_size_limit = 50000000
mailbox_size_limit = 0
"""

_TLS = """\
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
"""

_SASL = """\
smtpd_sasl_type = dovecot
smtpd_sasl_path = {path}
"""

# A mail that is still locked when it is due waits for the next look at the incoming queue: usually every 300 seconds.
_MASTER = """\
{host}:{port} inet n - n - - smtpd
{host}:{submission_port} inet n - n - - smtpd
{submission}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_ENVIRONMENT = (
    "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME LD_LIBRARY_PATH "
    "LD_PRELOAD UID_WRAPPER UID_WRAPPER_ROOT NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP"
)
_QUEUES = "active bounce corrupt defer deferred flush hold incoming maildrop pid private public saved trace"

_PASSWD = """\
root:x:0:0::/:/bin/false
nobody:x:65534:65534::/:/bin/false
postfix:x:65533:65533::/:/bin/false
"""
_GROUP = """\
root:x:0:
nogroup:x:65534:
postfix:x:65533:
postdrop:x:65532:
"""


def lmtp(host: str, port: int) -> str:
    """The route to an LMTP listener, for ``Postfix.start``; for a Unix socket it is ``lmtp:unix:/path``."""
    return f"lmtp:inet:{host}:{port}"


class Postfix:
    """A running Postfix: anybody's mail to the domains that have routes at ``port``; the gateway's to anywhere at
    ``submission_port``, where routes and rules are the same."""

    PACKAGES = ("postfix", "libnss-wrapper", "libuid-wrapper")  # to be unpacked, not installed
    name = "Postfix"

    def __init__(
        self, directory: Path, files: Unpacked, host: str, port: int | None, submission_port: int | None
    ) -> None:
        self.host = host
        mx, submission = free_ports(2, host)
        self.port = port or mx
        self.submission_port = submission_port or submission
        self._directory = directory
        environment = {
            **files.libraries("usr/lib/postfix"),
            **_wrapped(directory),
            "MAIL_CONFIG": str(directory / "etc"),
        }
        self.child = Child(
            "postfix",
            among(
                environment, files.program("usr/lib/postfix/sbin/master"), "-s", "-c", str(directory / "etc")
            ),
            directory,
            user="nobody",
        )

    @classmethod
    def installed(cls) -> bool:
        return all(unpacked(package) for package in cls.PACKAGES)

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        routes: Mapping[str, str],
        certificate: Certificate | None = None,
        sasl: str = "",
        settings: Mapping[str, str] | None = None,
        host: str = LOOPBACK,
        port: int | None = None,
        submission_port: int | None = None,
    ) -> "Postfix":
        """Write the configuration into ``directory`` and start.

        ``routes``: where mail for a domain goes, as Postfix's transport(5) has it: ``lmtp("127.0.0.1", 2003)``,
        ``error:5.1.1 no such user``, ``retry:4.2.1 busy``, ``discard:``. ``sasl``: where Dovecot's authentication protocol
        is spoken (``inet:127.0.0.1:1234``); with it, submission wants STARTTLS (if there is a certificate) and a login.
        ``settings`` are lines of main.cf instead of ours. Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, find("postfix"), host, port, submission_port)
        server._lay_out()
        server._write_main(routes, certificate, sasl, settings or {})
        server._write_master(certificate is not None, bool(sasl))
        await server.restart()
        return server

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.stop()
        (self._directory / "spool/pid/master.pid").unlink(missing_ok=True)
        for port in (self.port, self.submission_port):
            if taken(
                self.host, port
            ):  # it would end without a word: its log is written by a child that is not there yet
                raise NotReady(f"Postfix cannot listen at {self.host}:{port}: another process does.")
        self.child.start()
        question, answer = b"EHLO probe.localhost\r\nQUIT\r\n", b"221"
        for port in (self.port, self.submission_port):
            await self.child.wait_ready(answering(self.host, port, question, answer))

    def _lay_out(self) -> None:
        """The directories as Postfix's own installation makes them."""
        spool = self._directory / "spool"
        places = [self._directory, self._directory / "etc", self._directory / "data", spool]
        places += [spool / name for name in _QUEUES.split()]
        for place in places:
            place.mkdir(exist_ok=True)
        (self._directory / "passwd").write_text(_PASSWD, encoding="ascii")
        (self._directory / "group").write_text(_GROUP, encoding="ascii")
        self.child.log.touch()
        give_to("nobody", self.child.log, *places)  # it opens the log anew by its name

    def _write_main(
        self,
        routes: Mapping[str, str],
        certificate: Certificate | None,
        sasl: str,
        settings: Mapping[str, str],
    ) -> None:
        text = _MAIN.format(
            directory=self._directory,
            root=Path(find("postfix").root),
            environment=_ENVIRONMENT,
            host=self.host,
            domains=", ".join(routes),
            transports=", ".join(f"{{ {domain} = {route} }}" for domain, route in routes.items()),
        )
        if certificate is not None:
            text += _TLS.format(certificate=certificate.certificate, key=certificate.key)
        if sasl:
            text += _SASL.format(path=sasl)
        # A parameter that is set twice is a warning of every daemon, and so many stop the log before it begins.
        text = "".join(
            line for line in text.splitlines(keepends=True) if line.partition("=")[0].strip() not in settings
        )
        text += "".join(f"{name} = {value}\n" for name, value in settings.items())
        self._write("main.cf", text)

    def _write_master(self, tls: bool, sasl: bool) -> None:
        options = {"smtpd_relay_restrictions": "permit_mynetworks,reject"}
        if sasl:
            options = {
                "smtpd_sasl_auth_enable": "yes",
                "smtpd_relay_restrictions": "permit_sasl_authenticated,reject",
            }
            if tls:
                options |= {"smtpd_tls_auth_only": "yes", "smtpd_tls_security_level": "encrypt"}
        text = _MASTER.format(
            host=self.host,
            port=self.port,
            submission_port=self.submission_port,
            submission="\n".join(f"  -o {name}={value}" for name, value in options.items()),
        )
        self._write("master.cf", text)

    def _write(self, name: str, text: str) -> None:
        """Some seconds ago, as it seems: every program of Postfix reads again and again what may just be being written."""
        path = self._directory / "etc" / name
        path.write_text(text, encoding="utf-8")
        then = time.time() - 10
        os.utime(path, (then, then))


def _wrapped(directory: Path) -> Mapping[str, str]:
    """The environment in which an ordinary user passes for root to Postfix."""
    libraries: list[str] = []
    for package in ("libnss-wrapper", "libuid-wrapper"):
        libraries += [str(place) for place in find(package).root.glob("usr/lib/*/lib*_wrapper.so")]
    return {
        "LD_PRELOAD": ":".join(libraries),
        "UID_WRAPPER": "1",
        "UID_WRAPPER_ROOT": "1",
        "NSS_WRAPPER_PASSWD": str(directory / "passwd"),
        "NSS_WRAPPER_GROUP": str(directory / "group"),
    }
