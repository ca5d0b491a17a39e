"""Address fields (RFC 5322 §3.4), read so that nobody can be taken for somebody else. Linear; raises nothing.

Words are decoded after the field was taken apart, never before: an encoded word may hold anything. What is not as the
grammar says is read as well as can be, and called a defect: an address with a defect may be shown, never trusted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from bridges.email.mime import clean, fields
from bridges.email.mime.letter import Person

_SPECIAL = re.compile(r'["(<>,:;)\\]')
_IN_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_IN_QUOTES = re.compile(r'\\.|"', re.DOTALL)
_ATOM = r"[^\s\x00-\x1f\x7f()<>\[\]:;@\\,\"]"
_ADDRESS = re.compile(
    rf'(?:{_ATOM}{{1,64}}|"(?:[^"\\\r\n]|\\.){{0,62}}")@(?:{_ATOM}{{1,255}}|\[[0-9A-Fa-f:.IPv]{{2,60}}\])'
)
_LONGEST = 320
_MOST = 2_000
_SHORT = 400  # code points of a field that is remembered


@dataclass(slots=True)
class _Entry:
    """One mailbox on its way: words before the address, the address in angle brackets, comments."""

    words: list[str] = field(default_factory=list)
    quoted: bool = False
    bare: list[str] = field(
        default_factory=list
    )  # the same as words, with quotes: the address where no brackets come
    route: str | None = None
    comments: list[str] = field(default_factory=list)
    defect: bool = False

    @property
    def empty(self) -> bool:
        return self.route is None and not "".join(self.bare).strip()


def read(text: str) -> tuple[tuple[Person, ...], bool]:
    """The mailboxes of an unfolded field, groups opened, and whether there was any defect."""
    # Authors are read at the door, and again with the rest of the mail.
    return _remembered(text) if len(text) <= _SHORT else _read(text)


def _read(text: str) -> tuple[tuple[Person, ...], bool]:
    people: list[Person] = []
    defect = False
    for entry in _entries(text):
        if entry.empty:
            defect |= entry.defect
            continue
        person, flawed = _person(entry)
        defect |= flawed
        if person.address or person.name:
            people.append(person)
        if len(people) >= _MOST:
            return tuple(people), True
    return tuple(people), defect


_remembered = lru_cache(maxsize=512)(_read)


def _entries(text: str) -> Iterator[_Entry]:
    entry = _Entry()
    at = 0
    grouped = False
    while at < len(text):
        match = _SPECIAL.search(text, at)
        end = match.start() if match else len(text)
        if end > at:
            entry.words.append(text[at:end])
            entry.bare.append(text[at:end])
            entry.defect |= entry.route is not None and bool(text[at:end].strip())
        if match is None:
            break
        at = match.end()
        kind = match[0]
        if kind == ",":
            yield entry
            entry = _Entry()
        elif kind == ";":
            entry.defect |= not grouped
            grouped = False
            yield entry
            entry = _Entry()
        elif kind == ":":
            entry, grouped = _Entry(defect=grouped or entry.route is not None), True
        elif kind == '"':
            at = _quoted(text, at, entry)
        elif kind == "(":
            at = _comment(text, at, entry)
        elif kind == "<":
            at = _angle(text, at, entry)
        else:
            entry.defect = True
    yield entry


def _quoted(text: str, at: int, entry: _Entry) -> int:
    for match in _IN_QUOTES.finditer(text, at):
        if match[0] == '"':
            entry.words.append(re.sub(r"\\(.)", r"\1", text[at : match.start()]))
            entry.bare.append(text[at - 1 : match.end()])
            entry.quoted = True
            entry.defect |= entry.route is not None
            return match.end()
    entry.defect = True  # never closed: the rest is a name
    entry.words.append(text[at:])
    return len(text)


def _comment(text: str, at: int, entry: _Entry) -> int:
    depth = 1
    for match in _IN_COMMENT.finditer(text, at):
        if match[0] in "()":
            depth += 1 if match[0] == "(" else -1
        if depth == 0:
            entry.comments.append(text[at : match.start()])
            return match.end()
    entry.defect = True
    return len(text)


def _angle(text: str, at: int, entry: _Entry) -> int:
    """Up to the bracket that is not within quotes."""
    entry.defect |= entry.route is not None
    for match in re.compile(r'"(?:[^"\\]|\\.){0,64}"|[<>]').finditer(text, at):
        if match[0] == ">":
            entry.route = text[at : match.start()]
            return match.end()
        if match[0] == "<":
            break
    end = text.find(",", at)
    end = len(text) if end < 0 else end
    entry.defect = True
    entry.route = text[at:end].strip("<> \t")
    return end


def _person(entry: _Entry) -> tuple[Person, bool]:
    words = "".join(entry.words) if entry.route is not None else ""
    raw = entry.route if entry.route is not None else "".join(entry.bare)
    address, flawed = _address(raw)
    name = _name(words or " ".join(entry.comments))
    if not address and entry.route is None and not name:
        name = _name(raw)
    # "alice@good <bob@evil>": an atom holds no @, so this is no name. Some clients repeat the address itself, though.
    pretends = "@" in words and not entry.quoted and name.casefold() != address.casefold()
    return Person(name, address), entry.defect or flawed or pretends


def _name(raw: str) -> str:
    name = clean.line(fields.words(raw), 200)
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name


def _address(raw: str) -> tuple[str, bool]:
    """The address in it and whether that is one."""
    text = raw.strip()
    if len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None and clean.line(text) == text:
        return text, False
    kept = clean.line(text, _LONGEST)
    if kept.startswith("@") and ":" in kept:  # a source route (RFC 5321, appendix C)
        kept = kept.rpartition(":")[2]
    kept = "".join(kept.split()) if '"' not in kept else kept
    return (kept, True) if _ADDRESS.fullmatch(kept) is not None else ("", True)


def all_of(values: list[str]) -> tuple[Person, ...]:
    """Of every field of that name: some clients write a field for each recipient."""
    found: list[Person] = []
    for value in values:
        found.extend(read(value)[0])
        if len(found) >= _MOST:
            break
    return tuple(found[:_MOST])
