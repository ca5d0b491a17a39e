"""``causeway trace`` and ``causeway failures``: what became of messages."""

import argparse
import sys

from gateway.commands.acting import FAILED, OK, run
from gateway.commands.durations import moment
from gateway.commands.terminal import plain, table
from gateway.control.client import Client
from gateway.control.shapes import FAILURES, TRACES


def command(arguments: argparse.Namespace) -> int:
    return run(arguments, _trace if arguments.name == "trace" else _failures)


def _trace(client: Client, arguments: argparse.Namespace) -> int:
    traces = tuple(client.trace(arguments.id))
    if arguments.json:
        print(TRACES.dump_json(traces, indent=2).decode())
        return OK if traces else FAILED
    if not traces:
        print(
            f"causeway: no message is known as {plain(arguments.id)}. Ids of private messages are kept as long as "
            "delivery.keep_days says, those of rooms as long as their archive (storage.archive_days), or while the room is "
            "open. The page “Troubleshooting” of the documentation says what each bridge keeps.",
            file=sys.stderr,
        )
        return FAILED
    for trace in traces:
        way = f", {trace.direction}" if trace.direction is not None else ""
        print(f"{plain(trace.id)}  {plain(trace.bridge)}{way}: {plain(trace.state)}")
        rows = [
            (moment(time), plain(where), plain(step), plain(detail))
            for time, where, step, detail in trace.steps
        ]
        print("\n".join(f"  {line.rstrip()}" for line in table(rows)))
    return OK


def _failures(client: Client, arguments: argparse.Namespace) -> int:
    groups = tuple(client.failures())
    if arguments.json:
        print(FAILURES.dump_json(groups, indent=2).decode())
        return OK
    if not groups:
        print("Nothing failed in the last day.")
        return OK
    rows = [("COUNT", "LAST", "BRIDGE", "WAY", "CAUSE", "IDS")]
    rows += [
        (
            str(each.count),
            moment(each.last),
            plain(each.bridge),
            each.direction.value,
            plain(each.cause),
            plain(" ".join(each.ids)),
        )
        for each in groups
    ]
    print("\n".join(line.rstrip() for line in table(rows)))
    return OK
