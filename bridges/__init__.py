"""The bridges that ship with Causeway, each found through the entry-point group ``causeway.bridges``."""
