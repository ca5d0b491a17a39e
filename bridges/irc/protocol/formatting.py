"""IRC formatting codes (modern.ircdocs "IRC Formatting"), taken out so that plain text remains."""

import re

# Colour takes one or two digits and, only with a digit behind the comma, a background; hex colour six of them.
_CODES = re.compile(
    "[\x02\x0f\x11\x16\x1d\x1e\x1f]"
    "|\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"
    "|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
)


def strip(text: str) -> str:
    """``text`` without bold, italic, underline, strike, monospace, reverse, colour, hex colour and reset codes."""
    # Nearly all text is printable, which is told four times as fast as that it matches nothing.
    return text if text.isprintable() else _CODES.sub("", text)
