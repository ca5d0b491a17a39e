"""What can be told of a picture before anybody opens it: its size in pixels, and a preview of a few KB.

Pictures are decoded in a worker process with limits of memory and computing, and killed when it takes too long: a file of a
few KB can unpack to gigabytes, and decoders have defects. Knows how to run the worker, not how to decode.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.media.refusals import Cause, refused

_log = structlog.get_logger(__name__)

_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff"})
_ANSWER_LIMIT = 65_536  # bytes
#: Run, never imported: decoders have no place in this process.
_WORKER = Path(__file__).with_name("picture_worker.py")


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Pixels as it is shown, and a JPEG; None and empty where they are not known."""

    width: int | None = None
    height: int | None = None
    preview: bytes = field(default=b"", repr=False)


_NOTHING = PictureFacts()


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Up to ``decoded`` pixels a preview is made; more than ``carried`` is taken for a bomb. ``seconds`` is for one picture,
    ``side`` (pixels) and ``octets`` for its preview."""

    decoded: int = 50_000_000
    carried: int = 250_000_000
    seconds: float = 15.0
    side: int = 96
    octets: int = 3072
    workers: int = 2


class Pictures:
    """Runs the workers, a few at a time. ``limits`` can be exchanged, but for ``workers``; ``command`` is for tests."""

    def __init__(
        self, limits: PictureLimits | None = None, command: tuple[str, ...] = (sys.executable, "-I")
    ) -> None:
        self.limits = limits or PictureLimits()
        self._command = (*command, str(_WORKER))
        self._turns = asyncio.Semaphore(self.limits.workers)

    async def look(self, path: Path, media_type: str) -> PictureFacts:
        """The facts of a file of that type. Raises ``MediaError`` for a picture that would hurt whoever shows it; one that
        cannot be read has no facts."""
        if media_type not in _TYPES:
            return _NOTHING
        async with self._turns:
            answer = await self._ask(path)
        line, _, preview = answer.partition(b"\n")
        try:
            found = json.loads(line)
            width, height = int(found["width"]), int(found["height"])
        except (ValueError, KeyError, TypeError):
            return _NOTHING
        if width * height > self.limits.carried:
            raise refused(
                f"The picture claims to be {width} by {height} pixels, more than any device can show; it is not "
                "passed on.",
                cause=Cause.CONTENT,
            )
        return PictureFacts(width, height, preview)

    async def _ask(self, path: Path) -> bytes:
        limits = self.limits
        numbers = (str(limits.decoded), str(limits.side), str(limits.octets))
        try:
            worker = await asyncio.create_subprocess_exec(
                *self._command,
                str(path),
                *numbers,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        except OSError as error:
            _log.warning("no process to look at a picture", reason=str(error))
            return b""
        try:
            async with asyncio.timeout(limits.seconds):
                answer = await worker.stdout.read(_ANSWER_LIMIT) if worker.stdout is not None else b""
                while worker.stdout is not None and (more := await worker.stdout.read(_ANSWER_LIMIT)):
                    answer = (answer + more)[:_ANSWER_LIMIT]
                status = await worker.wait()
        except TimeoutError:
            _log.warning("a picture took too long to look at", seconds=limits.seconds)
            return b""
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
        if status != 0:
            _log.info("a picture could not be read", status=status)
            return b""
        return answer
