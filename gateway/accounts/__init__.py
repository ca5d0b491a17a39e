"""One supervised session for every (user, bridge, network)."""
