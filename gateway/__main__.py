"""``python -m gateway`` is ``causeway``."""

import sys

from gateway.cli import main

sys.exit(main())
