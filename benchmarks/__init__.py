"""Causeway beside Debian's biboumi: the same work for both, measured from outside, on the same cores, in turns."""
