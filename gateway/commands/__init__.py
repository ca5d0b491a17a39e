"""The commands that operators give, one module each, and what all of them take on the command line.

Nothing heavy is imported here: ``--help`` is to answer at once.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

_LEVELS = ("debug", "info", "warning", "error")

#: Adds a command by its name, what it does, and the module that does it, with what every one of them takes.
Add = Callable[[str, str, str], argparse.ArgumentParser]


def add_to(add: Add) -> None:
    """All of them."""
    _status(add("status", "show how the running gateway is, live", "gateway.commands.status"))
    _acting(add)
    _looking(add)
    _keeping(add)
    _database(add("db", "show or change the database's schema", "gateway.commands.database"))


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="show it once, also on a terminal")
    parser.add_argument(
        "--sessions",
        type=int,
        default=20,
        metavar="N",
        help="how many sessions of each bridge to show, troubled ones first (default: 20)",
    )
    _json(parser)
    parser.epilog = "exit status: 0 ready, 1 degraded, 3 not running, 4 it cannot be told"


def _acting(add: Add) -> None:
    restart = add("restart", "end one bridge politely and start it again", "gateway.commands.acting")
    restart.add_argument("bridge", metavar="BRIDGE", help="its name in the configuration")
    add("reload", "have the running gateway read its configuration again", "gateway.commands.acting")
    level = add("log-level", "change what is logged, until the next start", "gateway.commands.acting")
    level.add_argument("level", choices=_LEVELS, metavar="LEVEL", help=", ".join(_LEVELS))
    limits = add("limits", "show or change what users may do", "gateway.commands.acting")
    limits.add_argument("bridge", metavar="BRIDGE", help="its name in the configuration")
    limits.add_argument(
        "values", nargs="*", metavar="NAME=NUMBER", help="what is to hold now; NAME=default: as configured"
    )
    _json(limits)
    for name, does in (("block", "shut a user or a domain out"), ("allow", "let a user or a domain in")):
        rule = add(name, does, "gateway.commands.acting")
        rule.add_argument(
            "subject", nargs="?", metavar="JID", help="user or domain (default: lists all rules)"
        )
        rule.add_argument("--bridge", default="", help="its name in the configuration (default: all)")
        rule.add_argument("--reason", default="", help="for the records, and for who is shut out")
        rule.add_argument("--lift", action="store_true", help="take the rule back")


def _looking(add: Add) -> None:
    trace = add("trace", "tell where a message is", "gateway.commands.looking")
    trace.add_argument("id", metavar="ID", help="the client's, the gateway's, or the network's")
    _json(trace)
    _json(add("failures", "list what failed in the last day, by cause", "gateway.commands.looking"))


def _keeping(add: Add) -> None:
    backup = add("backup", "pack all that the gateway keeps into one file", "gateway.commands.keeping")
    backup.add_argument("target", type=Path, metavar="FILE", help="the backup, such as causeway.tar.gz")
    key = backup.add_mutually_exclusive_group()
    key.add_argument("--key", type=Path, metavar="FILE", help="copy the key file to another file")
    key.add_argument("--with-key", action="store_true", help="put the key file into the backup too")
    restore = add("restore", "put a backup in place of what is there", "gateway.commands.keeping")
    restore.add_argument("backup", type=Path, metavar="FILE", help="what `causeway backup` has made")
    restore.add_argument(
        "--force", action="store_true", help="move aside what is in the way; it is not deleted"
    )
    restore.add_argument(
        "--send-waiting",
        action="store_true",
        help="send what waited when the backup was made: only if the gateway did not run since, or it is sent twice",
    )


def _database(db: argparse.ArgumentParser) -> None:
    actions = db.add_subparsers(title="what to do", dest="action", metavar="WHAT", required=True)

    def add(name: str, does: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=does, description=f"{does[:1].upper()}{does[1:]}.")
        # Before and behind the action: what is said there stays, unless it is said here.
        added.add_argument("-c", "--config", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added

    add("status", "tell how far the schema is")
    migrate = add("migrate", "bring the schema to that of this Causeway now")
    migrate.add_argument("--no-backup", action="store_true", help="without a copy of the database before")
    add("settle", "send nothing of what waits, for it may have been sent: after pg_restore")
    check = add("downgrade-check", "tell whether an older Causeway can use this database")
    check.add_argument(
        "version", metavar="VERSION", help="a release, or the schema that it knows: core=9,email=2"
    )
