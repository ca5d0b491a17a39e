"""The tables of what is sent: messages, the pieces that they are given to the network in, reports that came before the
answer, and what was learnt of the ids of each route.

Texts stay until nothing is left to be written; rows stay for reports that come days later.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text, text

from bridges.sms.schema import METADATA

MESSAGES = Table(
    "sms_messages",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column(
        "id", Text, primary_key=True
    ),  # ours, made of the reference of the request: the same twice is one message
    Column("owner", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipients", Text, nullable=False),  # JSON
    Column("text", Text, nullable=False),  # empty once nothing is left to be written
    Column("media", Text, nullable=False),  # JSON; likewise
    Column("concatenation", Integer, nullable=False),
    Column("validity", Float, nullable=False),
    Column("seq", BigInteger, nullable=False),  # the order of writing
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("route", Text, nullable=False),  # the last one that was asked
    Column("pinned", Boolean, nullable=False),  # that route may have some of it: no other one will be asked
    Column("total", Integer, nullable=False),  # pieces, 0 while no route was asked
    Column("counts", Text, nullable=False),  # the least state of pieces that counts as delivered
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("refused", Text, nullable=False),  # JSON: routes that will never take it
    Column("news", BigInteger, nullable=False),  # the order of telling
    Column("owed", Boolean, nullable=False),  # the state is to be told
    Column("changed", Float, nullable=False),
    Column("condition", Text, nullable=False),  # why, of states that are told
    Column("error_type", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("sms_messages_by_state", "bridge", "state", "seq"),
    Index(
        "sms_messages_by_owed",
        "bridge",
        "news",
        sqlite_where=text("owed = 1"),
        postgresql_where=text("owed"),
    ),
    Index("sms_messages_by_owner", "bridge", "owner"),
    Index("sms_messages_by_time", "bridge", "changed"),
)
PIECES = Table(
    "sms_pieces",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("message", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("doubtful", Boolean, nullable=False),  # it is being written, or nobody knows whether it was taken
    Column("provider_id", Text, nullable=False),  # as it came
    Column("stripped", Text, nullable=False),  # in lower case, without zeros in front
    Column("decimal", Text, nullable=False),  # read as hexadecimal, in decimal; empty where it cannot be
    Column("tries", Integer, nullable=False),
    Column("written", Float, nullable=False),
    Column("until", Float, nullable=False),  # how long a report is waited for, of unknown ones
    Column("parties", Text, nullable=False),  # JSON: of a group, how far it came to each
    Column("code", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("error_type", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("sms_pieces_by_stripped", "bridge", "route", "stripped"),
    Index("sms_pieces_by_decimal", "bridge", "route", "decimal"),
    Index(
        "sms_pieces_by_doubt",
        "bridge",
        "until",
        sqlite_where=text("doubtful = 1"),
        postgresql_where=text("doubtful"),
    ),
    Index("sms_pieces_by_owner", "bridge", "owner"),
)
EARLY = Table(
    "sms_early_reports",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("error_type", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("came", Float, nullable=False),
    Index("sms_early_reports_by_time", "bridge", "came"),
)
RULES = Table(
    "sms_id_rules",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("weight", Integer, nullable=False),
)
