"""What a mail is about: as its writer says, as its thread is called, or in its own first words."""

import re

from bridges.email.composing.cleaning import one_line

LONGEST = 250  # code points of a subject that somebody gave
_WORDS = 60
_GIVEN = re.compile(r"[ \t]*subject[ \t]*:[ \t]*(.*)", re.IGNORECASE)
# "Re:" in the languages of the large mail programs, with the counts and brackets that some add.
_ANSWER = re.compile(
    r"\s*(?:re|aw|antw|antwort|sv|vs|ref|rif|res|odp|vá|ynt|atb|tr|r|回复|答复|回覆|답장|返信)"
    r"\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?\s*[:：]\s*",
    re.IGNORECASE,
)
_MOST_PREFIXES = 20


def given(text: str) -> tuple[str, str]:
    """The subject that stands in the first line (``Subject: text``), and what is left of the text without it; an empty
    subject where there is none."""
    line, _, rest = text.partition("\n")
    found = _GIVEN.fullmatch(line)
    subject = one_line(found.group(1), LONGEST) if found else ""
    return (subject, rest.lstrip("\n")) if subject else ("", text)


def answering(subject: str) -> str:
    """A thread's subject in an answer: with one ``Re:``, however many it has had. Empty for an empty one."""
    plain = base(subject)
    return f"Re: {plain}" if plain else ""


def base(subject: str) -> str:
    """Without the prefixes of answers; equal for the mails of most threads."""
    subject = one_line(subject, LONGEST)
    for _ in range(_MOST_PREFIXES):
        found = _ANSWER.match(subject)
        if found is None or not subject[found.end() :]:
            break
        subject = subject[found.end() :]
    return subject


def first_words(text: str) -> str:
    """Of the first line that is no quote: as many whole words as are 60 characters; empty if there is none."""
    lines = (one_line(line) for line in text.split("\n") if not line.startswith((">", "```")))
    line = next(filter(None, lines), "")
    if len(line) <= _WORDS:
        return line.rstrip(" ,;:-") or line
    cut = line.rfind(" ", 0, _WORDS)
    return f"{line[: cut if cut > _WORDS // 2 else _WORDS - 1].rstrip(' ,;:-')}…"
