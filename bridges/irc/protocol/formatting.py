"""IRC formatting codes."""


def strip(text: str) -> str:
    """``text`` without bold, italic, underline, strike, monospace, reverse, colour, hex colour and reset codes."""
    raise NotImplementedError
