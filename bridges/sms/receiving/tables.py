"""The tables of receiving: what was taken, what waits for its users, and whose conversations of shared
numbers are.

Texts stand in ``content`` as long as they are needed and no longer.
"""

from sqlalchemy import Column, Float, Index, Integer, Table, Text

from bridges.sms.schema import METADATA

#: Messages, and pieces of them, from the moment they are taken. ``again`` is equal for the same message of a route, and the
#: row's id where the network names none. What was seen to keeps its row as long as it may come again, and of ``content`` the
#: network's id alone.
INBOUND = Table(
    "sms_inbound",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("again", Text, nullable=False),
    Column("received", Float, nullable=False),
    Column("waits", Integer, nullable=False),  # 1 until it was seen to, then 0
    Column("content", Text, nullable=False),
    Index("sms_inbound_again", "bridge", "again", unique=True),
    Index("sms_inbound_by_waits", "bridge", "waits", "id"),
)

#: Concatenations that were put together, for pieces that come again. ``digests`` are hexadecimal, 16 digits for each piece
#: in order; zeros for one that never came.
JOINED = Table(
    "sms_joined",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("joined", Float, nullable=False),
    Column("digests", Text, nullable=False),
    Index("sms_joined_by_time", "bridge", "joined"),
)

#: What a user is still to be shown: a row for each message and user. ``owner`` is empty for what came to a number that is
#: nobody's. ``contact`` is the party in whose chat it is shown, empty for the gateway's own.
DELIVERIES = Table(
    "sms_deliveries",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("contact", Text, nullable=False),
    Column("ours", Text, nullable=False),
    Column("content", Text, nullable=False),
    Index("sms_deliveries_by_contact", "bridge", "owner", "contact", "at"),
)

#: Of pools: whose a pair of numbers is. ``at`` is when the user wrote last, or was written to.
STICKY = Table(
    "sms_sticky",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("ours", Text, primary_key=True),
    Column("theirs", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("at", Float, nullable=False),
    Index("sms_sticky_by_owner", "bridge", "owner", "theirs"),
    Index("sms_sticky_by_time", "bridge", "at"),
)

#: Of teams: who sees to a conversation.
CLAIMS = Table(
    "sms_claims",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("ours", Text, primary_key=True),
    Column("theirs", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("at", Float, nullable=False),
    Index("sms_claims_by_owner", "bridge", "owner"),
)
