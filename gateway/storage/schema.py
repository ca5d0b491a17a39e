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
    sqlite_autoincrement=True,  # ids are never used twice, also after retention has emptied the table
)
Index("archive_by_room", archive.c.archive_id, archive.c.sent_at)  # the last N of a room, and since a time
Index("archive_by_time", archive.c.sent_at)  # retention
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
