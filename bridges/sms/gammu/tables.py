"""The tables of gammu-smsd's SQL service that we read and write (its schema, version 17), as far as we need them.
They are smsd's own: nothing here is ever made or migrated by us.

Truths are words in SQLite (``true``, ``yes``), and booleans in PostgreSQL.
"""

from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Dialect, Integer, MetaData, String, Table, TypeDecorator
from sqlalchemy.types import TypeEngine

#: The version that has the columns below: that of Gammu 1.38.5 (2017) and later.
OLDEST = 17

_SMSD = MetaData()


class Truth(TypeDecorator[bool]):
    """A boolean, as each database has it."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = Boolean() if dialect.name == "postgresql" else String()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> bool | str | None:
        return value if dialect.name == "postgresql" or value is None else str(value).lower()

    def process_result_value(self, value: bool | str | None, dialect: Dialect) -> bool | None:
        return value if value is None or isinstance(value, bool) else value in ("true", "yes")


GAMMU = Table("gammu", _SMSD, Column("Version", Integer, primary_key=True))

INBOX = Table(
    "inbox",
    _SMSD,
    Column("ID", Integer, primary_key=True),
    Column("ReceivingDateTime", String),
    Column("Text", String),
    Column("SenderNumber", String),
    Column("Coding", String),
    Column("UDH", String),
    Column("Class", Integer),
    Column("TextDecoded", String),
    Column("RecipientID", String),
    Column("Processed", Truth),
)

OUTBOX = Table(
    "outbox",
    _SMSD,
    Column("ID", Integer, primary_key=True),
    Column("SendingDateTime", DateTime),
    Column("SendingTimeOut", DateTime),
    Column("Text", String),
    Column("DestinationNumber", String),
    Column("Coding", String),
    Column("UDH", String),
    Column("TextDecoded", String),
    Column("MultiPart", Truth),
    Column("RelativeValidity", Integer),
    Column("SenderID", String),
    Column("DeliveryReport", String),
    Column("CreatorID", String),
    Column("Retries", Integer),
)

MULTIPART = Table(
    "outbox_multipart",
    _SMSD,
    Column("ID", Integer, primary_key=True, autoincrement=False),
    Column("SequencePosition", Integer, primary_key=True, autoincrement=False),
    Column("Text", String),
    Column("Coding", String),
    Column("UDH", String),
    Column("TextDecoded", String),
)

SENT = Table(
    "sentitems",
    _SMSD,
    Column("ID", Integer, primary_key=True),
    Column("SequencePosition", Integer, primary_key=True),
    Column("UDH", String),
    Column("Status", String),
    Column("StatusError", Integer),
    Column("StatusCode", Integer),
    Column("DestinationNumber", String),
    Column("CreatorID", String),
)

PHONES = Table(
    "phones",
    _SMSD,
    Column("IMEI", String, primary_key=True),
    Column("ID", String),
    Column("UpdatedInDB", DateTime),
    Column("Send", Truth),
    Column("Receive", Truth),
    Column("NetName", String),
    Column("Signal", Integer),
)
