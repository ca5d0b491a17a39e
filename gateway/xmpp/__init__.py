"""Everything that knows a stanza."""
