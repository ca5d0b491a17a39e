"""``causeway doctor``: the running gateway is asked, through its control socket; if none runs, everything is tried from
here."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from gateway import logs
from gateway.bridge import Finding, Verdict
from gateway.config import ConfigError, Plugins, load
from gateway.control.client import Client, ControlError, NotRunning
from gateway.doctor.report import Report, as_json
from gateway.doctor.round import Around, visit


def command(arguments: argparse.Namespace) -> int:
    logs.set_up("error")
    return doctor(
        arguments.config,
        os.environ,
        sys.stdout,
        json=arguments.json,
        bridge=arguments.bridge,
        only=arguments.only,
    )


def doctor(
    path: Path,
    environ: Mapping[str, str],
    out: TextIO,
    *,
    json: bool = False,
    bridge: str = "",
    only: Iterable[str] = (),
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
    try:
        for finding in Client(settings.operator.socket).doctor(bridge):
            told.say(finding)
    except NotRunning:
        asyncio.run(_all(visit(settings, path, bridge, around), told))
    except ControlError as error:
        told.say(Finding(Verdict.FAIL, str(error), "gateway"))
    return told.end()


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

    def say(self, finding: Finding) -> None:
        if self._only and not any(each in finding.subject for each in self._only):
            return
        if self._json:
            self.report.count(finding)
            self._print(as_json(finding))
        else:
            for line in self.report.lines(finding):
                self._print(line)

    def end(self) -> int:
        self._print(self.report.summary_json() if self._json else f"\n{self.report.summary()}")
        return 0 if self.report.well else 1

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)
