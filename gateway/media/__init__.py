"""Files on their way between the networks: fetched with caution, looked at, published for XMPP users. Knows no stanza."""
