"""``causeway doctor``: everything an installation depends on, tried live, and for what is wrong the lines that put it right.

Findings are values (``gateway.bridge.Finding``); who shows them, and where, is the business of doors: the command line, an
admin's ad-hoc command, the control socket. Nothing in here disturbs users.
"""
