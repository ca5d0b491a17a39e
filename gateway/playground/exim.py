"""Exim as a child process: another MTA at the border, with mail for the gateway's domains at ``port``. Written for 4.96,
Debian 12's, unpacked into the cache and not installed (``unpacked``).

It runs as an ordinary user: a copy of the binary is not set-user-id, and Debian's libnss-wrapper shows it the account that
it was built for. Nothing leaves the machine: what has no route bounces.
"""

import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.playground.peers import LOOPBACK, give_to
from gateway.playground.process import Child, answering, free_ports, is_root
from gateway.playground.unpacked import among, find, unpacked

_CONFIG = """\
primary_hostname = mx.localhost
exim_path = {directory}/exim
spool_directory = {directory}/spool
log_file_path = {directory}/spool/log/%slog
pid_file_path = {directory}/spool/exim.pid
daemon_smtp_ports = {port}
local_interfaces = {host}
keep_environment = LD_PRELOAD : LD_LIBRARY_PATH : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
deliver_drop_privilege
host_lookup =
tls_advertise_hosts =
rfc1413_query_timeout = 0s
log_selector = +smtp_confirmation
qualify_domain = localhost.test
message_size_limit = 50M
accept_8bitmime = true
acl_smtp_rcpt = rcpt
acl_smtp_data = data
never_users =
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
queue_run_max = 5
ignore_bounce_errors_after = 1m
timeout_frozen_after = 1m

begin acl
rcpt:
{rcpt}
  accept
data:
  accept

begin routers
{routers}

begin transports
{transports}

begin retry
* * F,10m,1s
"""

_ROUTER = """\
to_{number}:
  driver = {driver}
  domains = {domain}
  transport = transport_{number}
{more}"""


@dataclass(frozen=True, slots=True)
class LmtpRoute:
    """Where an LMTP listener is: a port, or the path of a Unix socket."""

    host: str = LOOPBACK
    port: int = 0
    path: Path | None = None
    batch: int = 100  # recipients of one transaction

    def router(self, number: int, domain: str) -> str:
        more = "" if self.path else f"  route_list = * {self.host}\n  self = send\n"
        driver = "accept" if self.path else "manualroute"
        return _ROUTER.format(number=number, domain=domain, driver=driver, more=more)

    def transport(self, number: int) -> str:
        if self.path is not None:
            how = f"  driver = lmtp\n  socket = {self.path}\n  batch_max = {self.batch}\n"
        else:
            # Other servers fold long lines; Exim refuses them unless it is told not to.
            how = (
                f"  driver = smtp\n  protocol = lmtp\n  port = {self.port}\n  allow_localhost\n"
                "  hosts_try_fastopen =\n  message_linelength_limit = 1G\n"
            )
        return f"transport_{number}:\n{how}"


class Exim:
    """A running Exim: anybody's mail to the domains that have routes at ``port``."""

    PACKAGES = ("exim4-daemon-light", "libnss-wrapper")  # to be unpacked, not installed
    name = "Exim"

    def __init__(self, directory: Path, host: str, port: int | None) -> None:
        self.host = host
        self.port = port or free_ports(1, host)[0]
        self._directory = directory
        files = find("exim4-daemon-light")
        wrapper = next(find("libnss-wrapper").root.glob("usr/lib/*/libnss_wrapper.so"))
        environment = {
            **files.libraries(),
            "LD_PRELOAD": str(wrapper),
            "NSS_WRAPPER_PASSWD": str(directory / "passwd"),
            "NSS_WRAPPER_GROUP": str(directory / "group"),
        }
        self.child = Child(
            "exim",
            among(environment, str(directory / "exim"), "-C", str(directory / "exim.conf"), "-bdf", "-q1s"),
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
        routes: Mapping[str, LmtpRoute],
        verify: bool = False,
        host: str = LOOPBACK,
        port: int | None = None,
    ) -> "Exim":
        """Write the configuration into ``directory`` and start. ``verify``: ask the listener whether a recipient exists
        before a mail is taken (a callout). Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, host, port)
        server._lay_out(routes, verify)
        await server.restart()
        return server

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.restart(answering(self.host, self.port, b"EHLO probe.localhost\r\nQUIT\r\n", b"221"))

    @property
    def log(self) -> str:
        """What it did with mails, in Exim's own words."""
        path = self._directory / "spool/log/mainlog"
        return path.read_text(errors="replace") if path.exists() else ""

    def _lay_out(self, routes: Mapping[str, LmtpRoute], verify: bool) -> None:
        directory = self._directory
        binary, spool = directory / "exim", directory / "spool"
        shutil.copyfile(find("exim4-daemon-light").program("usr/sbin/exim4"), binary)
        binary.chmod(0o755)
        places = [directory, spool, spool / "log"]
        for place in places:
            place.mkdir(exist_ok=True)
        callout = "  require verify = recipient/callout=20s,use_sender\n" if verify else ""
        text = _CONFIG.format(
            directory=directory,
            host=self.host,
            port=self.port,
            rcpt=f"  deny !domains = {' : '.join(routes)}\n{callout}",
            routers="\n".join(
                route.router(number, domain) for number, (domain, route) in enumerate(routes.items())
            ),
            transports="\n".join(route.transport(number) for number, route in enumerate(routes.values())),
        )
        config = directory / "exim.conf"
        config.write_text(text, encoding="utf-8")
        user, group = (65534, 65534) if is_root() else (os.geteuid(), os.getegid())
        name = pwd.getpwuid(user).pw_name
        (directory / "passwd").write_text(
            f"root:x:0:0::/:/bin/false\nDebian-exim:x:{user}:{group}::/:/bin/false\n{name}:x:{user}:{group}::/:/bin/false\n"
        )
        (directory / "group").write_text(f"root:x:0:\nDebian-exim:x:{group}:\nnogroup:x:{group}:\n")
        # Exim makes its logs in a process of its own, which two connections at once can both be about to do.
        logs = [self.child.log, *(spool / "log" / name for name in ("mainlog", "rejectlog", "paniclog"))]
        for log in logs:
            log.touch()
        give_to("nobody", *logs, config, *places)
