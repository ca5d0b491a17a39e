"""Message archive management (XEP-0313): what a query asks for, and results, ends and descriptions of archives, written.

Pure functions. Whose archive it is, and what is in it, is ``gateway.history.answers``' business.
"""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.model import Condition, Refused
from gateway.xmpp import render
from gateway.xmpp.datetimes import moment
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import DATA, find_form, read_submission
from gateway.xmpp.rsm import RSM, Paging, read_paging
from gateway.xmpp.stanza import CLIENT
from gateway.xmpp.text import attribute
from gateway.xmpp.xml import element, text_element

MAM = "urn:xmpp:mam:2"
EXTENDED = "urn:xmpp:mam:2#extended"
FEATURES = frozenset({MAM, EXTENDED})
FORWARD = "urn:xmpp:forward:0"
_VALIDATE = "http://jabber.org/protocol/xdata-validate"

#: Characters of an id; ours and those of networks are far shorter.
_ID_LIMIT = 1000
_QUERY_ID_LIMIT = 1000
_JID_LIMIT = 3071

#: XEP-0313 §4.1.5: what can be asked for, by the type of its field.
_FIELDS = (
    ("with", "jid-single"),
    ("start", "text-single"),
    ("end", "text-single"),
    ("before-id", "text-single"),
    ("after-id", "text-single"),
)
_KNOWN = frozenset({"FORM_TYPE", "ids", *(name for name, _ in _FIELDS)})


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of an archive; empty or None where nothing is said. Times are Unix seconds: the first moment, and the
    first one too late."""

    id: str | None = None
    start: float | None = None
    end: float | None = None
    with_jid: str = ""
    after_id: str = ""
    before_id: str = ""
    ids: tuple[str, ...] = ()
    paging: Paging = field(default_factory=Paging)
    flipped: bool = False


def read_query(query: Element) -> Query:
    """Raises ``RefusedError``: ``bad-request``, ``policy-violation`` for what is too much, and
    ``feature-not-implemented`` for fields that are not ours."""
    id_ = query.get("queryid")
    if id_ is not None and len(id_) > _QUERY_ID_LIMIT:
        raise _refused(Condition.POLICY_VIOLATION, "The id of the query is too long.")
    form = find_form(query)
    submitted = read_submission(form) if form is not None else {}
    form_type = submitted.get("FORM_TYPE", (MAM,))
    if form_type != (MAM,):
        raise _refused(Condition.BAD_REQUEST, f"The form of a query has the FORM_TYPE {MAM}.")
    for name in submitted:
        if name not in _KNOWN:
            text = f"This archive cannot be searched by {name[:100]!r}."
            raise _refused(Condition.FEATURE_NOT_IMPLEMENTED, text)
    end = _time(submitted, "end")
    return Query(
        id_,
        _time(submitted, "start"),
        # Times are told to the millisecond, and a message at the very end belongs to it.
        (round(end * 1e6) // 1000 + 1) / 1000 if end is not None else None,
        _one(submitted, "with", _JID_LIMIT),
        _one(submitted, "after-id", _ID_LIMIT),
        _one(submitted, "before-id", _ID_LIMIT),
        _ids(submitted),
        read_paging(query) or Paging(),
        query.find(f"{{{MAM}}}flip-page") is not None,
    )


_Submitted = dict[str, tuple[str, ...]]


def _one(submitted: _Submitted, name: str, limit: int) -> str:
    values = submitted.get(name, ())
    if len(values) > 1 or any(len(value) > limit for value in values):
        raise _refused(Condition.BAD_REQUEST, f"{name!r} takes one value of at most {limit} characters.")
    return values[0] if values else ""


def _time(submitted: _Submitted, name: str) -> float | None:
    text = _one(submitted, name, _ID_LIMIT).strip()
    if not text:
        return None
    time = moment(text)
    if time is None:
        text = f"{name!r} takes a time like 2026-01-31T18:00:00Z."
        raise _refused(Condition.BAD_REQUEST, text)
    return time


def _ids(submitted: _Submitted) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(value for value in submitted.get("ids", ()) if value))
    if any(len(value) > _ID_LIMIT for value in ids):
        raise _refused(Condition.BAD_REQUEST, f"An id has at most {_ID_LIMIT} characters.")
    return ids


def _refused(condition: Condition, text: str) -> RefusedError:
    return RefusedError(Refused(condition, text))


# -- written ------------------------------------------------------------------------------------------------------


def form() -> str:
    """XEP-0313 §4.1.5: the fields of a query. ``ids`` takes any values."""
    any_value = element("validate", _VALIDATE, {"datatype": "xs:string"}, "<open/>")
    hidden = {"type": "hidden", "var": "FORM_TYPE"}
    return element(
        "query",
        MAM,
        None,
        element(
            "x",
            DATA,
            {"type": "form"},
            element("field", "", hidden, text_element("value", MAM)),
            *(element("field", "", {"type": type_, "var": name}) for name, type_ in _FIELDS),
            element("field", "", {"type": "list-multi", "var": "ids"}, any_value),
        ),
    )


def metadata(ends: tuple[tuple[str, float], tuple[str, float]] | None) -> str:
    """XEP-0313 §5: ids and times of the first and the last message."""
    if ends is None:
        return element("metadata", MAM)
    parts = (
        element(name, "", {"id": id_, "timestamp": render.timestamp(time)})
        for name, (id_, time) in zip(("start", "end"), ends, strict=True)
    )
    return element("metadata", MAM, None, *parts)


def result(
    archive_attr: str,
    to_attr: str,
    wrapper_id: str,
    query_id: str | None,
    id_: str,
    time: float,
    message: str,
) -> str:
    """One message of an archive. ``message`` is the stanza itself, see ``forwarded``."""
    query = f" queryid='{attribute(query_id)}'" if query_id is not None else ""
    return (
        f"<message from='{archive_attr}' to='{to_attr}' id='{wrapper_id}'>"
        f"<result xmlns='{MAM}'{query} id='{attribute(id_)}'><forwarded xmlns='{FORWARD}'>"
        f"<delay xmlns='urn:xmpp:delay' stamp='{render.timestamp(time)}'/>{message}</forwarded></result></message>"
    )


def forwarded(from_attr: str, to_attr: str, type_: str, id_: str, content: str) -> str:
    """A message as it was; without ``to_attr`` in rooms (XEP-0313 §6.1.2)."""
    to = f" to='{to_attr}'" if to_attr else ""
    return f"<message xmlns='{CLIENT}' from='{from_attr}'{to} type='{type_}' id='{attribute(id_)}'>{content}</message>"


def fin(first: str, last: str, index: int | None, count: int | None, *, complete: bool) -> str:
    """The end of the results, which says what they were part of. ``first`` empty: there were none."""
    number = {"index": str(index)} if index is not None else None
    page = element(
        "set",
        RSM,
        None,
        text_element("first", first, "", number) if first else "",
        text_element("last", last) if first else "",
        f"<count>{count}</count>" if count is not None else "",
    )
    return element("fin", MAM, {"complete": "true" if complete else None}, page)
