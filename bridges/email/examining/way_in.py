"""The way in: whether the mail server can bring mail here, and finds everybody at home who has to be (RFC 5321 §4.5.1)."""

import asyncio
import contextlib
from collections.abc import Sequence

from bridges.email.config import LmtpSettings
from bridges.email.trying import door
from gateway.bridge import Finding, Hint, Verdict
from gateway.bridge.fields import this_machine

_SECONDS = 4.0  # for each answer
_LINES = 40  # of one answer
_DOMAINS = 10
_SUBJECT = "lmtp"


async def door_of(settings: LmtpSettings, name: str, domains: Sequence[str]) -> Sequence[Finding]:
    """``name`` is what we call ourselves there, ``domains`` (A-labels) whose mail is ours."""
    found = await door(settings, name)
    troubles = [Finding(Verdict.FAIL, each, _SUBJECT) for each in found if isinstance(each, str)]
    if troubles:
        return troubles
    place = settings.listen
    try:
        refused = await _asked(settings, domains[:_DOMAINS])
    except OSError:
        text = f"Mail can come in at {place}, as soon as the gateway runs."
        told = [Finding(Verdict.OK, text, _SUBJECT)]
    else:
        told = [_said(place, refused)]
    told += [Finding(Verdict.NOTE, each.text, "lmtp access") for each in found if isinstance(each, Hint)]
    if settings.path is None and not this_machine(settings.address[0]):
        text = (
            f"Other machines can reach {place}, and LMTP knows no password: let your firewall pass the mail server only, "
            "for "
            "whoever else brings mail can say that it was checked."
        )
        told.append(Finding(Verdict.NOTE, text, "lmtp access"))
    return told


def _said(place: str, refused: Sequence[str]) -> Finding:
    if not refused:
        return Finding(Verdict.OK, f"Mail comes in at {place}, and postmaster is at home.", _SUBJECT)
    text = (
        f"The gateway at {place} does not take mail for the postmaster now: {refused[0]}. Look into its log."
    )
    return Finding(Verdict.NOTE, text, _SUBJECT)


async def _asked(settings: LmtpSettings, domains: Sequence[str]) -> Sequence[str]:
    """What the gateway that runs says to a mail for each postmaster that is never sent, as far as it says no. Raises OSError
    where none runs."""
    async with asyncio.timeout(_SECONDS):
        if settings.path is not None:
            reader, writer = await asyncio.open_unix_connection(settings.path)
        else:
            reader, writer = await asyncio.open_connection(*settings.address)
    try:
        refused = []
        await _answer(reader)
        for command in ("LHLO doctor.invalid", "MAIL FROM:<>"):
            writer.write(f"{command}\r\n".encode("ascii"))
            await _answer(reader)
        for domain in domains:
            writer.write(f"RCPT TO:<postmaster@{domain}>\r\n".encode("ascii"))
            answer = await _answer(reader)
            if not answer.startswith("250"):
                refused.append(f"{answer} (postmaster@{domain})")
        writer.write(b"RSET\r\n")
        await _answer(reader)
        writer.write(b"QUIT\r\n")
        await _answer(reader)
        return refused
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> str:
    """The last line of an answer. Raises OSError (``TimeoutError`` is one) where none comes."""
    async with asyncio.timeout(_SECONDS):
        for _ in range(_LINES):
            try:
                line = await reader.readline()
            except ValueError:
                break
            if not line:
                break
            if line[3:4] != b"-":
                return line[:200].decode("ascii", "replace").strip()
    raise ConnectionError("it said nothing")
