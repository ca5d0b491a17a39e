"""Atheme services as a child process, linked to an InspIRCd of ours: NickServ, ChanServ and real SASL. Written for 7.2,
Debian 12's."""

from pathlib import Path

from gateway.playground.inspircd import InspIRCd
from gateway.playground.peers import give_to
from gateway.playground.process import Child, installed, require

# loadmodule names of /usr/lib/*/atheme/modules
_MODULES = """\
protocol/inspircd backend/opensex crypto/pbkdf2v2 nickserv/main nickserv/register nickserv/identify nickserv/login
nickserv/logout nickserv/info nickserv/set_core nickserv/set_password nickserv/ghost nickserv/group nickserv/drop
nickserv/regnolimit nickserv/status nickserv/cert nickserv/enforce nickserv/help chanserv/main chanserv/register
chanserv/op chanserv/access chanserv/flags chanserv/info chanserv/help saslserv/main saslserv/plain saslserv/external"""

_CONFIG = """\
{modules}
serverinfo {{
    name = "services.localhost";
    desc = "Causeway playground services";
    numeric = "00A";
    recontime = 1;
    netname = "Playground";
    adminname = "Playground";
    adminemail = "nobody@localhost";
    registeremail = "nobody@localhost";
    mta = "/bin/true";
    loglevel = {{ error; info; admin; network; register; }};
    maxlogins = 100;
    maxusers = 0;
    maxnicks = 20;
    maxchans = 20;
    mdlimit = 30;
    emaillimit = 10;
    emailtime = 300;
    auth = none;
    casemapping = rfc1459;
}};
uplink "{server}" {{
    host = "{host}";
    send_password = "services";
    receive_password = "services";
    port = {port};
}};
nickserv {{ nick = "NickServ"; user = "NickServ"; host = "services.localhost"; real = "Nicks";
    spam = no; maxnicks = 20; expire = 0; }};
chanserv {{ nick = "ChanServ"; user = "ChanServ"; host = "services.localhost"; real = "Channels";
    fantasy = no; expire = 0; }};
saslserv {{ nick = "SaslServ"; user = "SaslServ"; host = "services.localhost"; real = "SASL"; }};
general {{
    join_chans = no;
    leave_chans = no;
    flood_msgs = 0;
    ratelimit_uses = 1000;
    ratelimit_period = 1;
    kline_time = 0;
    commit_interval = 5;
    default_clone_allowed = 1000;
    default_clone_warn = 1000;
}};
"""


class Atheme:
    """Running services. ``port`` is their uplink's; accounts are made over IRC: ``/msg NickServ REGISTER password mail``."""

    PACKAGES = ("atheme-services",)
    name = "Atheme"

    def __init__(self, directory: Path, uplink: InspIRCd) -> None:
        self.host = uplink.host
        self.port = uplink.services_port
        self.uplink = uplink
        self.child = Child(
            "atheme",
            [
                require("atheme-services", self.PACKAGES),
                "-n",
                *("-c", str(directory / "atheme.conf")),
                *("-l", str(directory / "atheme-daemon.log")),
                *("-p", str(directory / "atheme.pid")),
                *("-D", str(directory)),
            ],
            directory,
            user="irc",  # it refuses to be root
        )

    @staticmethod
    def installed() -> bool:
        return installed("atheme-services")

    @classmethod
    async def start(cls, directory: Path, uplink: InspIRCd) -> "Atheme":
        """Write the configuration into ``directory``, start, and wait for the link. Raises ``Missing``, ``NotReady``."""
        services = cls(directory, uplink)
        config = directory / "atheme.conf"
        config.write_text(
            _CONFIG.format(
                modules="\n".join(f'loadmodule "modules/{module}";' for module in _MODULES.split()),
                server="irc.localhost",
                host=uplink.host,
                port=uplink.services_port,
            ),
            encoding="utf-8",
        )
        give_to("irc", directory, config)
        await services.restart()
        return services

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.restart(self._linked, within=20.0)

    async def _linked(self) -> bool:
        return "finished synching" in self.child.output()
