"""All that a gateway keeps, in one file, and back: database, files of bridges, files with links, configuration.

A running gateway goes on meanwhile. What waits to go out in a backup is not sent by the gateway that is restored from it,
for it may have been sent since; see ``gateway.bridge.Settle``.
"""
