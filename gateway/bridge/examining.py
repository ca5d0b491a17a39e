"""What all examinations have in common, those of bridges (``gateway.bridge.Examined``) and the doctor's own: several at a
time, each in bounded time, told in an order that is always the same; and what there is to say of a server's certificate.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway.bridge.insight import Finding, Verdict

log = structlog.get_logger(__name__)

SECONDS = 20.0
"""That one examination may take, if it does not say otherwise: people wait for it."""

_AT_ONCE = 12
_SOON = 14 * 86_400.0


@dataclass(frozen=True, slots=True)
class Examination:
    """One thing that is tried. ``subject`` is what it is about, in a few words: that of findings which have none of their
    own, and of the one that says that nothing was found out. ``examine`` gives its findings together, or as they are made:
    then those count that there are when ``seconds`` are over. Waiting for others takes nothing of ``seconds``."""

    subject: str
    examine: Callable[[], AsyncIterator[Finding] | Awaitable[Sequence[Finding]]]
    seconds: float = SECONDS


async def side_by_side(
    examinations: Iterable[Examination], at_once: int = _AT_ONCE
) -> AsyncGenerator[Finding, None]:
    """The findings of all, in the order of ``examinations``, each as soon as those before it are there. One that fails, or
    does not end, harms no other. Whoever stops listening closes it (``contextlib.aclosing``), and nothing goes on."""
    room = asyncio.Semaphore(at_once)
    tasks = [asyncio.create_task(_bounded(each, room), name=each.subject) for each in examinations]
    try:
        for task in tasks:
            for finding in await task:
                yield fit(finding)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def fit(finding: Finding) -> Finding:
    """For terminals, chats and XML: the other side's words may be in it, and those are anybody's."""
    if all(each.isprintable() for each in (finding.text, finding.subject, finding.where)) and (
        finding.fix.replace("\n", "").isprintable()
    ):
        return finding
    fix = "\n".join(printable(line) for line in finding.fix.split("\n"))
    text, subject, where = map(printable, (finding.text, finding.subject, finding.where))
    return Finding(finding.verdict, text, subject, fix, where)


def printable(text: str) -> str:
    """``text`` without what would do something to a terminal, or to XML."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


async def _bounded(examination: Examination, room: asyncio.Semaphore) -> Sequence[Finding]:
    found: list[Finding] = []
    async with room:
        try:
            async with asyncio.timeout(examination.seconds), aclosing(_findings(examination)) as findings:
                async for each in findings:
                    found.append(each if each.subject else replace(each, subject=examination.subject))
            return found
        except TimeoutError:
            text = f"It was not done within {examination.seconds:g} seconds, so nobody knows."
        except Exception as error:
            log.exception("an examination failed", subject=examination.subject)
            text = f"It could not be tried, by a mistake of the gateway's ({type(error).__name__}); its log has more."
    return [*found, Finding(Verdict.UNKNOWN, text, examination.subject)]


async def _findings(examination: Examination) -> AsyncGenerator[Finding, None]:
    made = examination.examine()
    if isinstance(made, AsyncIterator):
        async for each in made:
            yield each
    else:
        for each in await made:
            yield each


# -- certificates --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that a server has shown, which may have been trusted or not. ``ends`` in Unix seconds; ``names`` are
    those that it is for."""

    ends: float
    names: tuple[str, ...]
    issuer: str
    sha256: str  # its fingerprint, lower-case hex

    @classmethod
    def of(cls, der: bytes) -> "Shown | None":
        """None for what is no certificate that can be read."""
        try:
            found = x509.load_der_x509_certificate(der)
            return cls(
                found.not_valid_after_utc.timestamp(),
                _names(found),
                found.issuer.rfc4514_string(),
                found.fingerprint(hashes.SHA256()).hex(),
            )
        except ValueError:
            return None

    def end(self, now: float) -> str:
        """How it is with its end, as words to go after "its certificate"."""
        day = datetime.fromtimestamp(self.ends, UTC).date().isoformat()
        days = int((self.ends - now) // 86_400)
        if self.ends <= now:
            return f"ended on {day}"
        if not self.soon(now):
            return f"is good until {day}"
        return (
            f"ends on {day}, in {days} day{'' if days == 1 else 's'}" if days else f"ends on {day}, in hours"
        )

    def soon(self, now: float) -> bool:
        """Whether somebody had better see to it: within two weeks no automaton has renewed it."""
        return self.ends - now < _SOON


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *(str(each) for each in names.get_values_for_type(x509.IPAddress)),
    )
