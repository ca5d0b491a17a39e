"""SMPP 3.4 as a client (an ESME): octets and their meaning, the session, its connection, the route.

``pdu``, ``bodies``, ``packing``, ``unpacking``, ``tlv``, ``commands`` and ``status`` are the wire; ``coding``, ``receipts``,
``reading`` and ``writing`` say what it means. None of them does input or output.
"""
