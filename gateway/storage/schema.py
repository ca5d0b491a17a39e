"""The tables as they are today. How a database gets there is the migrations' business.

``owner`` is the bare JID of a user; every key starts with (bridge, owner, network), so that users can be split over
workers. Times are Unix seconds, UTC. What grows for ever has a time column for ``Retention``.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    true,
)

metadata = MetaData()

# SQLite counts only INTEGER primary keys up by itself.
_RowId = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("nick", Text, nullable=False),
    Column("wanted", Boolean, nullable=False),
    Column("stopped", Boolean, nullable=False),  # banned or bad credentials: a restart must not try again
    Column("reason", Text, nullable=False),
    Column("created", Double, nullable=False),
)

account_settings = Table(
    "account_settings",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),  # sealed by the SecretBox if secret
    Column("secret", Boolean, nullable=False),
)

# What users set for the gateway as a whole (network and room empty) and for rooms, by ``Bridge.fold``.
preferences = Table(
    "preferences",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "network", "room_key", "name")),
    Column("value", Text, nullable=False),
    Column("secret", Boolean, nullable=False),
)

rooms = Table(
    "rooms",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("room_key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("nick", Text, nullable=False),
    Column("password", Text),  # sealed by the SecretBox
    Column("persistent", Boolean, nullable=False),
)

joined_resources = Table(
    "joined_resources",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("room_key", Text, primary_key=True),
    Column("jid", Text, primary_key=True),
    Column("room_local", Text, nullable=False),  # the spelling of the room that this client used
    Column("nick", Text, nullable=False),
)

# Archived rows name their room by one number: four texts in every row and in its index cost half as much again in
# CPU and more than double the file. The number is a hash of the four, so nothing has to be read before a row is written.
archives = Table(
    "archives",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("bridge", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("room_key", Text, nullable=False),
    Column("used", Double, nullable=False),  # refreshed at least daily while rows are written
    Column(
        "peer", Text
    ),  # of private chats: the contact as its network spells it, of which the key is the folded form
)
Index("archives_by_account", archives.c.bridge, archives.c.owner, archives.c.network)
Index("archives_by_use", archives.c.used)

archive = Table(
    "archive",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("archive_id", BigInteger, nullable=False),
    Column("stanza_id", Text, nullable=False),
    Column("foreign_id", Text),
    Column("sender", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("sent_at", Double, nullable=False),
    Column("extra", Text),  # ready XML of what it is besides its text; see ``gateway.storage.archive``
    sqlite_autoincrement=True,  # ids are never used twice, also after retention has emptied the table
)
Index(
    "archive_by_room", archive.c.archive_id, archive.c.sent_at
)  # everything that goes by time, retention too
_has_foreign_id = archive.c.foreign_id.is_not(None)
Index(
    "archive_by_foreign_id",
    archive.c.foreign_id,
    sqlite_where=_has_foreign_id,
    postgresql_where=_has_foreign_id,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("contact_local", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("pending", Text, nullable=False),
    CheckConstraint("state IN ('none', 'from', 'to', 'both')", name="subscriptions_state"),
)

# Who has registered with a bridge that asks for it. What was registered is in ``account_settings``.
registrations = Table(
    "registrations",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("stays", Boolean, nullable=False),  # stays logged in while none of the user's clients is online
    Column("created", Double, nullable=False),
    CheckConstraint("state IN ('active', 'pending')", name="registrations_state"),
)

# What admins decided at run time, on top of the configuration. ``subject`` is a bare JID or a domain.
access_rules = Table(
    "access_rules",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("allow", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created", Double, nullable=False),
)

limits = Table(
    "limits",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# What networks tell of users' contacts. ``name`` is the one in the contact's address.
contacts = Table(
    "contacts",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("picture", Text, nullable=False),  # an id of ``pictures``, empty for none
    Column("about", Text, nullable=False),
    Column("listed", Boolean, nullable=False),
)

# ``id`` is the SHA-1 of the bytes, in hexadecimal. Those that no contact has any more go at the next start.
pictures = Table(
    "pictures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# The delivery ledger. ``active`` rows are those for which something is still to be done; the others are kept for a while
# to recognise what comes again, and late news. A body is kept as long as it may have to be sent.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("bridge", "owner", "network")),
    Column("inbound", Boolean, nullable=False),  # from the network to the user
    Column("room", Boolean, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("peer", "kind", "body", "extra", "parts")),
    Column("said_at", Double, nullable=False),
    # Of the user's stanza: its type, id and full sender. ``jid`` is the address of ours in it, or in the one we send.
    *(Column(name, Text, nullable=False) for name in ("stanza_type", "stanza_id", "origin", "jid")),
    Column("foreign_id", Text, nullable=False),
    Column("unreported", Text, nullable=False),
    Column("receipt", Boolean, nullable=False),
    Column("markable", Boolean, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("state", "condition", "error_type", "reason")),
    Column("attempts", Integer, nullable=False),
    Column("handed", Boolean, nullable=False),  # to the other side, whose last word on it is not known
    Column("active", Boolean, nullable=False),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
    CheckConstraint(
        "state IN ('queued', 'accepted', 'delivered', 'read', 'failed', 'unknown')", name="deliveries_state"
    ),
)
_active = deliveries.c.active == true()
Index(
    "deliveries_active",
    deliveries.c.bridge,
    deliveries.c.created,
    sqlite_where=_active,
    postgresql_where=_active,
)
Index("deliveries_by_owner", deliveries.c.bridge, deliveries.c.owner)
Index("deliveries_by_time", deliveries.c.created)

# Which delivery a foreign id belongs to. ``key`` is a hash of the account, the direction and the id.
delivery_keys = Table(
    "delivery_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("delivery_id", Text, nullable=False),
    Column("created", Double, nullable=False),
)
Index("delivery_keys_by_time", delivery_keys.c.created)

# Until when (Unix seconds) everything written to the XMPP server has certainly been dealt with by it.
delivery_marks = Table(
    "delivery_marks",
    metadata,
    Column("bridge", Text, primary_key=True),
    Column("confirmed", Double, nullable=False),
)

# ``key`` is a hash of the token in the link, and the file's name on disk: who reads the database learns no link.
stored_files = Table(
    "stored_files",
    metadata,
    Column("key", Text, primary_key=True),
    Column("bridge", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
)
Index("stored_files_by_owner", stored_files.c.owner, stored_files.c.created)
Index("stored_files_by_expiry", stored_files.c.expires)

# What bridges remember: of a user, or (without an owner) for all of theirs. ``value`` is sealed by the SecretBox if secret.
bridge_memory = Table(
    "bridge_memory",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "network", "name")),
    Column("value", Text, nullable=False),
    Column("secret", Boolean, nullable=False),
)

# How far the tables are that bridges have of their own; see ``gateway.bridge.Schema``.
bridge_schema_version = Table(
    "bridge_schema_version",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("applied", Double, nullable=False),
)
