"""The command: so many cases from one seed, and what was found. Ends with 1 if anything was."""

import argparse
import sys
import time

from tests.fuzz.sms.codecs import TARGETS
from tests.fuzz.sms.runs import Report, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sms", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="cases in all (default: a million)")
    parser.add_argument("--seed", type=int, default=1, help="everything follows from it (default: 1)")
    parser.add_argument("--only", choices=sorted(TARGETS), help="default: all of them, in turns")
    given = parser.parse_args()
    report = Report()
    began = time.process_time()
    run(given.seed, given.cases, report, tell=print, only=given.only)
    print(report.text())
    print(f"seed {given.seed}, {time.process_time() - began:.0f} s of processor time")
    return 1 if report.defects else 0


if __name__ == "__main__":
    sys.exit(main())
