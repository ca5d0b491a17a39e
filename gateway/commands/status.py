"""``causeway status``: how the running gateway is; on a terminal again every second, until q or Ctrl-C."""

import argparse
import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from gateway.commands.screen import Line, lines_of, screen, text_of
from gateway.commands.terminal import Style, colourful, wrap
from gateway.control.client import Client, ControlError, NotRunning
from gateway.control.finding import socket_of
from gateway.control.shapes import STATUS
from gateway.ops.status import GatewayView

READY, DEGRADED, NOT_RUNNING, UNTOLD = 0, 1, 3, 4

_EVERY = 1.0  # seconds between two looks
_GLANCE = 0.1  # between two looks at the window's size
_MOST = 10_000
# Another screen for as long as we are there, without cursor (xterm's control sequences, which all follow).
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
# Everything between is shown at once (synchronised output).
_BEGIN, _END = "\x1b[?2026h\x1b[H", "\x1b[J\x1b[?2026l"


def command(arguments: argparse.Namespace) -> int:
    sessions = min(max(0, arguments.sessions), _MOST)
    live = sys.stdin.isatty() and sys.stdout.isatty() and not (arguments.once or arguments.json)
    try:
        client = Client(socket_of(arguments.config, os.environ))
        if live:
            return _live(lambda: client.status(sessions))
        view = client.status(sessions)
    except ControlError as error:
        print(f"causeway: {error}", file=sys.stderr)
        return _status_of(error)
    if arguments.json:
        print(STATUS.dump_json(view, indent=2).decode())
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _MOST
        print("\n".join(text_of(lines_of(view, width), colourful(sys.stdout))))
    return READY if view.ready else DEGRADED


def _status_of(error: ControlError) -> int:
    return NOT_RUNNING if isinstance(error, NotRunning) else UNTOLD


def _live(look: Callable[[], GatewayView]) -> int:
    """The status when it was left."""
    colours = colourful(sys.stdout)
    with _own_screen(sys.stdin, sys.stdout):
        while True:
            view: GatewayView | None = None
            problem = ""
            status = READY
            try:
                view = look()
                status = READY if view.ready else DEGRADED
            except ControlError as error:
                problem, status = str(error), _status_of(error)
            if _watched(sys.stdin, sys.stdout, view, problem, colours):
                return status


def _watched(keys: TextIO, out: TextIO, view: GatewayView | None, problem: str, colours: bool) -> bool:
    """Show what is known, for a second, in whatever size the window has; whether somebody wants to leave."""
    until = time.monotonic() + _EVERY
    size: os.terminal_size | None = None
    while (left := until - time.monotonic()) > 0:
        now = os.get_terminal_size(
            out.fileno()
        )  # not what COLUMNS and LINES say: those do not follow the window
        if now != size:
            size = now
            shown = _frame(view, problem, size.columns, size.lines)
            out.write(_BEGIN + "\x1b[K\r\n".join(text_of(shown, colours)) + "\x1b[K" + _END)
            out.flush()
        if select.select([keys], [], [], min(left, _GLANCE))[0]:
            key = os.read(keys.fileno(), 64)
            if not key or key[:1] in b"qQ":
                return True
    return False


def _frame(view: GatewayView | None, problem: str, width: int, height: int) -> list[Line]:
    if view is not None:
        return screen(view, width, max(1, height - 1))
    return [Line(text, Style.BAD) for text in wrap(problem, width)][: max(1, height - 1)]


@contextmanager
def _own_screen(keys: TextIO, out: TextIO) -> Iterator[None]:
    """Without lines to be entered, and as it was afterwards."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = termios.tcgetattr(keys)
    ended = signal.signal(signal.SIGTERM, end)
    try:
        tty.setcbreak(keys)
        changed = termios.tcgetattr(keys)
        changed[6][termios.VSUSP] = b"\0"  # stopped, we would leave the shell our screen
        termios.tcsetattr(keys, termios.TCSADRAIN, changed)
        out.write(_ENTER)
        yield
    finally:
        out.write(_LEAVE)
        out.flush()
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
        signal.signal(signal.SIGTERM, ended)
