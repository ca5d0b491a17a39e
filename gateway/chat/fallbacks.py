"""Parts of a body that only say in words what a payload says already (XEP-0428): which they are, and what they quote."""

from gateway.chat.payloads import CORRECT, REPLY, Payloads
from gateway.chat.ranges import Range, cut
from gateway.xmpp.stanza import parse_jid


def fallbacks(body: str, found: Payloads) -> list[Range]:
    """What of ``body`` only says in words what a payload that we understand says already. Never all of it, and never what
    the user typed: some clients count UTF-16 units where they should count code points, so that their ranges reach into
    the text behind a quote."""
    understood = {REPLY: found.reply, CORRECT: found.replaces}
    ranges: list[Range] = []
    for each in found.fallbacks:
        if each.start is None or not understood.get(each.of):
            continue
        end = min(each.end, len(body))
        if each.start < end:
            ranges.append((each.start, _end_of_quote(body, each.start, end) if each.of == REPLY else end))
    rest, _ = cut(body, ranges)
    return ranges if rest.strip() else []


def _end_of_quote(body: str, start: int, end: int) -> int:
    """Where the quoted lines in a range end; the end of the range where it does not begin with one."""
    if not body.startswith(">", start):
        return end
    at = start
    while at < end:
        line_end = body.find("\n", at)
        next_line = len(body) if line_end == -1 else line_end + 1
        if not body.startswith(">", at) and body[at:next_line].strip():
            break
        at = next_line
    return at if at <= end or body[end:at] == "\n" else end


def quoted(body: str, found: Payloads) -> tuple[str, str]:
    """Author and text of the message answered, as the client quotes it; empty where it does not. For messages that nobody
    here remembers: what the client shows in its place is better than nothing."""
    ranges = fallbacks(body, found)
    if not ranges:
        return "", ""
    start, end = ranges[0]
    lines = [line.lstrip("> ").rstrip() for line in body[start:end].split("\n") if line.startswith(">")]
    author = parse_jid(found.reply_to).resource
    if len(lines) > 1 and lines[0].endswith(":"):
        # "Anna wrote:" and the like
        author = author or lines[0].rstrip(":").removesuffix(" wrote")
        del lines[0]
    # "> Anna: We should bake a cake"
    return author, "\n".join(lines).strip().removeprefix(f"{author}: ")
