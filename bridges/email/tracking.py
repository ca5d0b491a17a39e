"""Where a mail is, for whoever runs the gateway: by the row of its arrival or of a recipient, by its id, its Message-ID, or
one of the lines of chat that it was made of. Names nobody and quotes nothing.
"""

import json
from collections.abc import Sequence

from sqlalchemy import and_, or_, select

from bridges.email.receiving.arrivals import ARRIVALS
from bridges.email.sending.rows import MAILS, RECIPIENTS
from gateway.bridge import Passage, Services

_A, _M, _R = ARRIVALS.c, MAILS.c, RECIPIENTS.c
_MOST = 50
_OF_RECIPIENT = (_R.state, _R.time.label("since"), _R.attempts, _R.cuts, _R.unknowns, _R.code, _R.status)


async def passages(services: Services, id_: str) -> Sequence[Passage]:
    """Raises ``NotStored``. Looks at all mails, for people who ask."""
    return [*await _arrivals(services, id_), *await _mails(services, id_)]


async def _arrivals(services: Services, id_: str) -> list[Passage]:
    query = select(_A.received, _A.state, _A.attempts, _A.size).where(
        _A.bridge == services.name, _A.id == id_
    )
    found = []
    for row in await services.tables.read(query):
        found.append(Passage(row.received, "taken from the mail server", f"{row.size} bytes"))
        tries = f"after {row.attempts} attempts that went wrong" if row.attempts else ""
        found.append(Passage(row.received, f"mail {row.state}", tries))
    return found


async def _mails(services: Services, id_: str) -> list[Passage]:
    meant = or_(
        _M.id == id_,
        _M.message_id.in_((id_, f"<{id_}>")),
        _R.id == id_,
        _M.lines.contains(json.dumps(id_), autoescape=True),
    )
    query = (
        select(
            _M.time,
            _M.message_id,
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
    found = [Passage(rows[0].time, "became a mail", f"Message-ID {rows[0].message_id}")] if rows else []
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
