"""``causeway playground``: starts everything, tells a person how to use it, shows what happens, and ends everything."""

import argparse
import asyncio
import re
import signal
import tempfile
import time
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from pathlib import Path

from gateway.playground.carrier import Carrier, Text
from gateway.playground.expect import Unmet
from gateway.playground.irc_client import IrcClient, Line
from gateway.playground.kannel_phones import KannelPhones
from gateway.playground.mail import Delivered, Post
from gateway.playground.process import Child, Missing, NotReady
from gateway.playground.rig import OPERATOR, Playground
from gateway.playground.tour import Tour
from gateway.playground.xmpp_client import LoginFailed

LOBBY = "#lobby"
_HOST_NICK = "carol"
_HOST_PHONE = "+13105550101"

#: The log says the time too, and in UTC.
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")

_GUIDE = """\
Everything runs (up in {seconds:.1f} s). Take any XMPP and any IRC client; nothing is encrypted, all stays on this machine.

  XMPP server   {xmpp}, {host} port {c2s}, domain localhost, no TLS
  accounts      {accounts}
  IRC server    {irc}, {irc_host} port {irc_port}
  gateway       {jid}
  a room        {room}
  a person      {contact}
  mail          {mail}: register there, then write to {mailbox}
                ({post}; what is sent to anybody at post.localhost is shown here)
  SMS           {sms}: register there, then write to {phone}, who answers
                (or to any other number: {pad} in a browser is a phone to type on; those that end in 9 are off)
                {kannel}
  operator      {page} in a browser, token {token}; /metrics and /readyz are there, too
  files         {directory}

With profanity:
  profanity
  /connect alice@localhost server {host} port {c2s} tls disable      (password {password})
  /join {room} nick alice

With irssi, to see the other side:
  irssi --connect={irc_host} --port={irc_port} --nick=dave
  /join {lobby}

{web}
{nick} sits in {lobby} on IRC and answers who talks to her. Ctrl-C ends everything.
"""

_NO_WEB = """\
With a browser: get Converse.js (npm pack converse.js), write an index.html beside its dist/ and give the directory by --web.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the command line what can be chosen."""
    parser.add_argument(
        "--server", choices=("prosody", "ejabberd"), default="prosody", help="the XMPP server"
    )
    parser.add_argument(
        "--privileges",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let the XMPP server grant the gateway what XEP-0356 has (default), or nothing beyond a component's own",
    )
    parser.add_argument(
        "--irc",
        choices=("inspircd", "ngircd", "own"),
        help="the IRC server (default: inspircd where it is installed, else our own)",
    )
    parser.add_argument(
        "--web", type=_directory, metavar="DIR", help="serve the files of DIR, a web client for instance"
    )
    parser.add_argument(
        "--tour",
        action="store_true",
        help="let alice and carol talk through the gateway, check every line, and end; exit status 0 if all arrived",
    )


def _directory(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no directory")
    return path


async def playground_main(arguments: argparse.Namespace) -> int:
    """Run the playground until SIGINT or SIGTERM, or the tour to its end; gives the exit status."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped and task is not None:
            stopped = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        with tempfile.TemporaryDirectory(prefix="causeway-", ignore_cleanup_errors=True) as directory:
            return await _play(arguments, Path(directory))
    except asyncio.CancelledError:
        if not stopped:
            raise
        print("Everything is ended.", flush=True)
        return 1 if arguments.tour else 0
    except (Missing, NotReady, LoginFailed, Unmet) as error:
        print(error, flush=True)
        return 1


async def _play(arguments: argparse.Namespace, directory: Path) -> int:
    started = time.monotonic()
    web: Path | None = arguments.web
    playground = await Playground.start(
        directory, xmpp=arguments.server, irc=arguments.irc, web=web, privileges=arguments.privileges
    )
    seconds = time.monotonic() - started
    try:
        if arguments.tour:
            return await _tour(playground, seconds)
        _print_guide(playground, directory, seconds, web)
        await _watch(playground)
    finally:
        await playground.stop()
    return 0


async def _tour(playground: Playground, seconds: float) -> int:
    granting = "with" if playground.privileges else "without"
    others = ", ".join(each.name for each in (playground.irc, playground.post, playground.carrier))
    _print(
        f"{playground.xmpp.name} ({granting} privileges), {others} and the gateway are up in {seconds:.1f} s."
    )
    if await Tour(playground, _print).run():
        return 0
    _print("The gateway's log:")
    for row in playground.gateway.child.output().splitlines()[-30:]:
        _print(f"    {row}")
    return 1


def _print_guide(playground: Playground, directory: Path, seconds: float, web: Path | None) -> None:
    xmpp = playground.xmpp
    url = f"http://{xmpp.host}:{xmpp.http_port}{'/web' if xmpp.name == 'ejabberd' else ''}/"
    socket = f"ws://{xmpp.host}:{xmpp.http_port}{xmpp.websocket_path}"
    _print(
        _GUIDE.format(
            seconds=seconds,
            xmpp=xmpp.name,
            host=xmpp.host,
            c2s=xmpp.c2s_port,
            accounts=", ".join(
                f"{user.jid} (password {user.password})" for user in playground.users.values()
            ),
            irc=playground.irc.name,
            irc_host=playground.irc.host,
            irc_port=playground.irc.port,
            jid=playground.gateway.jid,
            room=playground.gateway.room(LOBBY),
            contact=playground.gateway.contact(_HOST_NICK),
            mail=playground.gateway.mail_jid,
            mailbox=playground.gateway.mailbox("dora@post.localhost"),
            post=playground.post.name,
            sms=playground.gateway.sms_jid,
            phone=playground.gateway.phone(_HOST_PHONE),
            pad=playground.carrier.url,
            kannel=_kannel(playground),
            page=playground.page.url,
            token=playground.page.token,
            directory=directory,
            password=playground.users["alice"].password,
            lobby=LOBBY,
            nick=_HOST_NICK,
            web=f"With a browser: {url} (websocket {socket})\n" if web is not None else _NO_WEB,
        )
    )


async def _watch(playground: Playground) -> None:
    """Show what happens until somebody ends us; raises ``NotReady`` when a server ends by itself."""
    host = await IrcClient.connect(playground.irc.host, playground.irc.port, _HOST_NICK)
    await host.join(LOBBY)
    host.send(f"TOPIC {LOBBY} :Welcome to Causeway's playground")
    host.observe(lambda got: _converse(host, got))
    try:
        async with asyncio.TaskGroup() as tasks:
            playground.post.mailboxes.observe(lambda got: _correspond(playground.post, got, tasks))
            playground.carrier.observe(lambda got: _text_back(playground.carrier, got, tasks))
            if (kannel := playground.kannel) is not None:
                kannel.observe(lambda got: _text_back(kannel, got, tasks, everybody=True))
            tasks.create_task(_follow(playground.gateway.child))
            for child in (playground.gateway.child, playground.xmpp.child, playground.irc.child):
                tasks.create_task(_guard(child))
    except* NotReady as group:
        raise group.exceptions[0] from None
    finally:
        await host.close()


def _converse(host: IrcClient, got: Line) -> None:
    """What carol sees is shown, and who talks to her gets an answer."""
    where = got.params[0] if got.params else ""
    text = got.params[-1] if got.params else ""
    shown = {
        "JOIN": f"{got.sender} joined {where}",
        "PART": f"{got.sender} left {where}",
        "QUIT": f"{got.sender} quit",
        "NICK": f"{got.sender} is now {where}",
        "TOPIC": f"{got.sender} set the topic of {where}: {text}",
        "PRIVMSG": f"{got.sender} to {where}: {text}",
    }.get(got.command)
    if shown is not None and got.sender != host.nick:
        _print(f"{time.strftime('%H:%M:%S')} IRC      {shown}")
    if got.command != "PRIVMSG" or got.sender == host.nick or text.startswith("\x01"):
        return
    if where == host.nick:
        host.say(got.sender, f"I read: {text}")
    elif _HOST_NICK in text.lower():
        host.say(where, f"{got.sender}: I read you, over on IRC.")


def _correspond(post: Post, got: Delivered, tasks: asyncio.TaskGroup) -> None:
    """What comes to mailboxes elsewhere is shown, and whoever wrote gets an answer."""
    subject = got.message["Subject"] or ""
    _print(f"{time.strftime('%H:%M:%S')} mail     to {got.recipient}: {subject}: {got.text}")
    if got.message["Auto-Submitted"] is None and got.sender:
        tasks.create_task(post.send(got.recipient, _writer(got.message), raw=_reply(got)))


def _kannel(playground: Playground) -> str:
    if playground.kannel is None:
        return f"(nothing goes through Kannel: {playground.without_kannel})"
    return f"{OPERATOR}'s texts go through Kannel and its fakesmsc; whoever gets one answers"


def _text_back(
    network: Carrier | KannelPhones, got: Text, tasks: asyncio.TaskGroup, *, everybody: bool = False
) -> None:
    """What comes to phones is shown, and one of them answers, or ``everybody``."""
    pictures = f" [{len(got.pictures)} pictures]" if got.pictures else ""
    _print(
        f"{time.strftime('%H:%M:%S')} SMS      {got.sender} to {', '.join(got.recipients)}: {got.text}{pictures}"
    )
    if everybody or got.recipients == (_HOST_PHONE,):
        answer = Text(got.recipients[0], (got.sender,), f"I read: {got.text}{pictures}")
        tasks.create_task(_answer(network, answer))


async def _answer(network: Carrier | KannelPhones, text: Text) -> None:
    try:
        await network.text(text)
    except (Unmet, NotReady) as unmet:
        _print(f"{time.strftime('%H:%M:%S')} SMS      {unmet}")


def _writer(message: EmailMessage) -> str:
    """The address that an answer goes to."""
    return parseaddr(str(message["From"]))[1]


def _reply(got: Delivered) -> bytes:
    quoted = "\r\n".join(f"> {line}" for line in got.text.split("\n"))
    subject = str(got.message["Subject"] or "")
    head = {
        "From": f"Somebody elsewhere <{got.recipient}>",
        "To": str(got.message["From"]),
        "Subject": subject if subject.lower().startswith("re:") else f"Re: {subject}",
        "In-Reply-To": str(got.message["Message-ID"]),
        "Message-ID": make_msgid(domain="post.localhost"),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"{lines}\r\nI read your mail.\r\n\r\nYou wrote:\r\n{quoted}\r\n".encode()


async def _follow(child: Child) -> None:
    """Print what a child logs."""
    shown = 0
    while True:
        output = child.output()
        complete = output.rfind("\n") + 1
        for row in output[shown:complete].splitlines():
            _print(f"{time.strftime('%H:%M:%S')} gateway  {_STAMP.sub('', row)}")
        shown = max(shown, complete)
        await asyncio.sleep(0.2)


async def _guard(child: Child) -> None:
    """Raises ``NotReady`` when a child ends that nobody ended."""
    await child.ended()
    raise NotReady(
        f"{child.name} ended by itself with status {child.exit_status}; see its log:\n{child.output()[-2000:]}"
    )


def _print(text: str) -> None:
    print(text, flush=True)
