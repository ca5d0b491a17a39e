"""The bridge itself: what is configured, the processes that read mail, what waits, and who reads the postmaster's mail."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bridges.email.addresses import parse
from bridges.email.config import EmailSettings
from bridges.email.mime.reader import Reader
from bridges.email.office import Office
from bridges.email.receiving.arrivals import Kind, burden
from bridges.email.trying import clients, sense
from gateway.bridge import Finding, Hint, NotStored, Verdict

_LATE = 900.0  # seconds after which users are told that a mail takes long
_MAIL = (
    b"From: doctor@doctor.invalid\r\nSubject: A mail that nobody has sent\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>It <b>can</b> be read.</p>\r\n"
)
_READ = "It can be read."


async def configured(settings: EmailSettings) -> Sequence[Finding]:
    """What is valid, and yet not what anybody wants."""
    found = []
    for each in (*sense(settings), *await asyncio.to_thread(clients, settings)):
        subject = "configuration of mail"
        if isinstance(each, Hint):
            found.append(Finding(Verdict.NOTE, each.text, subject))
        else:
            found.append(Finding(Verdict.FAIL, each, subject))
    return found


async def reading(office: Office) -> Sequence[Finding]:
    """Whether a worker can be started, with its limits, and reads a mail: one of those that the running gateway has."""
    subject, parts = "reading of mail", office.parts
    reader = Reader() if parts is None else parts.reader
    try:
        with tempfile.TemporaryDirectory(prefix="causeway-") as place:
            path = Path(place) / "mail"
            await asyncio.to_thread(path.write_bytes, _MAIL)
            letter = await reader.read(path, Path(place))
    except OSError as error:
        text = f"No process can be started that reads mail ({error}): give the service more memory and processes."
        return [Finding(Verdict.FAIL, text, subject)]
    finally:
        if parts is None:
            await reader.close()
    if letter.text.strip() != _READ:
        text = (
            "The processes that read mail die of the simplest one, so users see headers alone: give the service more memory "
            "(each needs 250 MB at most) and let it start processes."
        )
        return [Finding(Verdict.FAIL, text, subject)]
    return [Finding(Verdict.OK, "Mail is read by a process of its own, with limits.", subject)]


async def waiting(office: Office, settings: EmailSettings, now: float) -> Sequence[Finding]:
    """Of a gateway that runs in this process."""
    parts = office.parts
    if parts is None:
        return []
    found = []
    try:
        count, since = await parts.sendings.backlog()
        found.append(_queue(count, now - since if since is not None else 0.0))
        if settings.postmaster and office.identities.find(parse(settings.postmaster)) is None:
            text = (
                f"Nobody has registered as {settings.postmaster} (`postmaster`), so its mail waits: register."
            )
            found.append(Finding(Verdict.NOTE, text, "postmaster"))
    except NotStored as error:
        found.append(Finding(Verdict.UNKNOWN, f"What waits could not be looked up: {error}", "mail queue"))
    unread = parts.receiving.intake.waiting.of(burden(Kind.OPERATOR, "")).mails
    if unread:
        many = "mail waits" if unread == 1 else "mails wait"
        text = f"{unread} {many} for postmaster and abuse, and nobody reads them: name a user who does in `postmaster`."
        found.append(Finding(Verdict.NOTE, text, "mail for the postmaster"))
    return found


def _queue(count: int, age: float) -> Finding:
    subject = "mail queue"
    if not count:
        return Finding(Verdict.OK, "No mail waits to go out.", subject)
    many = (
        f"{count} mail{' waits' if count == 1 else 's wait'} to go out, the first for {age / 60:.0f} minutes"
    )
    if age < _LATE:
        return Finding(Verdict.OK, f"{many}.", subject)
    text = f"{many}: look what the smarthost says, here and in its log; users were told that it takes long."
    return Finding(Verdict.NOTE, text, subject)
