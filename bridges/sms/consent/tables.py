"""The table of consent: who stopped which number of ours, and who had stopped it."""

from sqlalchemy import Boolean, Column, Float, Index, Table, Text, text

from bridges.sms.schema import METADATA

#: ``ours`` is empty where a provider stops all that comes from us. ``answer`` is the reference of a text of ours that is
#: owed.
OPTOUTS = Table(
    "sms_optouts",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("theirs", Text, primary_key=True),
    Column("ours", Text, primary_key=True),
    Column("stopped", Boolean, nullable=False),
    Column("at", Float, nullable=False),
    Column("source", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Index("sms_optouts_by_number", "bridge", "ours", "at"),
    Index(
        "sms_optouts_owed", "bridge", sqlite_where=text("answer != ''"), postgresql_where=text("answer != ''")
    ),
)
