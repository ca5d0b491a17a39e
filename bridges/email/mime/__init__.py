"""Reading of mail: bytes in, a ``Letter`` out. Knows nothing of the network, of users, or of what was said before.

``letter`` has the values, ``reading.read`` makes them, ``reader.Reader`` does so in a process that may be killed,
``folding.fold`` takes away what the reader has seen before.
"""
