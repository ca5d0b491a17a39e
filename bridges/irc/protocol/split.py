"""What fits into one line: bodies parted by the bytes that are really available."""


def pieces(text: str, *, limit_bytes: int) -> list[str]:
    """``text`` in pieces of at most ``limit_bytes`` bytes of UTF-8, none empty, none holding a line break."""
    raise NotImplementedError


def room_for(own_mask: str | None, target: str, linelen: int = 512, command: str = "PRIVMSG") -> int:
    """Bytes of text that arrive whole when the server relays our message (``nick!user@host``; None: not known yet)."""
    raise NotImplementedError
