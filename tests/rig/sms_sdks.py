"""The libraries that providers of text messages give to their customers, asked in a process of their own, in the environment
that ``scripts/sms-sdks`` makes: what they say of a signature, and how they sign themselves."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.playground.process import Missing
from gateway.playground.unpacked import cache

_CHILD = Path(__file__).parent / "sdks" / "answer.py"

Ask = Callable[[list[dict[str, Any]]], list[Any]]
"""An answer for each question: see ``sdks/answer.py``."""


@contextmanager
def libraries() -> Iterator[Ask]:
    """One process for all questions: it takes seconds to start. Raises ``Missing``."""
    python = cache() / "sms-sdks" / "bin" / "python"
    if not python.exists():
        raise Missing(f"There is no {python}: run scripts/sms-sdks.")
    pipe = subprocess.PIPE
    with subprocess.Popen([str(python), str(_CHILD)], stdin=pipe, stdout=pipe, text=True) as child:

        def ask(questions: list[dict[str, Any]]) -> list[Any]:
            assert child.stdin is not None
            assert child.stdout is not None
            print(json.dumps(questions), file=child.stdin, flush=True)
            answers: list[Any] = json.loads(child.stdout.readline())
            return answers

        yield ask
