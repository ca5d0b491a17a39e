"""Where a mail is, for whoever runs the gateway: by the row of its arrival or of a recipient, by its id, its Message-ID, or
one of the lines of chat that it was made of, or will be. Names nobody and quotes nothing.

The Message-ID of a mail from outside is remembered once the mail was shown; of what was not, it is read in the mail itself.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import LargeBinary, and_, func, or_, select

from bridges.email.composing.drafts import LINES, LineState
from bridges.email.composing.threads import MAILS as THREADS
from bridges.email.composing.threads import message_key
from bridges.email.receiving.arrivals import ARRIVALS, RAWS, State
from bridges.email.receiving.originals import place
from bridges.email.sending.rows import MAILS, RECIPIENTS
from gateway.bridge import Passage, Services

_A, _L, _M, _O, _R, _T = ARRIVALS.c, LINES.c, MAILS.c, RAWS.c, RECIPIENTS.c, THREADS.c
_MOST = 50
#: Of mails that were not shown: octets that are looked at, and how many of the latest.
_HEAD, _UNSHOWN = 16_384, 500
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"\r?\n\r?\n")  # of the header
_STATES = {
    LineState.OPEN: "waits for its mail to be finished",
    LineState.SENT: "went into a mail",
    LineState.FAILED: "failed",
    LineState.WITHDRAWN: "taken back",
    LineState.COMMAND: "was a command, no part of a mail",
}


async def passages(services: Services, id_: str) -> Sequence[Passage]:
    """Raises ``NotStored``. Looks at all mails, for people who ask."""
    return [*await _arrivals(services, id_), *await _lines(services, id_), *await _mails(services, id_)]


async def _arrivals(services: Services, id_: str) -> list[Passage]:
    ids = [id_]
    if "@" in id_:
        ids += await _shown(services, id_) or await _unshown(services, id_)
    query = select(_A.id, _A.received, _A.state, _A.attempts, _A.size).where(
        _A.bridge == services.name, _A.id.in_(ids[:_MOST])
    )
    found = []
    for row in await services.tables.read(query.order_by(_A.received, _A.id)):
        size = f"mail {row.id}, {row.size} bytes"
        found.append(Passage(row.received, "taken from the mail server", size, row.id))
        tries = f"after {row.attempts} attempts that went wrong" if row.attempts else ""
        found.append(Passage(row.received, f"mail {row.state}", tries))
    return found


async def _shown(services: Services, message_id: str) -> list[str]:
    """Our ids of mails that somebody was shown. An index has them by their owners, so those are asked for first."""
    keys = [message_key(each) for each in _spellings(message_id)]
    meant = _T.bridge == services.name, _T.message_key.in_(keys)
    owners = [row.owner for row in await services.tables.read(select(_T.owner).where(*meant).distinct())]
    query = select(_T.id).where(*meant, _T.owner.in_(owners[:_MOST])).limit(_MOST)
    return [row.id for row in await services.tables.read(query)]


async def _unshown(services: Services, message_id: str) -> list[str]:
    """Our ids of mails that nobody was shown: they wait, are held, or were dropped."""
    head = func.substr(_O.data, 1, _HEAD, type_=LargeBinary).label("head")
    query = (
        select(_A.id, _O.file, head)
        .join_from(ARRIVALS, RAWS, and_(_A.bridge == _O.bridge, _A.raw == _O.id))
        .where(_A.bridge == services.name, _A.state != State.SHOWN)
        .order_by(_A.received.desc())
        .limit(_UNSHOWN)
    )
    rows = await services.tables.read(query)
    wanted = {each.encode("utf-8", "surrogatepass") for each in _spellings(message_id)}

    def look() -> list[str]:
        heads = ((row.id, row.head or _begin(place(services.directory) / row.file)) for row in rows)
        return [id_ for id_, head in heads if wanted & set(_MESSAGE_ID.findall(_END.split(head, 1)[0]))]

    return await asyncio.to_thread(look)


def _begin(file: Path) -> bytes:
    """Empty of what is gone."""
    with suppress(OSError), file.open("rb") as mail:
        return mail.read(_HEAD)
    return b""


def _spellings(message_id: str) -> tuple[str, str]:
    return message_id, f"<{message_id}>"


async def _lines(services: Services, id_: str) -> list[Passage]:
    query = select(_L.reference, _L.id, _L.time, _L.state, _L.condition)
    query = query.where(_L.bridge == services.name, or_(_L.reference == id_, _L.id == id_)).limit(_MOST)
    return [
        Passage(row.time, f"a line of a mail: {_STATES[LineState(row.state)]}", row.condition, row.reference)
        for row in await services.tables.read(query)
    ]


async def _mails(services: Services, id_: str) -> list[Passage]:
    meant = or_(
        _M.id == id_,
        _M.message_id.in_(_spellings(id_)),
        _R.id == id_,
        _M.lines.contains(json.dumps(id_), autoescape=True),
    )
    query = (
        select(
            _M.time,
            _M.message_id,
            _M.lines,
            _R.state,
            _R.time.label("since"),
            _R.attempts,
            _R.cuts,
            _R.unknowns,
            _R.code,
            _R.status,
        )
        .join_from(MAILS, RECIPIENTS, and_(_M.bridge == _R.bridge, _M.id == _R.mail))
        .where(_M.bridge == services.name, meant)
        .order_by(_M.time, _R.id)
        .limit(_MOST)
    )
    rows = await services.tables.read(query)
    found = []
    if rows:
        mail, lines = rows[0], json.loads(rows[0].lines)
        known_as = lines[0] if lines else ""
        found.append(Passage(mail.time, "became a mail", f"Message-ID {mail.message_id}", known_as))
    for number, row in enumerate(rows, 1):
        answer = " ".join(filter(None, (str(row.code or ""), row.status)))
        tried = row.attempts + row.cuts + row.unknowns
        details = [f"recipient {number} of {len(rows)}"]
        if answer:
            details.append(f"answer {answer}")
        if tried:
            details.append(f"put off {tried} times")
        found.append(Passage(row.since, f"recipient: {row.state}", ", ".join(details)))
    return found
