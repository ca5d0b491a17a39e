"""InspIRCd as a child process, with every IRCv3 module it has. Written for 3.15, Debian 12's."""

from pathlib import Path

from gateway.playground.certificate import Certificate
from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, answering, free_ports, installed, is_root, require

SERVER_NAME = "irc.localhost"

_MODULES = (
    "ircv3 ircv3_accounttag ircv3_batch ircv3_capnotify ircv3_chghost ircv3_ctctags ircv3_echomessage "
    "ircv3_invitenotify ircv3_labeledresponse ircv3_msgid ircv3_servertime cap sasl services_account monitor namesx "
    "uhnames setname botmode chanhistory customprefix knock deaf servprotect svshold sajoin samode sanick chghost "
    "sha256 spanningtree sslinfo"
)

_CONFIG = """\
<server name="{server}" description="Causeway playground" network="Playground" id="001">
<admin name="Playground" nick="admin" email="nobody@localhost">
<options prefixquit="Quit: " syntaxhints="yes" defaultmodes="not" hostintopic="no" pingwarning="0">
<performance somaxconn="128" softlimit="12800">
<security announceinvites="dynamic" hidesplits="no" hidebans="no" maxtargets="20">
<limits maxnick="30" maxchan="64" maxmodes="20" maxident="12"
  maxquit="255" maxtopic="307" maxkick="255" maxgecos="128" maxaway="200">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{directory}/inspircd-daemon.log">
<pid file="{directory}/inspircd.pid">
<path datadir="{directory}" logdir="{directory}" runtimedir="{directory}">
<bind address="{host}" port="{port}" type="clients">
<bind address="{host}" port="{services_port}" type="servers">
<link name="services.localhost" ipaddr="{host}" port="{services_port}"
  allowmask="127.0.0.0/8" sendpass="services" recvpass="services">
<uline server="services.localhost" silent="yes">
<sasl target="services.localhost" requiressl="no">
<class name="playground" commands="KILL SAJOIN SAPART SAMODE SANICK" privs="*" usermodes="*" chanmodes="*">
<type name="playground" classes="playground">
<oper name="oper" password="oper" host="*@*" type="playground">
<connect name="main" allow="*" timeout="30" pingfreq="120" hardsendq="8388608" softsendq="1048576" recvq="65536"
  threshold="10000" commandrate="1000000" fakelag="no" localmax="10000" globalmax="10000"
  maxchans="1000" resolvehostnames="no" useident="no">
<customprefix name="founder" letter="q" prefix="~" rank="50000" ranktoset="50000">
<customprefix name="halfop" letter="h" prefix="%" rank="20000" ranktoset="30000">
<chanhistory maxlines="200" prefixmsg="no" bots="yes" enableumode="no">
<channels users="1000" opers="1000">
<knock notify="numeric">
{tls}
"""

_STS = """\
<module name="ircv3_sts">
<sts host="*" duration="1h" port="{port}">
"""

_WEBIRC = """\
<module name="cgiirc">
<cgihost type="webirc" password="{password}" mask="127.0.0.0/8">
"""

_TLS = """\
<module name="ssl_gnutls">
<sslprofile name="clients" provider="gnutls" cafile="" certfile="{certificate}" keyfile="{key}" hash="sha256">
<bind address="{host}" port="{port}" type="clients" sslprofile="clients">
"""


class InspIRCd:
    """A running InspIRCd: plain clients at ``port``, TLS at ``tls_port`` where a certificate was given, operators
    ``oper``/``oper``, a services link for Atheme at ``services_port``."""

    PACKAGES = ("inspircd",)
    name = "InspIRCd"

    def __init__(self, directory: Path, host: str, certificate: Certificate | None, port: int | None) -> None:
        self.host = host
        free = free_ports(3, host)
        self.port = port or free[0]
        self.services_port = free[1]
        self.tls_port = free[2] if certificate is not None else None
        self.certificate = certificate
        root = ["--runasroot"] if is_root() else []
        self.child = Child(
            "inspircd",
            [
                require("inspircd", self.PACKAGES),
                "--nofork",
                *root,
                "--config",
                str(directory / "inspircd.conf"),
            ],
            directory,
        )

    @staticmethod
    def installed() -> bool:
        return installed("inspircd")

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        host: str = LOOPBACK,
        port: int | None = None,
        certificate: Certificate | None = None,
        sts: bool = False,
        webirc: str = "",
    ) -> "InspIRCd":
        """Write the configuration into ``directory`` and start. ``sts``: tell clients to use TLS. ``webirc``: the password
        of gateways on this machine. Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, host, certificate, port)
        tls = ""
        if certificate is not None:
            tls = _TLS.format(
                certificate=certificate.certificate, key=certificate.key, host=host, port=server.tls_port
            )
            tls += _STS.format(port=server.tls_port) if sts else ""
        modules = "".join(f'<module name="{module}">\n' for module in _MODULES.split())
        config = _CONFIG.format(
            server=SERVER_NAME,
            directory=directory,
            host=host,
            port=server.port,
            services_port=server.services_port,
            tls=tls,
        )
        config += _WEBIRC.format(password=webirc) if webirc else ""
        (directory / "inspircd.conf").write_text(modules + config, encoding="utf-8")
        await server.restart()
        return server

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.restart(answering(self.host, self.port, b"CAP LS\r\n", b"CAP"))
