"""People who use a freshly made machine, for ``scripts/fresh-machine``: alice on its XMPP server, others beyond the gateway.

    talk.py serve | irc | mail | sms

Runs in the machine, with its Python. For texts it is the provider as well: writes the operator's part of the configuration,
starts the gateway with it, and asks for the address of callbacks as an admin does.
"""

import asyncio
import re
import smtplib
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.playground.carrier import Carrier, Text
from gateway.playground.irc_client import IrcClient, line
from gateway.playground.mail import Mailboxes
from gateway.playground.match import error_text, message
from gateway.playground.own_ircd import OwnIrcd
from gateway.playground.xmpp_client import XmppClient

CONFIG = Path("/etc/causeway/config.toml")
MAIN_CF = Path("/etc/postfix/main.cf")
REGISTER = "<query xmlns='jabber:iq:register'/>"
ROUTES = "<command xmlns='http://jabber.org/protocol/commands' node='sms-routes' action='execute'/>"
BODY = "{jabber:client}body"
PATIENCE = 60.0


@asynccontextmanager
async def alice(resource="phone"):
    client = await XmppClient.connect("127.0.0.1", 5222, "alice@localhost", "secret", resource)
    client.send("<presence/>")
    try:
        yield client
    finally:
        await client.close()


async def registered(client, jid):
    answer = await client.iq(jid, REGISTER, type="set")
    if answer.get("type") != "result":
        raise SystemExit(f"alice could not register with {jid}: {error_text(answer)}")


def run(*command):
    print("$", *command, flush=True)
    subprocess.run(command, check=True)


def route(port):
    """Postfix is to know where far.localhost is, as DNS would tell it."""
    text = MAIN_CF.read_text(encoding="utf-8")
    far = f"{{ far.localhost = smtp:[127.0.0.1]:{port} }} }}"
    MAIN_CF.write_text(
        re.sub(r"(?m)^(transport_maps = inline:.*) \}$", rf"\1, {far}", text), encoding="utf-8"
    )
    run("postfix", "reload")


def configure(tables):
    with CONFIG.open("a", encoding="utf-8") as file:
        file.write(tables)
    run("systemctl", "restart", "causeway")


async def serve():
    """The IRC network, until killed."""
    with tempfile.TemporaryDirectory() as place:
        await OwnIrcd.start(Path(place), port=16667)
        await asyncio.Event().wait()


async def irc():
    carol = await IrcClient.connect("127.0.0.1", 16667, "carol")
    await carol.join("#tea")
    room = "#tea%irc.localhost@irc.localhost"
    async with alice() as client:
        await client.join(room, "alice")
        client.say(room, "Hello from XMPP", type="groupchat")
        await carol.expect(line("PRIVMSG", "#tea", "Hello from XMPP"))
        carol.say("#tea", "Hello from IRC")
        await client.expect(message(f"{room}/carol", "Hello from IRC", type="groupchat"))
        print("alice and carol have read each other.")
    await carol.close()


async def mail():
    """dora's mailbox is behind the machine's own Postfix, as it would be behind the Internet."""
    boxes = Mailboxes()
    await boxes.start()
    route(boxes.port)
    dora = r"dora\40far.localhost@mail.localhost"
    async with alice() as client:
        await registered(client, "mail.localhost")
        client.say(dora, "Dear Dora, tea at five?")
        got = await boxes.of("dora@far.localhost").take(lambda one: True, "a mail", PATIENCE)
        print(f"dora has read: {got.message['From']}: {got.text}")
        assert got.text == "Dear Dora, tea at five?"
        answer = (
            "From: dora@far.localhost\r\nTo: alice@mail.localhost\r\nSubject: Re: tea\r\n"
            f"In-Reply-To: {got.message['Message-ID']}\r\n\r\nWith pleasure!\r\n"
        )

        def post():
            with smtplib.SMTP("127.0.0.1", 25) as server:
                server.sendmail("dora@far.localhost", "alice@mail.localhost", answer)

        await asyncio.to_thread(post)
        shown = await client.expect(
            message("mail.localhost", also=lambda one: "With pleasure!" in (one.findtext(BODY) or "")),
            within=PATIENCE,
        )
        print("alice has read, by the gateway since nothing proves who wrote it:", shown.findtext(BODY))
    await boxes.stop()


async def sms():
    carrier = Carrier()
    await carrier.start()
    provider = "".join(f"{key} = {value}\n" for key, value in carrier.route.items())
    configure(f"""
[access]
admins = ["alice@localhost"]
[web]
listen = "127.0.0.1:5290"
public_url = "http://127.0.0.1:5290"
[bridges.sms.routes.main]
{provider}
[[bridges.sms.numbers]]
number = "+12125550100"
routes = ["main"]
users = ["alice@localhost"]
""")
    async with alice() as client:
        told = "\n".join((await client.iq("sms.localhost", ROUTES, type="set")).itertext())
        found = re.search(r"https?://\S+/bridge/sms/\S+", told)
        if found is None:
            raise SystemExit(f"No address for callbacks in: {told}")
        carrier.callbacks = found[0].rstrip(".,")
        await registered(client, "sms.localhost")
        phone = "+13105550101"
        client.say(f"{phone}@sms.localhost", "Tea at five? 🫖")
        got = await carrier.phone(phone).take(lambda one: True, "a text", PATIENCE)
        print(f"A phone has read: {got}")
        await carrier.text(Text(phone, (got.sender,), "With pleasure 😀"))
        await client.expect(message(f"{phone}@sms.localhost", "With pleasure 😀"), within=PATIENCE)
        print("alice has read the answer.")
    # The provider is in this process, and has to answer meanwhile.
    await asyncio.to_thread(run, "runuser", "-u", "causeway", "--", "causeway", "doctor", "--bridge", "sms")
    await carrier.stop()


asyncio.run({"serve": serve, "irc": irc, "mail": mail, "sms": sms}[sys.argv[1]]())
