"""Where a text is, for whoever runs the gateway: by our id or by the one that a provider gave to it, or to a piece. Names no
number and quotes nothing.
"""

import json
from collections.abc import Sequence

from sqlalchemy import and_, or_, select

from bridges.sms.receiving.tables import INBOUND
from bridges.sms.sending.matching import stripped
from bridges.sms.sending.tables import MESSAGES, PIECES
from gateway.bridge import Passage, Services

_I, _M, _P = INBOUND.c, MESSAGES.c, PIECES.c
_MOST = 20


async def passages(services: Services, id_: str) -> Sequence[Passage]:
    """Raises ``NotStored``. Looks at all pieces, for people who ask."""
    theirs = select(_P.message).where(
        _P.bridge == services.name, or_(_P.provider_id == id_, _P.stripped == stripped(id_))
    )
    query = select(_M.id, _M.created, _M.changed, _M.state, _M.route, _M.attempts, _M.total, _M.condition)
    query = query.where(_M.bridge == services.name, or_(_M.id == id_, _M.id.in_(theirs)))
    found = await _taken(services, id_)
    for row in await services.tables.read(query.order_by(_M.created.desc()).limit(_MOST)):
        found.append(Passage(row.created, "written down to be sent", f"text {row.id}", row.id))
        found += await _pieces(services, row.id, row.total)
        route = f"route {row.route}" if row.route else ""
        details = ", ".join(
            filter(None, (route, row.condition, f"tried {row.attempts} times" if row.attempts else ""))
        )
        found.append(Passage(row.changed, f"text {row.state}", details))
    return found


async def _taken(services: Services, id_: str) -> list[Passage]:
    """Of a text from outside: rows stay as long as it may come again, if the network has ids; the one of the last piece is
    the message's."""
    theirs = json.dumps({"i": id_}, separators=(",", ":"))[1:-1]  # as it stands in a row that waits
    waits = and_(_I.waits == 1, _I.content.contains(theirs, autoescape=True))
    seen_to = and_(_I.waits == 0, _I.content == id_)
    query = select(_I.id, _I.received, _I.waits).where(
        _I.bridge == services.name, or_(_I.id == id_, waits, seen_to)
    )
    rows = await services.tables.read(query.order_by(_I.id).limit(_MOST))
    return [
        Passage(
            row.received,
            "taken from the network",
            f"text {row.id}, {'waits to be shown' if row.waits else 'seen to'}",
            row.id,
        )
        for row in rows
    ]


async def _pieces(services: Services, message: str, total: int) -> list[Passage]:
    query = select(_P.n, _P.written, _P.state, _P.route, _P.provider_id, _P.code)
    query = query.where(_P.bridge == services.name, _P.message == message).order_by(_P.n)
    found = []
    for row in await services.tables.read(query):
        theirs = f"their id {row.provider_id}" if row.provider_id else ""
        code = f"code {row.code}" if row.code else ""
        details = ", ".join(filter(None, (f"route {row.route}", theirs, code)))
        found.append(
            Passage(row.written, f"piece {row.n + 1} of {max(total, row.n + 1)}: {row.state}", details)
        )
    return found
