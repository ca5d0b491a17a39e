"""The command: so many mails from one seed, and what was found. Ends with 1 if anything was."""

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

from bridges.email.mime.folding import fold
from bridges.email.mime.reading import read
from tests.fuzz.email.mutations import mutated
from tests.unit.email.mime import corpora
from tests.unit.email.mime.hostile import HOSTILE
from tests.unit.email.mime.test_hostile import checked

_SLOW = 2.0  # seconds of processor time: what a worker would be killed for
_EVERY = 2_000  # mails between two lines of progress
_LONGEST_SEED = 60_000  # octets: of large mails, that is enough to break them


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.email", description=__doc__)
    parser.add_argument("--mails", type=int, default=20_000, help="in all (default: 20,000)")
    parser.add_argument("--seed", type=int, default=1, help="everything follows from it (default: 1)")
    parser.add_argument("--keep", type=Path, help="a directory for the mails that something is wrong with")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    seeds = [raw[:_LONGEST_SEED] for _, raw in corpora.mails()]
    seeds += [raw[:_LONGEST_SEED] for raw in HOSTILE.values() if raw]
    began = time.process_time()
    defects: dict[str, int] = {}
    slowest = 0.0
    for number in range(1, given.mails + 1):
        raw = mutated(rng, seeds)
        started = time.process_time()
        found = _tried(raw)
        took = time.process_time() - started
        slowest = max(slowest, took)
        if not found and took > _SLOW:
            found = "slow"
        if found:
            defects[found] = defects.get(found, 0) + 1
            if given.keep is not None:
                given.keep.mkdir(parents=True, exist_ok=True)
                (given.keep / f"{given.seed}-{number}").write_bytes(raw)
        if number % _EVERY == 0:
            print(f"{number} mails, slowest {slowest:.2f} s, defects {sum(defects.values())}", flush=True)
    for what, times in sorted(defects.items(), key=lambda item: -item[1]):
        print(f"{times} x {what}")
    spent = time.process_time() - began
    print(
        f"seed {given.seed}: {given.mails} mails, {len(defects)} kinds of defects, slowest {slowest:.2f} s, {spent:.0f} s"
    )
    return 1 if defects else 0


def _tried(raw: bytes) -> str:
    """What is wrong with the reading of that mail; empty where nothing is."""
    try:
        letter = checked(read(raw))
        lines = letter.text.split("\n")
        known = "\n".join(lines[len(lines) // 2 :])
        folded = fold(
            letter, [known], [each for person in letter.from_ for each in (person.name, person.address)]
        )
        assert len(folded.text) <= len(letter.text)
        assert all(0 <= span.start < span.end <= len(folded.text) for span in folded.spans)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {str(error)[:80]}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
