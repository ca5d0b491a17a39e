"""The people of the rig, under one name."""

from gateway.playground.expect import Inbox, Unmet
from gateway.playground.irc_client import IrcClient, Line, LinePattern, line
from gateway.playground.match import (
    Pattern,
    child_text,
    error_condition,
    error_text,
    iq,
    message,
    presence,
    show,
    status_codes,
)
from gateway.playground.xmpp_client import LoginFailed, XmppClient, item

__all__ = [
    "Inbox",
    "IrcClient",
    "Line",
    "LinePattern",
    "LoginFailed",
    "Pattern",
    "Unmet",
    "XmppClient",
    "child_text",
    "error_condition",
    "error_text",
    "iq",
    "item",
    "line",
    "message",
    "presence",
    "show",
    "status_codes",
]
