"""How people reach the gateway itself: every command through every door that their client has.

A command is declared once (``gateway.xmpp.steps.Command``). The doors are ad-hoc commands (``gateway.xmpp.commands``), a
chat with the gateway (``bot``), in-band registration (``register``) and prompts (``prompt``); ``xmpp:`` links lead to them.
"""
