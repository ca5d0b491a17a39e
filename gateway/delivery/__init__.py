"""The delivery ledger: every one-to-one message has a row from the moment we are responsible for it."""
