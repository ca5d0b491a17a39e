"""``causeway doctor``: the running gateway is asked, through its control socket; if none runs, everything is tried from
here."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from gateway import logs
from gateway.bridge import Finding, Verdict
from gateway.config import ConfigError, Plugins, load
from gateway.control.client import Client, ControlError, NotRunning
from gateway.doctor.report import Report, as_json
from gateway.doctor.round import Around, visit
from gateway.ops.desk import Login
from gateway.values import bare_jid, is_loopback


def command(arguments: argparse.Namespace) -> int:
    logs.set_up("error")
    try:
        login = _login(arguments.as_, arguments.password_file, arguments.as_server)
    except OSError as error:
        print(f"causeway: {arguments.password_file} cannot be read ({error.strerror}).", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"causeway: {error}", file=sys.stderr)
        return 2
    return doctor(
        arguments.config,
        os.environ,
        sys.stdout,
        json=arguments.json,
        bridge=arguments.bridge,
        only=arguments.only,
        login=login,
    )


def doctor(
    path: Path,
    environ: Mapping[str, str],
    out: TextIO,
    *,
    json: bool = False,
    bridge: str = "",
    only: Iterable[str] = (),
    login: Login | None = None,
    plugins: Plugins | None = None,
    around: Around | None = None,
) -> int:
    """Print what is found; 0 if nothing is wrong, 1 if something is."""
    told = _Told(out, json, tuple(only))
    try:
        settings = load(path, environ, plugins)
    except ConfigError as error:
        for problem in error.problems:
            told.say(Finding(Verdict.FAIL, str(problem), "configuration"))
        return told.end()
    names = [each.name for each in settings.bridges]
    if bridge and bridge not in names:
        text = f"There is no bridge {bridge!r} in {path}; there is {', '.join(names)}."
        told.say(Finding(Verdict.FAIL, text, "configuration"))
        return told.end()
    told.report = Report(names)
    if login is not None and not login.host and is_loopback(settings.xmpp.host):
        login = replace(login, host=settings.xmpp.host)  # the server is here
    try:
        for finding in Client(settings.operator.socket).doctor(bridge, login):
            told.say(finding)
    except NotRunning:
        asyncio.run(_all(visit(settings, path, bridge, login, around), told))
    except ControlError as error:
        told.say(Finding(Verdict.FAIL, str(error), "gateway"))
    return told.end()


def _login(jid: str, password_file: Path | None, server: str) -> Login | None:
    """The account that was lent. Raises ``ValueError`` and ``OSError``."""
    if not jid:
        return None
    try:
        jid = bare_jid(jid)
    except ValueError as error:
        raise ValueError(f"{jid} is no address: it {error}.") from None
    host, _, port = server.rpartition(":") if ":" in server else (server, "", "")
    if port and not (port.isascii() and port.isdecimal() and len(port) < 6):
        raise ValueError(f"{server} is no HOST:PORT.")
    if password_file is not None:
        password = password_file.read_text(encoding="utf-8").rstrip("\r\n")
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Password of {jid}: ")
    else:
        raise ValueError("name a file with the password of that account: --password-file FILE.")
    return Login(jid, password, host.strip("[]"), int(port or 5222))


async def _all(findings: AsyncIterator[Finding], told: "_Told") -> None:
    async for finding in findings:
        told.say(finding)


class _Told:
    """What is printed. ``only``: parts of subjects that are wanted; none for all."""

    def __init__(self, out: TextIO, json: bool, only: Sequence[str]) -> None:
        self.report = Report()
        self._out = out
        self._json = json
        self._only = only
        self._said = False

    def say(self, finding: Finding) -> None:
        if self._only and not any(each in finding.subject for each in self._only):
            return
        self._said = True
        if self._json:
            self.report.count(finding)
            self._print(as_json(finding))
        else:
            for line in self.report.lines(finding):
                self._print(line)

    def end(self) -> int:
        if not self._said and self._only:
            text = (
                f"Nothing that is tried is about {' or '.join(self._only)}: see the subjects without --only."
            )
            self._only = ()
            self.say(Finding(Verdict.FAIL, text, "doctor"))
        self._print(self.report.summary_json() if self._json else f"\n{self.report.summary()}")
        return 0 if self.report.well else 1

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)
