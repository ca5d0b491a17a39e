"""The command ``causeway``: reads the command line and hands over to the module that does the work.

Those modules are imported when their command is given and not before, so that ``--help`` and ``version`` answer at once.
"""

import argparse
import asyncio
import os
import select
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway import commands as operating

OK, BAD_USAGE, INTERRUPTED = 0, 2, 130
SYSTEM_CONFIG = Path("/etc/causeway/config.toml")
"""Where `causeway init --system` writes it, and the unit of systemd reads it."""

_DESCRIPTION = """\
Causeway connects an XMPP server to other networks: IRC channels become rooms, people on IRC become contacts.
"""

_EPILOG = """\
examples:
  causeway playground
      try it: a whole set-up on this machine, gone when you end it
  causeway init --server prosody --domain irc.example.org
      write config.toml and say what to put into the XMPP server's configuration
  causeway check -c config.toml
      is everything right, does the XMPP server let us in?
  causeway run -c config.toml
      carry messages
  causeway doctor -c config.toml
      try everything, and say how to put right what is wrong
  causeway status
      how is it doing?

exit status:
  0    all well; `run` was ended by SIGINT or SIGTERM
  1    something failed; what, is said
  2    the command line is wrong
  3    no gateway runs that could be asked
  78   the configuration is wrong: trying again will not help
  130  interrupted
"""

_PLAYGROUND = "gateway.playground.console"


def main(argv: Sequence[str] | None = None) -> int:
    """Do what ``causeway ARGUMENTS`` says; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        parsed = _parser(playground=arguments[:1] == ["playground"]).parse_args(arguments)
    except SystemExit as end:  # how argparse answers --help and mistakes
        return end.code if isinstance(end.code, int) else BAD_USAGE
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        return command(parsed)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser(*, playground: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "causeway",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, does: str, command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=does, description=f"{does[:1].upper()}{does[1:]}.")
        added.set_defaults(command=command, name=name)
        return added

    def operates(name: str, does: str, module: str) -> argparse.ArgumentParser:
        added = add(name, does, _piped(_module(module)))
        _takes_config(added)
        return added

    _takes_config(
        add("run", "run the gateway; SIGHUP reads the configuration again", _module("gateway.start"))
    )
    _takes_config(
        add(
            "check",
            "check configuration, files, database and the link to the XMPP server",
            _piped(_module("gateway.check")),
        )
    )
    doctor = add(
        "doctor",
        "try everything that an installation depends on, and say how to put right what is wrong",
        _piped(_module("gateway.doctor.command")),
    )
    _takes_config(doctor)
    _takes_doctor(doctor)
    replay = add(
        "webhook-replay",
        "show what the gateway makes of a provider's request that was written to a file; nothing comes of it",
        _piped(_module("gateway.replay")),
    )
    _takes_config(replay)
    replay.add_argument("file", type=Path, metavar="FILE", help="the request as it was sent, headers and all")
    operating.add_to(operates)
    _takes_init(
        add("init", "write a configuration, and say what to tell the XMPP server", _module("gateway.init"))
    )
    importing = add(
        "import-biboumi",
        "take over biboumi's users: their settings, persistent channels and archive",
        _module("gateway.biboumi.command"),
    )
    _takes_config(importing)
    _takes_biboumi(importing)
    play = add(
        "playground", "try it: XMPP server, IRC server and gateway, in a temporary directory", _playground
    )
    if playground:
        import_module(_PLAYGROUND).add_arguments(play)
    add("version", "print the version", _print_version)
    return parser


def _takes_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=_usual_config(),
        metavar="FILE",
        help=f"the configuration (default: config.toml here, if there is one, or else {SYSTEM_CONFIG})",
    )


def _usual_config() -> Path:
    """The one of the service, unless there is one here or none at all."""
    here = Path("config.toml")
    # Unlike Path.exists, these say no for a directory that may not be looked into.
    return here if os.path.exists(here) or not os.path.exists(SYSTEM_CONFIG.parent) else SYSTEM_CONFIG


def _takes_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="a line of JSON for each finding, and the summary last"
    )
    parser.add_argument(
        "--bridge", default="", metavar="NAME", help="only this bridge of the configuration (default: all)"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="SUBJECT",
        help='only what is about this, such as "rights"; can be given several times',
    )
    parser.add_argument(
        "--as",
        dest="as_",
        default="",
        metavar="ADDRESS",
        help="an XMPP account of yours, best one for tests: tries whether messages reach all its devices and archive",
    )
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="a file with the password of that account (default: asks)",
    )
    parser.add_argument(
        "--as-server",
        default="",
        metavar="HOST[:PORT]",
        help="where that account logs in (default: the XMPP server of the configuration, if it is on this machine)",
    )


def _takes_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--domain", help="the component's own domain, such as irc.example.org (default: asks)"
    )
    parser.add_argument(
        "--server",
        choices=("prosody", "ejabberd", "openfire"),
        help="your XMPP server (default: explains all of them)",
    )
    parser.add_argument(
        "--users",
        default="",
        metavar="DOMAIN",
        help="what the addresses of your server's users end in (default: what is behind the first dot of --domain)",
    )
    parser.add_argument("--kind", default="irc", help="which bridge: irc, email or sms (default: irc)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the file to write, or to add the bridge to if it is there (default: config.toml)",
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="as root: make Causeway a service of systemd, with its user, and write /etc/causeway/config.toml",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the file if it exists, with a new secret"
    )


def _takes_biboumi(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("database", metavar="DB", help="biboumi's db_name: a file, or postgresql://...")
    parser.add_argument(
        "--bridge", default="", help="which bridge of the configuration (default: the one of kind irc)"
    )


def _module(name: str) -> Callable[[argparse.Namespace], int]:
    """The function ``command`` of a module, which is imported only when it is called."""

    def command(arguments: argparse.Namespace) -> int:
        status: int = import_module(name).command(arguments)
        return status

    return command


def _piped(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """For ``causeway ... | head``: who reads has seen enough."""

    def piped(arguments: argparse.Namespace) -> int:
        try:
            status = command(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            if not _unread():
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
            return OK
        return status

    return piped


def _unread() -> bool:
    """Whether it is the output that nobody reads, and no other pipe."""
    looked = select.poll()
    looked.register(sys.stdout.fileno(), 0)  # errors are told without being asked for
    return bool(looked.poll(0))


def _playground(arguments: argparse.Namespace) -> int:
    status: int = asyncio.run(import_module(_PLAYGROUND).playground_main(arguments))
    return status


def _print_version(_: argparse.Namespace) -> int:
    print(_version())
    return OK


def _version() -> str:
    try:
        return f"causeway {version('causeway')}"
    except PackageNotFoundError:
        return "causeway (not installed)"
