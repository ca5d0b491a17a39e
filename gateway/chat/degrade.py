"""What a network that has only lines of text is told instead of a reply, a reaction, a correction or a retraction.

Pure functions from texts to texts; which of them is needed, and for what, is decided elsewhere.
"""

import re

#: Characters of a message that are quoted of it, and of what is said of it.
_QUOTED, _EXCERPT = 80, 30
#: Words of a correction that are said alone; more are said with the whole text.
_CORRECTED_WORDS, _CORRECTED_CHARS = 3, 40
_WORDS = re.compile(r"\S+")
#: Code points that belong to the one before: a cut in front of them changes what is left.
_JOINED = re.compile("[\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")


def shortened(text: str, limit: int) -> str:
    """``text`` in one line of at most ``limit`` characters; what is left out at the end is marked by an ellipsis."""
    text = " ".join(text[: limit * 8].split())
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and (_JOINED.match(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    words = text.rfind(" ", end // 2, end + 1)
    return f"{text[: words if words > 0 else end].rstrip()}…"


def own_words(text: str) -> str:
    """A message without the lines it quotes itself; all of it if there is nothing else."""
    lines = [line for line in text.split("\n") if not line.startswith(">")]
    return "\n".join(lines) if any(line.strip() for line in lines) else text


def quote(author: str, text: str) -> str:
    """One line that tells which message is meant."""
    who = f"<{author}> " if author else ""
    return f"> {who}{shortened(own_words(text), _QUOTED)}".rstrip()


def addressed(author: str, text: str) -> str:
    """What to put before ``text`` as chat rooms have always addressed somebody; nothing if it does so already."""
    start = text.removeprefix("@")
    behind = start[len(author) : len(author) + 1]
    if start.casefold().startswith(author.casefold()) and not behind.isalnum():
        return ""
    return f"{author}: "


def reaction(author: str, text: str, emojis: tuple[str, ...]) -> str:
    """``author`` and ``text`` of the message reacted to; both may be empty where it is not known."""
    about = f" (“{shortened(own_words(text), _EXCERPT)}”)" if text.strip() else ""
    return f"{author}: {' '.join(emojis)}{about}" if author else f"{' '.join(emojis)}{about}"


def retraction(*, last: bool) -> str:
    """``last``: the message taken back is the latest that the user wrote there."""
    return "(I take back my last message.)" if last else "(I take back an earlier message.)"


def correction(before: str, after: str) -> str:
    """What to say so that readers of ``before`` know that it should be ``after``: the changed words behind an asterisk where
    they are few, else the whole text behind one; nothing if there is no change."""
    old, new = before.split(), after.split()
    if old == new:
        return ""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    removed, added = len(old) - head - tail, len(new) - head - tail
    if added and not removed:
        # Only something put in: the word behind it, or before it, tells where.
        if tail:
            tail -= 1
        else:
            head -= 1
        added += 1
    words = new[head : head + added] if head >= 0 else []
    alone = " ".join(words)
    few = (
        0 < added <= _CORRECTED_WORDS
        and removed <= _CORRECTED_WORDS
        and len(alone) <= _CORRECTED_CHARS
        and added * 2 <= len(new)
    )
    # What has line breaks or quotes in it cannot be understood from a few words.
    return f"*{alone}" if few and "\n" not in before + after else f"* {after}"
