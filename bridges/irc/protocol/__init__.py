"""The IRC protocol without any I/O: bytes and lines in, values out. No socket, no clock, nothing of ours imported.

One concept a file: ``line`` (framing, parsing, serialising), ``decode`` (bytes and text), ``casemap`` (which names are
the same), ``isupport`` (what the server told of itself), ``caps`` and ``sasl`` (negotiation), ``modes``, ``ctcp``,
``formatting`` and ``split`` (what fits into one line).
"""
