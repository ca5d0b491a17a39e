"""Contacts: who there is on a foreign network besides rooms, how they look, and whether they are there."""
