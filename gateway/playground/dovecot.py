"""Dovecot as a child process: mailboxes by IMAP and LMTP, and logins for Postfix. Written for 2.3, Debian 12's.

Any user name with ``PASSWORD`` exists, and has a mailbox as soon as somebody writes to it or looks into it.
"""

import grp
import os
import pwd
import re
from pathlib import Path

from gateway.playground.certificate import Certificate
from gateway.playground.peers import LOOPBACK, give_to
from gateway.playground.process import Child, answering, free_ports, installed, is_root, require

PASSWORD = "sesame"

_CONFIG = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = /dev/stderr
protocols = imap lmtp
listen = {host}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
mail_location = maildir:{directory}/mail/%u
first_valid_uid = 1
mail_uid = {user}
mail_gid = {group}
recipient_delimiter = +
{tls}
{tokens}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/home/%u allow_all_users=yes
}}
service anvil {{
  chroot =
  # Who fails to log in is not made to wait longer and longer.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = {host}
    port = {lmtp_port}
  }}
}}
service auth {{
  inet_listener {{
    address = {host}
    port = {auth_port}
  }}
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
"""

_TLS = """\
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
"""


_TOKENS = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {directory}/tokens.conf
}}
"""

_INTROSPECTION = """\
introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
"""


class Dovecot:
    """A running Dovecot: IMAP at ``port`` (plain, or STARTTLS where it has a certificate), at ``tls_port`` with TLS from the
    first byte, LMTP at ``lmtp_port``, logins for Postfix at ``auth_port`` (its ``sasl``)."""

    PACKAGES = ("dovecot-imapd", "dovecot-lmtpd")
    name = "Dovecot"

    def __init__(self, directory: Path, host: str) -> None:
        self.host = host
        self.directory = directory
        self.port, self.tls_port, self.lmtp_port, self.auth_port = free_ports(4, host)
        self.child = Child(
            "dovecot",
            [require("dovecot", self.PACKAGES), "-F", "-c", str(directory / "dovecot.conf")],
            directory,
            user="nobody",
        )

    @staticmethod
    def installed() -> bool:
        return installed("dovecot")

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        certificate: Certificate | None = None,
        introspection: str = "",
        host: str = LOOPBACK,
    ) -> "Dovecot":
        """Write the configuration into ``directory`` and start. ``introspection``: a URL that says whose an access token is
        (RFC 7662), for logins by XOAUTH2. Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, host)
        user, group = ("nobody", "nogroup") if is_root() else _ourselves()
        tls = (
            _TLS.format(certificate=certificate.certificate, key=certificate.key)
            if certificate
            else "ssl = no"
        )
        (directory / "dovecot.conf").write_text(
            _CONFIG.format(
                directory=directory,
                host=host,
                user=user,
                group=group,
                tls=tls,
                tokens=_TOKENS.format(directory=directory) if introspection else "",
                mechanisms="plain login xoauth2" if introspection else "plain login",
                password=PASSWORD,
                port=server.port,
                tls_port=server.tls_port,
                lmtp_port=server.lmtp_port,
                auth_port=server.auth_port,
            ),
            encoding="utf-8",
        )
        (directory / "tokens.conf").write_text(_INTROSPECTION.format(url=introspection), encoding="utf-8")
        places = [directory / name for name in ("run", "state", "mail", "home")]
        for place in places:
            place.mkdir(exist_ok=True)
        if is_root():
            give_to("nobody", directory, directory / "dovecot.conf", directory / "tokens.conf", *places)
        await server.restart()
        return server

    @property
    def sasl(self) -> str:
        """For ``Postfix.start``."""
        return f"inet:{self.host}:{self.auth_port}"

    def mails(self, user: str) -> list[bytes]:
        """All in somebody's inbox as they lie there, oldest first."""
        found = [
            each for part in ("new", "cur") for each in (self.directory / "mail" / user / part).glob("*")
        ]
        return [each.read_bytes() for each in sorted(found, key=lambda each: _order(each.name))]

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.stop()
        (self.directory / "run/master.pid").unlink(missing_ok=True)
        self.child.start()
        await self.child.wait_ready(answering(self.host, self.port, b"a LOGOUT\r\n", b"a OK"))


def _order(name: str) -> tuple[int, ...]:
    """Maildir file names begin with the time, to the microsecond."""
    return tuple(int(each) for each in re.findall(r"\d+", name.partition(",")[0])[:2])


def _ourselves() -> tuple[str, str]:
    return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
