"""The commands that operators give, one module each, and what all of them take on the command line.

Nothing heavy is imported here: ``--help`` is to answer at once.
"""

import argparse
from collections.abc import Callable

_LEVELS = ("debug", "info", "warning", "error")

#: Adds a command by its name, what it does, and the module that does it, with what every one of them takes.
Add = Callable[[str, str, str], argparse.ArgumentParser]


def add_to(add: Add) -> None:
    """All of them."""
    _status(add("status", "show how the running gateway is, live", "gateway.commands.status"))
    _acting(add)
    _looking(add)


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
