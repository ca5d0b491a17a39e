"""Programs that run in the environment of the peers (``scripts/smscs``), not in ours: nothing of ours can be imported."""
