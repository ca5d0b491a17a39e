"""``python -m benchmarks``: measure, print one table, say on what machine. See the README beside this file."""

import argparse
import asyncio
import gc
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gateways import Biboumi, Causeway, Gateway
from benchmarks.machine import Cores, choose_cores, describe
from benchmarks.report import Outcome, table
from benchmarks.rig import NotMeasured, running
from benchmarks.row import FULL, QUICK, Row, Sample, Scale
from benchmarks.rows import ROWS

_RUN_SECONDS = 150.0  # no single measurement may take longer
_FILES = 4096


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-bytecode-") as bytecode:
        return _run(_options(), Path(bytecode))


def _run(options: argparse.Namespace, bytecode: Path) -> int:
    rows = [row for row in ROWS if not options.only or row.name in options.only]
    gateways: list[Gateway] = []
    if options.against == "biboumi":
        gateways.append(Biboumi())
    if not options.yardstick_only:
        gateways.append(Causeway(bytecode))
    if not gateways:
        sys.exit("--yardstick-only with --against none leaves nothing to measure")
    _allow_files(_FILES)
    cores = choose_cores()
    os.sched_setaffinity(0, {cores.load})
    scale = QUICK if options.quick else FULL
    runs = options.runs or (1 if options.quick else 3)
    busy = os.getloadavg()[0]
    outcomes = asyncio.run(_measure_all(rows, gateways, cores, scale, runs))
    _print(outcomes, gateways, cores, runs, busy)
    return 1 if any(outcome.failures for outcome in outcomes) else 0


async def _measure_all(
    rows: Sequence[Row], gateways: Sequence[Gateway], cores: Cores, scale: Scale, runs: int
) -> list[Outcome]:
    outcomes = []
    for row in rows:
        for archive in row.archive:
            able = [gateway for gateway in gateways if gateway.archives() or not archive]
            if able:
                outcomes.append(await _measure(row, archive, able, cores, scale, runs))
    return outcomes


async def _measure(
    row: Row, archive: bool, gateways: Sequence[Gateway], cores: Cores, scale: Scale, runs: int
) -> Outcome:
    """The gateways take turns, so that what else happens on the machine meets all of them."""
    samples: dict[str, list[Sample]] = {}
    failures: dict[str, str] = {}
    for number in range(runs):
        for gateway in gateways:
            if gateway.name in failures:
                continue
            _say(
                f"{row.name}, archive {'on' if archive else 'off'}, run {number + 1} of {runs}: {gateway.name}"
            )
            try:
                sample = await _once(row, archive, gateway, cores, scale)
            except NotMeasured as error:
                failures[gateway.name] = str(error)
                samples.pop(gateway.name, None)
                _say(f"failed: {error}")
            else:
                samples.setdefault(gateway.name, []).append(sample)
    return Outcome(row, archive, samples, failures)


async def _once(row: Row, archive: bool, gateway: Gateway, cores: Cores, scale: Scale) -> Sample:
    gc.collect()
    gc.disable()  # a collection of the load's garbage would read as the gateway's latency
    try:
        async with asyncio.timeout(_RUN_SECONDS):
            async with running(gateway, cores, users=row.users(scale), archive=archive) as rig:
                return await row.run(rig, scale)
    except TimeoutError:
        raise NotMeasured(f"took longer than {_RUN_SECONDS:.0f} s") from None
    finally:
        gc.enable()


def _print(
    outcomes: Sequence[Outcome], gateways: Sequence[Gateway], cores: Cores, runs: int, busy: float
) -> None:
    *yardsticks, subject = (gateway.name for gateway in gateways)
    print(table(outcomes, subject, yardsticks[0] if yardsticks else None))
    versions = [(gateway.name, gateway.version()) for gateway in gateways]
    print(f"\nMedians of {runs} run{'s' if runs > 1 else ''}; load average before: {busy:.1f}.")
    for line in describe(cores, Path(tempfile.gettempdir()), versions):
        print(f"* {line}")


def _options() -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Causeway beside Debian's biboumi: one markdown table."
    )
    parser.add_argument("--quick", action="store_true", help="smaller loads and one run: under two minutes")
    parser.add_argument(
        "--only",
        type=lambda text: _names(text, names),
        default=(),
        metavar="NAME,...",
        help=f"these rows only: {', '.join(names)}",
    )
    parser.add_argument(
        "--against", choices=("biboumi", "none"), default="biboumi", help="what to measure beside Causeway"
    )
    parser.add_argument(
        "--yardstick-only", action="store_true", help="measure what --against names, and not Causeway"
    )
    parser.add_argument("--runs", type=_runs, help="runs of each row (default 3, with --quick 1)")
    return parser.parse_args()


def _names(text: str, known: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(text.split(","))
    for name in wanted:
        if name not in known:
            raise argparse.ArgumentTypeError(f"no row is called {name!r}; there are {', '.join(known)}")
    return wanted


def _runs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 20:
        raise argparse.ArgumentTypeError("must be a number from 1 to 20")
    return int(text)


def _allow_files(wanted: int) -> None:
    """A thousand sessions need as many sockets on each side; the gateway inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
