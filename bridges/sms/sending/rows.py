"""Rows of what is sent, made of values and read into them."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from bridges.sms.sending.early import Early
from bridges.sms.sending.matching import storable
from bridges.sms.sending.messages import Message, Tidings
from bridges.sms.sending.records import Piece, Record
from bridges.sms.sending.states import MessageState, PieceState
from bridges.sms.traffic import Report, Stage, Submission
from gateway.model import Attachment, Condition, DeliveryState, ErrorType, Refused

_LONGEST_WHY, _LONGEST_CODE = 1000, 100
_DOUBTFUL = frozenset({PieceState.WRITING, PieceState.UNKNOWN})
_STATES = {
    MessageState.DELIVERED: DeliveryState.DELIVERED,
    MessageState.FAILED: DeliveryState.FAILED,
    MessageState.UNKNOWN: DeliveryState.UNKNOWN,
}


def why_of(row: Row[Any], *, uncertain: bool = False) -> Refused | None:
    if not row.condition:
        return None
    type_ = ErrorType(row.error_type) if row.error_type else None
    return Refused(Condition(row.condition), row.why, type_, uncertain=uncertain)


def why_columns(why: Refused | None) -> dict[str, object]:
    if why is None:
        return {"condition": "", "error_type": "", "why": ""}
    type_ = why.type.value if why.type is not None else ""
    return {"condition": why.condition.value, "error_type": type_, "why": storable(why.text, _LONGEST_WHY)}


def media_text(media: tuple[Attachment, ...]) -> str:
    """Files that the provider fetches: what is told of them, and their addresses."""
    if not media:
        return "[]"
    return json.dumps(
        [[each.url, each.name, each.media_type, each.size, each.sha256, each.caption] for each in media]
    )


def media_of(text: str) -> tuple[Attachment, ...]:
    if text == "[]":
        return ()
    return tuple(
        Attachment(name, media_type, size, url, sha256=sha256, caption=caption)
        for url, name, media_type, size, sha256, caption in json.loads(text)
    )


def new_row(bridge: str, message: Message) -> dict[str, object]:
    submission = message.submission
    return {
        "bridge": bridge,
        "id": message.id,
        "owner": message.owner,
        "conversation": message.conversation,
        "sender": submission.sender,
        "recipients": json.dumps(submission.recipients),
        "text": submission.text,
        "media": media_text(submission.media),
        "concatenation": submission.concatenation,
        "validity": submission.validity,
        "seq": message.seq,
        "created": message.created,
        "expires": message.expires,
        "state": MessageState.QUEUED.value,
        "route": "",
        "pinned": False,
        "total": 0,
        "counts": PieceState.DELIVERED.value,
        "attempts": 0,
        "next_at": message.next_at,
        "refused": "[]",
        "news": 0,
        "owed": False,
        "changed": message.created,
        **why_columns(None),
    }


def message_of(row: Row[Any], pieces: Mapping[int, Piece]) -> Message:
    """One that is to be sent, of its whole row."""
    submission = Submission(
        row.id,
        row.sender,
        tuple(json.loads(row.recipients)),
        row.text,
        row.concatenation,
        media_of(row.media),
        row.validity,
    )
    whys = [each.why for _, each in sorted(pieces.items()) if each.why is not None]
    return Message(
        row.id,
        row.seq,
        row.owner,
        row.conversation,
        submission,
        row.created,
        row.expires,
        row.route,
        bool(row.pinned),
        row.total,
        row.attempts,
        row.next_at,
        frozenset(json.loads(row.refused)),
        frozenset(n for n, each in pieces.items() if not each.state.to_write),
        whys[-1] if whys else None,
    )


def changed_row(record: Record) -> dict[str, object]:
    """For ``Sendings``' update of a message: names differ from those of the columns, which bind their own."""
    why = why_columns(record.why)
    return {
        "row": record.id,
        "to_state": record.state.value,
        "to_route": record.route,
        "to_pinned": record.pinned,
        "to_total": record.total,
        "to_counts": record.counts.value,
        "to_attempts": record.attempts,
        "to_next_at": record.next_at,
        "to_refused": json.dumps(sorted(record.refused)) if record.refused else "[]",
        "to_news": record.news,
        "to_owed": record.owed,
        "to_changed": record.changed,
        "to_condition": why["condition"],
        "to_error_type": why["error_type"],
        "to_why": why["why"],
    }


def record_of(row: Row[Any]) -> Record:
    state = MessageState(row.state)
    return Record(
        row.id,
        row.owner,
        tuple(json.loads(row.recipients)),
        row.seq,
        state,
        row.route,
        bool(row.pinned),
        row.total,
        PieceState(row.counts),
        row.attempts,
        row.next_at,
        frozenset(json.loads(row.refused)) if row.refused != "[]" else frozenset(),
        row.news,
        False,
        row.changed,
        why_of(row, uncertain=state is MessageState.UNKNOWN),
    )


def piece_row(bridge: str, record: Record, piece: Piece) -> dict[str, object]:
    plain, in_decimal = piece.spelt
    return {
        "bridge": bridge,
        "message": record.id,
        "n": piece.n,
        "owner": record.owner,
        "route": piece.route,
        "state": piece.state.value,
        "doubtful": piece.state in _DOUBTFUL,
        "provider_id": piece.provider_id,
        "stripped": plain,
        "decimal": in_decimal,
        "tries": piece.tries,
        "written": piece.written,
        "until": piece.until,
        "parties": json.dumps(piece.parties) if piece.parties else "{}",
        "code": storable(piece.code, _LONGEST_CODE),
        **why_columns(piece.why),
    }


def piece_of(row: Row[Any]) -> Piece:
    parties = {}
    if row.parties != "{}":
        parties = {party: PieceState(state) for party, state in json.loads(row.parties).items()}
    state = PieceState(row.state)
    return Piece(
        row.n,
        row.route,
        state,
        row.provider_id,
        row.tries,
        row.written,
        row.until,
        parties,
        row.code,
        why_of(row, uncertain=state is not PieceState.FAILED and state is not PieceState.WAITING),
        (row.stripped, row.decimal),
    )


def early_row(bridge: str, early: Early) -> dict[str, object]:
    route, id, recipient, stage = early.key
    return {
        "bridge": bridge,
        "route": route,
        "provider_id": id,
        "recipient": recipient,
        "stage": stage,
        "code": storable(early.report.code, _LONGEST_CODE),
        "came": early.came,
        **why_columns(early.report.why),
    }


def early_of(row: Row[Any]) -> Early:
    report = Report(
        row.route, Stage(row.stage), row.provider_id, "", row.recipient, row.code, why=why_of(row)
    )
    return Early(report, row.came)


def tidings(record: Record) -> Tidings:
    return Tidings(record.id, record.owner, _STATES[record.state], record.why)


def tidings_of(row: Row[Any]) -> Tidings:
    state = MessageState(row.state)
    why = why_of(row, uncertain=state is MessageState.UNKNOWN)
    return Tidings(row.id, row.owner, _STATES[state], why)
