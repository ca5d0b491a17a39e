"""Messages of several lines in one batch (IRCv3 draft/multiline), both ways. Text in, lines out, and back; no session."""

from collections.abc import Sequence

from bridges.irc.extras import MULTILINE, Multiline
from bridges.irc.protocol.line import Line
from bridges.irc.protocol.split import pieces

CONCAT = "draft/multiline-concat"
#: Batch types that hold one message.
TYPES = frozenset((MULTILINE, "multiline"))
MAX_TEXT = 65_536  # characters of a message that we hear
_BATCH_TAG = "m"  # one batch of ours is open at a time, and for no longer than it is written


def compose(
    command: str, target: str, text: str, *, limit: int, bounds: Multiline, tags: str = ""
) -> list[str]:
    """The lines of a batch that says ``text`` to ``target``; none where it is too much for the server, or does not need one.
    ``limit``: bytes of text for one line; ``tags``: ready ones for the whole message, its label among them."""
    parts: list[tuple[str, bool]] = []
    for line in text.split("\n"):
        cut = pieces(line, limit_bytes=limit) or [""]
        parts += ((piece, number > 0) for number, piece in enumerate(cut))
    # "Clients MUST NOT send messages consisting entirely of blank lines."
    if len(parts) < 2 or len(parts) > bounds.max_lines or not text.strip("\n"):
        return []
    if len(text.encode("utf-8", "replace")) > bounds.max_bytes:
        return []
    lines = [f"{'@' if tags else ''}{tags}{' ' if tags else ''}BATCH +{_BATCH_TAG} {MULTILINE} {target}"]
    for piece, continued in parts:
        concat = f";{CONCAT}" if continued else ""
        lines.append(f"@batch={_BATCH_TAG}{concat} {command} {target} :{piece}")
    lines.append(f"BATCH -{_BATCH_TAG}")
    return lines


def assemble(opening: Line, gathered: Sequence[Line]) -> Line | None:
    """The one line that a batch of these stands for, its text with line breaks; None if there is no message in it. The
    opening bears what belongs to the message: its id, time, account and client tags."""
    lines = [line for line in gathered if line.command in ("PRIVMSG", "NOTICE") and len(line.params) > 1]
    if not lines:
        return None
    first = lines[0]
    text = first.params[1]
    for line in lines[1:]:
        if line.command != first.command or line.source != first.source:
            continue
        text += line.params[1] if CONCAT in line.tags else f"\n{line.params[1]}"
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
            break
    tags = {**first.tags, **opening.tags}
    return Line(tags, first.source, first.command, [first.params[0], text])
