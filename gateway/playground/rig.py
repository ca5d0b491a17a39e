"""The whole playground: servers of XMPP, IRC and mail, telephones, and the gateway between them, in one directory."""

import asyncio
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from gateway.playground.carrier import Carrier
from gateway.playground.causeway import Causeway, MailSettings, PhoneSettings
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.expect import Unmet
from gateway.playground.inspircd import InspIRCd
from gateway.playground.kannel import Kannel, Way
from gateway.playground.kannel_phones import KannelPhones
from gateway.playground.mail import Post
from gateway.playground.ngircd import NgIRCd
from gateway.playground.operator_page import OperatorPage
from gateway.playground.own_ircd import OwnIrcd
from gateway.playground.peers import Component, IrcServer, Server, User, XmppServer, new_secret
from gateway.playground.phone_page import PhonePage
from gateway.playground.process import Missing, NotReady, free_ports
from gateway.playground.prosody import Prosody
from gateway.playground.xmpp_client import PING, XmppClient

XmppChoice = Literal["prosody", "ejabberd"]
IrcChoice = Literal["inspircd", "ngircd", "own"]

GATEWAY_JID = "irc.localhost"
MAIL_JID = "mail.localhost"
SMS_JID = "sms.localhost"
USERS = ("alice", "bob")
OPERATOR = "bob"

_COMMANDS = "http://jabber.org/protocol/commands"
_CALLBACKS = re.compile(r"http://\S+/bridge/sms/(\S+)/\S+")

_XMPP: Mapping[str, type[Prosody] | type[Ejabberd]] = {"prosody": Prosody, "ejabberd": Ejabberd}
_IRC: Mapping[str, type[InspIRCd] | type[NgIRCd] | type[OwnIrcd]] = {
    "inspircd": InspIRCd,
    "ngircd": NgIRCd,
    "own": OwnIrcd,
}


class Playground:
    """Everything running. ``users`` have accounts on the XMPP server, ``OPERATOR`` among them is the gateway's admin;
    ``privileges`` says whether the server grants any; ``without_kannel`` why there is no ``kannel``, if so."""

    def __init__(
        self,
        xmpp: XmppServer,
        irc: IrcServer,
        gateway: Causeway,
        users: Mapping[str, User],
        post: Post,
        carrier: Carrier,
        page: OperatorPage,
        kannel: KannelPhones | None,
        *,
        privileges: bool,
    ) -> None:
        self.xmpp = xmpp
        self.irc = irc
        self.gateway = gateway
        self.users = users
        self.post = post
        self.carrier = carrier
        self.page = page
        self.kannel = kannel
        self.without_kannel = (
            "it is not there; to fetch it: bash -c '. scripts/prepare.sh; need_unpacked kannel kannel-extras'"
        )
        self.privileges = privileges

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        xmpp: XmppChoice = "prosody",
        irc: IrcChoice | None = None,
        web: Path | None = None,
        privileges: bool = True,
        level: str = "info",
    ) -> "Playground":
        """Start all in sub-directories of ``directory``; ``irc`` None: InspIRCd where it is installed, else our own. Mail
        goes through Postfix where it is there, else through us; the operator's texts go through Kannel where that is there.
        ``privileges``: the XMPP server grants the gateway what XEP-0356 has; ``level`` is that of the gateway's log. Raises
        ``Missing`` and ``NotReady``; nothing then stays running."""
        os.chmod(directory, 0o711)  # daemons that must not be root look for their files in it
        chosen_irc = irc or ("inspircd" if InspIRCd.installed() else "own")
        users = {name: User(name, secrets.token_hex(4)) for name in USERS}
        component, mail, sms = [Component(jid, new_secret()) for jid in (GATEWAY_JID, MAIL_JID, SMS_JID)]
        carrier, [web_port, page_port] = Carrier(), free_ports(2)
        page = OperatorPage(page_port)
        kannel = Kannel(_sub(directory, "kannel"), Way(web_port)) if Kannel.installed() else None
        started: list[Server] = []
        # Postfix starts many small programs, and has time while the others do.
        posting = asyncio.create_task(Post.start(_sub(directory, "post")))
        try:
            # One after the other: two Erlangs would not start faster together on few cores, and errors stay readable.
            irc_server: IrcServer = await _IRC[chosen_irc].start(_sub(directory, "irc"))
            started.append(irc_server)
            xmpp_server: XmppServer = await _XMPP[xmpp].start(
                _sub(directory, "xmpp"),
                components=[component, mail, sms],
                users=list(users.values()),
                web=web,
                privileges=privileges,
            )
            started.append(xmpp_server)
            post = await posting
            await carrier.start(PhonePage(carrier).routes)
            gateway = await Causeway.start(
                _sub(directory, "gateway"),
                xmpp_server,
                component,
                irc_server,
                level=level,
                mail=MailSettings(mail, post),
                phones=PhoneSettings(sms, carrier, users[OPERATOR].jid, web_port, kannel),
                page=page,
            )
        except BaseException:
            posting.cancel()
            for result in await asyncio.gather(posting, return_exceptions=True):
                if isinstance(result, Post):
                    await result.stop()
            await carrier.stop()
            for server in started:
                await server.kill()
            raise
        phones = KannelPhones(kannel) if kannel is not None else None
        playground = cls(
            xmpp_server, irc_server, gateway, users, post, carrier, page, phones, privileges=privileges
        )
        try:
            await playground.check()
            await playground.connect_phones()
        except BaseException:
            await playground.stop()
            raise
        return playground

    async def check(self) -> None:
        """Ask the gateway, as a user, whether it is there. Raises ``Unmet``."""
        asker = await self.log_in("bob", "check", priority=None)
        try:
            await asker.iq(self.gateway.jid, f"<ping xmlns='{PING}'/>")
        finally:
            await asker.close()

    async def connect_phones(self) -> None:
        """As an operator does: ask the gateway where texts are to be brought, and tell the provider. Raises ``Unmet``."""
        operator = await self.log_in(OPERATOR, "console", priority=None)
        try:
            command = f"<command xmlns='{_COMMANDS}' node='sms-routes' action='execute'/>"
            told = "\n".join((await operator.iq(self.gateway.sms_jid, command, type="set")).itertext())
        finally:
            await operator.close()
        addresses = {each[1]: each[0] for each in _CALLBACKS.finditer(told)}
        if "carrier" not in addresses:
            raise Unmet(f"{OPERATOR} expected to be told where texts are to be brought, but read: {told}")
        self.carrier.callbacks = addresses["carrier"]
        if self.kannel is None:
            return
        try:
            await self.kannel.start(addresses["kannel"])
        except (Missing, NotReady) as error:  # not every machine lets us have a network of its own for it
            await self.kannel.stop()
            self.kannel, self.without_kannel = None, str(error)

    async def log_in(self, name: str, resource: str, *, priority: int | None = 0) -> XmppClient:
        """One of ``users``, from one more device."""
        user = self.users[name]
        return await XmppClient.connect(
            self.xmpp.host, self.xmpp.c2s_port, user.jid, user.password, resource, priority=priority
        )

    async def stop(self) -> None:
        """End everything, the gateway first so that it can say good-bye."""
        await self.gateway.stop()
        await asyncio.gather(self.irc.stop(), self.xmpp.stop(), self.post.stop(), self.carrier.stop())
        if self.kannel is not None:
            await self.kannel.stop()


def _sub(directory: Path, name: str) -> Path:
    made = directory / name
    made.mkdir()
    return made
