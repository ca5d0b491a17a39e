"""The time of day as one process sees it, set by a test while the process runs: Debian's libfaketime, whose file says how
far it is off."""

import os
from pathlib import Path


class WallClock:
    """For the process with ``environment``. What time passes is not touched: monotonic clocks go on."""

    def __init__(self, directory: Path) -> None:
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not found:
            raise RuntimeError("libfaketime is not installed: run 'apt install libfaketime'")
        self._file = directory / "faketime"
        self.off_by(0)
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Or threads of Python wait too long for one another: glibc of today needs no such help.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
        }

    def off_by(self, seconds: int) -> None:
        """From the right time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+}\n", encoding="ascii")
        os.replace(new, self._file)  # it is read at any time
