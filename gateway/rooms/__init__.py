"""Rooms: XEP-0045 on the model. Knows nothing of any foreign protocol; stanzas go out as templates."""
