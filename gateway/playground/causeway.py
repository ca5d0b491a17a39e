"""The gateway itself as a child process, as an operator would run it: by a configuration file."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.playground.carrier import NUMBERS, Carrier
from gateway.playground.kannel import FAKE, PASSWORD, USERNAME, Kannel
from gateway.playground.mail import AUTHSERV, OURS, Post
from gateway.playground.operator_page import OperatorPage
from gateway.playground.peers import LOOPBACK, Component, IrcServer, XmppServer
from gateway.playground.process import Child
from gateway.secrets import SecretBox

_CONFIG = """\
[xmpp]
host = "{xmpp_host}"
port = {xmpp_port}

[storage]
database = "{database}"

[log]
format = "text"
level = "{level}"

[limits]
logins_per_second = 1000.0

[bridges.irc]
jid = "{jid}"
secret = "{secret}"
{bridge}
[bridges.irc.networks."{network}"]
address = "{irc_host}"
ports = [{irc_port}]
tls_ports = []
throttle_rate = 0
{network_more}"""

_EMAIL = """
[bridges.email]
jid = "{jid}"
secret = "{secret}"
domains = ["{domain}"]
address_template = "{{local}}@{domain}"
local_domains = ["{local}"]
window = {window}
{more}
[bridges.email.lmtp]
listen = "{listen}"

[bridges.email.smarthost]
host = "{host}"
port = {port}

[bridges.email.trust]
authserv_ids = ["{authserv}"]
"""

_SMS = """
[access]
admins = ["{operator}"]

[web]
listen = "{web}"
public_url = "http://{web}"

[media]
trusted_hosts = ["{host}"]

[bridges.sms]
jid = "{jid}"
secret = "{secret}"
region = "US"
registration = "free"

[bridges.sms.routes.{route}]
{carrier}
{numbers}"""

_NUMBER = """
[[bridges.sms.numbers]]
number = "{number}"
routes = ["{route}"]
"""

_KANNEL = """
[bridges.sms.routes.kannel]
kind = "kannel"
url = "{kannel.url}"
username = "{user}"
password = "{password}"
smsc = "{smsc}"

[[bridges.sms.numbers]]
number = "{number}"
routes = ["kannel"]
users = ["{operator}"]
"""

_OPERATOR = """
[operator]
listen = "{page.listen}"
token = "{page.token}"
"""

_ROUTE = "carrier"
#: What the operator writes from, through Kannel where it is there.
KANNEL_NUMBER = "+12025550121"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """An email bridge beside the other one. ``more``: further keys of ``[bridges.email]``, as TOML writes them."""

    component: Component
    post: Post
    window: float = 1.0
    more: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """An SMS bridge beside the others. ``operator`` is the user who is its admin, ``web_port`` where callbacks come."""

    component: Component
    carrier: Carrier
    operator: str
    web_port: int
    kannel: Kannel | None = None


class Causeway:
    """A running gateway with an IRC bridge; ``network`` is what its addresses call the IRC server."""

    name = "the gateway"

    def __init__(
        self, directory: Path, component: Component, network: str, page: OperatorPage | None = None
    ) -> None:
        self.jid = component.jid
        self.network = network
        self.page = page
        self.mail_jid = self.sms_jid = ""
        self.config = directory / "config.toml"
        self.child = Child(
            "gateway",
            [sys.executable, "-m", "gateway", "run", "-c", str(self.config)],
            directory,
            environment={"PYTHONUNBUFFERED": "1"},
        )

    @classmethod
    async def start(
        cls,
        directory: Path,
        server: XmppServer,
        component: Component,
        irc: IrcServer,
        *,
        network: str = "irc.localhost",
        database: str = "sqlite:///causeway.db",
        level: str = "info",
        bridge: Mapping[str, str] | None = None,
        network_more: Mapping[str, str] | None = None,
        mail: MailSettings | None = None,
        phones: PhoneSettings | None = None,
        page: OperatorPage | None = None,
    ) -> "Causeway":
        """Write ``config.toml`` and a key into ``directory``, start, and wait until the server let us in. ``bridge`` and
        ``network_more``: further keys of ``[bridges.irc]`` and of the network, with values as TOML writes them; ``mail``:
        there is an email bridge too, ``phones``: one for SMS; ``page``: there is the operator's. Raises ``NotReady``."""
        gateway = cls(directory, component, network, page)
        gateway.config.write_text(
            _CONFIG.format(
                xmpp_host=server.host,
                xmpp_port=server.component_port,
                database=database,
                level=level,
                jid=component.jid,
                secret=component.secret,
                bridge=_lines(bridge),
                network=network,
                irc_host=irc.host,
                irc_port=irc.port,
                network_more=_lines(network_more),
            )
            + (_mail(mail, server) if mail is not None else "")
            + (_phones(phones) if phones is not None else "")
            + (_OPERATOR.format(page=page) if page is not None else ""),
            encoding="utf-8",
        )
        gateway.config.chmod(0o600)
        gateway.mail_jid = mail.component.jid if mail is not None else ""
        gateway.sms_jid = phones.component.jid if phones is not None else ""
        SecretBox.create(directory / "causeway.key")
        await gateway.restart()
        return gateway

    def room(self, channel: str) -> str:
        """The room's JID of a channel with a name of plain letters, digits and ``#``."""
        return f"{channel}%{self.network}@{self.jid}"

    def contact(self, nick: str) -> str:
        """The JID of somebody with a nick of plain lower-case letters and digits."""
        return f"{nick}%{self.network}@{self.jid}"

    def mailbox(self, address: str) -> str:
        """The JID of somebody with a mail address of plain lower-case letters, digits and dots."""
        return f"{address.replace('@', chr(92) + '40')}@{self.mail_jid}"

    def phone(self, *numbers: str) -> str:
        """The JID of somebody with a phone number, or of several at once."""
        return f"{','.join(numbers)}@{self.sms_jid}"

    async def stop(self) -> None:
        await self.child.stop(grace=10.0)

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        """Returns when the XMPP server let all bridges in again, and the page is there."""
        await self.stop()
        self.child.start()
        awaited = [f"link up jid={jid} " for jid in (self.jid, self.mail_jid, self.sms_jid) if jid]
        if self.page is not None:
            awaited.append(f"serving HTTP host={LOOPBACK} port={self.page.port} ")
        await self.child.wait_ready(*(self.child.logged(each) for each in awaited), within=60.0)


def _mail(mail: MailSettings, server: XmppServer) -> str:
    host, port = mail.post.smarthost
    return _EMAIL.format(
        jid=mail.component.jid,
        secret=mail.component.secret,
        domain=OURS,
        local=server.domain,
        window=mail.window,
        more=_lines(mail.more),
        listen=f"{LOOPBACK}:{mail.post.lmtp_port}",
        host=host,
        port=port,
        authserv=AUTHSERV,
    )


def _phones(phones: PhoneSettings) -> str:
    text = _SMS.format(
        operator=phones.operator,
        web=f"{LOOPBACK}:{phones.web_port}",
        host=phones.carrier.host,
        jid=phones.component.jid,
        secret=phones.component.secret,
        route=_ROUTE,
        carrier=_lines(phones.carrier.route),
        numbers="".join(_NUMBER.format(number=each, route=_ROUTE) for each in NUMBERS),
    )
    if phones.kannel is not None:
        text += _KANNEL.format(
            kannel=phones.kannel,
            user=USERNAME,
            password=PASSWORD,
            smsc=FAKE,
            number=KANNEL_NUMBER,
            operator=phones.operator,
        )
    return text


def _lines(keys: Mapping[str, str] | None) -> str:
    return "".join(f"{key} = {value}\n" for key, value in (keys or {}).items())
