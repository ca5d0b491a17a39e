"""Commands that change something in a running gateway. What is allowed, and what it means, the gateway decides."""

import argparse
import os
import sys
from collections.abc import Callable

from gateway.commands.durations import moment
from gateway.commands.terminal import plain, table
from gateway.control.client import Client, ControlError, NotRunning
from gateway.control.finding import socket_of
from gateway.control.shapes import LIMITS

OK, FAILED, BAD_USAGE, NOT_RUNNING = 0, 1, 2, 3

_DEFAULT = "default"


def command(arguments: argparse.Namespace) -> int:
    return run(arguments, _COMMANDS[arguments.name])


def run(arguments: argparse.Namespace, act: Callable[[Client, argparse.Namespace], int]) -> int:
    """Do it with the gateway of the configuration that is named; what is wrong is said on standard error."""
    try:
        return act(Client(socket_of(arguments.config, os.environ)), arguments)
    except ControlError as error:
        print(f"causeway: {error}", file=sys.stderr)
        return NOT_RUNNING if isinstance(error, NotRunning) else FAILED


def _restart(client: Client, arguments: argparse.Namespace) -> int:
    client.restart(arguments.bridge)
    print(f"{arguments.bridge} was ended and runs again.")
    return OK


def _reload(client: Client, _: argparse.Namespace) -> int:
    done = client.reload()
    if done.problem:
        print(
            f"causeway: nothing was changed, for the configuration cannot be used\n{done.problem}",
            file=sys.stderr,
        )
        return FAILED
    for sentence in done.failed:
        print(f"causeway: {plain(sentence)}", file=sys.stderr)
    for sentence in done.changed or ("Nothing has changed.",):
        print(plain(sentence))
    waiting: dict[str, list[str]] = {}
    for key in done.restart:
        parts = key.split(".")
        waiting.setdefault(parts[1] if parts[0] == "bridges" else "", []).append(key)
    for bridge, keys in waiting.items():
        when = f"with `causeway restart {bridge}`" if bridge else "at the next start"
        print(plain(f"These take effect {when}: {', '.join(keys)}."))
    return FAILED if done.failed else OK


def _log_level(client: Client, arguments: argparse.Namespace) -> int:
    client.set_log_level(arguments.level)
    print(f"The log level is {arguments.level}, until the next reload or start.")
    return OK


def _limits(client: Client, arguments: argparse.Namespace) -> int:
    values: dict[str, int | None] = {}
    for each in arguments.values:
        name, _, number = each.partition("=")
        if number != _DEFAULT and not (number.isascii() and number.isdigit()):
            print(f"causeway: {each} is not understood: write NAME=NUMBER, or NAME=default.", file=sys.stderr)
            return BAD_USAGE
        values[name] = None if number == _DEFAULT else int(number)
    if values:
        client.change_limits(arguments.bridge, values)
    limits = tuple(client.limits(arguments.bridge))
    if arguments.json:
        print(LIMITS.dump_json(limits, indent=2).decode())
        return OK
    rows = [("NAME", "NOW", "CONFIGURED", "WHAT")]
    rows += [(each.name, str(each.value), str(each.configured), plain(each.label)) for each in limits]
    print("\n".join(table(rows)))
    return OK


def _rule(client: Client, arguments: argparse.Namespace) -> int:
    if arguments.subject is None:
        return _rules(client)
    bridges = [arguments.bridge] if arguments.bridge else [each.name for each in client.status().bridges]
    allow = None if arguments.lift else arguments.name == "allow"
    for bridge in bridges:
        client.decide(bridge, arguments.subject, allow, arguments.reason)
    done = {True: "is let in to", False: "is shut out of", None: "has no rule any more on"}[allow]
    print(f"{plain(arguments.subject)} {done} {', '.join(map(plain, bridges))}.")
    return OK


def _rules(client: Client) -> int:
    rules = client.rules()
    if not rules:
        print("Nobody was shut out or let in by command.")
        return OK
    rows = [("BRIDGE", "WHO", "MAY", "SINCE", "BY", "WHY")]
    rows += [
        (
            plain(each.bridge),
            plain(each.subject),
            "yes" if each.allow else "no",
            moment(each.time),
            plain(each.author),
            plain(each.reason),
        )
        for each in rules
    ]
    print("\n".join(line.rstrip() for line in table(rows)))
    return OK


_COMMANDS: dict[str, Callable[[Client, argparse.Namespace], int]] = {
    "restart": _restart,
    "reload": _reload,
    "log-level": _log_level,
    "limits": _limits,
    "block": _rule,
    "allow": _rule,
}
