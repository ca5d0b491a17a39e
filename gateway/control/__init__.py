"""The door of the command line to a gateway that runs: a Unix socket that only its user and root may use, HTTP on it, and
one ``gateway.ops.desk.Desk`` behind it. Nothing here decides anything."""
