"""Taking over from biboumi: what its users set and what its archive holds, read once, for whoever swaps the gateways.

``tables`` reads its database, ``settings`` puts its options into our words, ``takeover`` writes them down here, ``command``
is ``causeway import-biboumi``. Nothing of the running gateway knows this room.
"""
