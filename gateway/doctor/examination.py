"""Examinations: what is tried, by when it has to be known, and all of them at once with their findings in a fixed order.

Knows nothing of what is examined.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import fit

logger = structlog.stdlib.get_logger(__name__)

#: Seconds for an examination that does not say otherwise.
DEADLINE = 20.0


@dataclass(frozen=True, slots=True)
class Examination:
    """``subject`` is what it is about, in a few words: that of findings which have none of their own, and of the one that
    says that nothing was found out. ``run`` gives findings as they are made, within ``deadline`` seconds."""

    subject: str
    run: Callable[[], AsyncIterator[Finding]]
    deadline: float = DEADLINE


def stated(*findings: Finding) -> Callable[[], AsyncIterator[Finding]]:
    """``Examination.run`` of what is known already."""

    async def run() -> AsyncIterator[Finding]:
        for finding in findings:
            yield finding

    return run


async def examined(examinations: Iterable[Examination]) -> AsyncGenerator[Finding, None]:
    """All of them at once; the findings in the order of ``examinations``, each as soon as those before it are there."""
    tasks = [asyncio.ensure_future(_within(each)) for each in examinations]
    try:
        for task in tasks:
            for finding in await task:
                yield fit(finding)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _within(examination: Examination) -> Sequence[Finding]:
    found: list[Finding] = []
    try:
        async with asyncio.timeout(examination.deadline), aclosing(_closable(examination)) as findings:
            async for finding in findings:
                found.append(finding if finding.subject else replace(finding, subject=examination.subject))
    except TimeoutError:
        text = f"Not known after {examination.deadline:.0f} seconds: what it depends on does not answer."
        found.append(Finding(Verdict.UNKNOWN, text, examination.subject))
    except Exception as error:  # one examination must not cost the others
        logger.exception("an examination failed", subject=examination.subject)
        text = f"It could not be tried ({type(error).__name__}: {error}); please report this."
        found.append(Finding(Verdict.UNKNOWN, text, examination.subject))
    return found


async def _closable(examination: Examination) -> AsyncGenerator[Finding, None]:
    async for finding in examination.run():
        yield finding
