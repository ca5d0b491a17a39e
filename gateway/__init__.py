"""The core of Causeway: it knows XMPP, storage and accounts, and no foreign network."""
