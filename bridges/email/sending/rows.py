"""Mails that are sent, as tables and as values: a row for each, and one for each of its recipients."""

from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Float, Index, Integer, Table, Text

from bridges.email.addresses import Mailbox
from bridges.email.schema import METADATA
from bridges.email.sending.outcome import Kind, Outcome

MAILS = Table(
    "email_mails",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("lane", Text, nullable=False),  # by which way it goes: empty, or whose own server
    Column("message_id", Text, nullable=False),
    Column("file", Text, nullable=False),  # empty once nobody waits for it
    Column("size", Integer, nullable=False),
    Column("smtputf8", Boolean, nullable=False),
    Column("lines", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("time", Float, nullable=False),
    Index("email_mails_by_message_id", "bridge", "message_id"),
    Index("email_mails_by_time", "bridge", "time"),
)
RECIPIENTS = Table(
    "email_recipients",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("mail", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("time", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("cuts", Integer, nullable=False, default=0),
    Column("unknowns", Integer, nullable=False, default=0),
    Column("told", Text, nullable=False),  # the last state that was told
    Column("delay", Integer, nullable=False, default=0),  # 1: to be told that it takes long; 2: told
    Column("owed", Boolean, nullable=False, default=False),  # there is something to tell
    Column("returned", Integer, nullable=False, default=0),  # what came back, and was no report
    Column("code", Integer, nullable=False, default=0),
    Column("status", Text, nullable=False, default=""),
    Column("text", Text, nullable=False, default=""),
    Column("remote_host", Text, nullable=False, default=""),
    Index("email_recipients_by_mail", "bridge", "mail", "address", unique=True),
    Index("email_recipients_by_state", "bridge", "state", "next_at"),
    Index("email_recipients_by_owed", "bridge", "owed"),
    Index("email_recipients_by_owner", "bridge", "owner", "time"),
)


@dataclass(frozen=True, slots=True)
class Job:
    """A recipient who waits for a mail. ``attempts``, ``cuts`` and ``unknowns`` count, since the beginning, answers that
    said "later", connections that ended before the mail was there, and such that ended after."""

    row: str
    owner: str
    mail: str
    recipient: Mailbox
    file: str
    size: int
    smtputf8: bool
    time: float
    attempts: int = 0
    cuts: int = 0
    unknowns: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of one recipient of a mail."""

    row: str
    owner: str
    mail: str
    recipient: Mailbox
    state: Kind
    message_id: str
    subject: str
    line_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that somebody has to be told."""

    row: str
    owner: str
    mail: str
    line_ids: tuple[str, ...]
    recipient: Mailbox
    outcome: Outcome
