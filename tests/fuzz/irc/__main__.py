"""The command: so many lines from one seed, and what was found. Ends with 1 if anything was."""

import argparse
import sys
import time

from tests.fuzz.irc.runs import Report, codecs, sessions


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.irc", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines in all (default: a million)")
    parser.add_argument("--seed", type=int, default=1, help="everything follows from it (default: 1)")
    parser.add_argument(
        "--only", choices=("codecs", "sessions"), help="default: four fifths codecs, one fifth sessions"
    )
    given = parser.parse_args()
    report = Report()
    began = time.process_time()
    share = {"codecs": given.lines, "sessions": 0, None: given.lines * 4 // 5}[given.only]
    if share:
        codecs(given.seed, share, report, print)
    if given.lines - share:
        sessions(given.seed, given.lines - share, report, print)
    print(report.text())
    print(f"seed {given.seed}, {time.process_time() - began:.0f} s of processor time")
    return 1 if report.defects else 0


if __name__ == "__main__":
    sys.exit(main())
