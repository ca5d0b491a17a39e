"""The tables of the SMS bridge. Each part declares its own on ``METADATA``; what they mean is that part's to know.

Keys begin with ``bridge`` (the name in the configuration), and with ``owner`` (``Account.user``) where rows are a user's.
Times are Unix seconds, UTC.
"""

from sqlalchemy import MetaData

METADATA = MetaData()
