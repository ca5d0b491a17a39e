"""Everything that is kept: one database, its tables, and one small store for each kind of thing.

Knows SQL; knows no stanza and no foreign network. ``Database`` is opened once by the composition root; the stores are
handed to whoever needs them.
"""
