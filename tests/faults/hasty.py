"""A gateway that looks at itself, and tells of it, twenty times as often as others do: ``hasty.py run -c CONFIG``."""

import os
import sys
from pathlib import Path

from gateway import logs
from gateway.app import run
from gateway.config import load

HASTE = 20.0

if __name__ == "__main__":
    path = Path(sys.argv[-1])
    settings = load(path, os.environ)
    logs.set_up(settings.log.level, settings.log.format)
    sys.exit(run(settings, path, HASTE))
