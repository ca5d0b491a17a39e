"""The libraries that providers of text messages give to their customers, asked in a process of their own, in the environment
that ``scripts/sms-sdks`` makes: what they say of a signature, and how they sign themselves."""

import json
import subprocess
from pathlib import Path
from typing import Any

from gateway.playground.process import Missing
from gateway.playground.unpacked import cache

_CHILD = Path(__file__).parent / "sdks" / "answer.py"
_SECONDS = 120


def ask(questions: list[dict[str, Any]]) -> list[Any]:
    """An answer for each question: see ``sdks/answer.py``. Raises ``Missing``."""
    python = cache() / "sms-sdks" / "bin" / "python"
    if not python.exists():
        raise Missing(f"There is no {python}: run scripts/sms-sdks.")
    done = subprocess.run(
        [str(python), str(_CHILD)],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers
