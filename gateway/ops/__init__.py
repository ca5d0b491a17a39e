"""Running the gateway: how it is, what it did, and what its operator can do about it. Doors to this (the page, the control
socket, commands) are elsewhere, and all of them see one ``Desk``."""
