"""Findings as people read them: on a terminal, in a chat, and as lines of JSON for programs.

Each line of JSON has ``verdict`` ("ok", "note", "?", "FAIL"), ``subject``, ``text``, ``fix`` and ``where``, all texts; the
last line has ``summary``, an object with the number of each verdict and ``well``. New keys may come; none goes.
"""

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gateway.bridge import Finding, Verdict
from gateway.texts import Text, joined

_WIDTH = 100
_INDENT = "      "
_MACHINE = "This installation"
_HEADINGS = {
    Verdict.FAIL: Text("To put right"),
    Verdict.NOTE: Text("To know"),
    Verdict.UNKNOWN: Text("Left open"),
}
_WELL = Text("Well")
_TITLES = {Verdict.OK: "ok", Verdict.NOTE: "note", Verdict.UNKNOWN: "?", Verdict.FAIL: "FAIL"}


class Report:
    """Takes findings one by one. ``bridges`` are the names that subjects may begin with."""

    def __init__(self, bridges: Iterable[str] = ()) -> None:
        self._bridges = tuple(bridges)
        self._counts: Counter[Verdict] = Counter()
        self._group = ""
        self._pasted: set[tuple[str, str]] = set()

    @property
    def well(self) -> bool:
        return not self._counts[Verdict.FAIL]

    def lines(self, finding: Finding) -> Iterator[str]:
        """For a terminal. A new group of subjects has a heading."""
        self._counts[finding.verdict] += 1
        group, subject = self._split(finding.subject)
        if group != self._group:
            if self._group:
                yield ""
            self._group = group
            yield group
        head = f"{_TITLES[finding.verdict]:5} "
        stands = not subject or finding.text.startswith(f"{subject} ")
        text = finding.text if stands else f"{subject}: {finding.text}"
        yield from textwrap.wrap(
            text, _WIDTH, initial_indent=head, subsequent_indent=_INDENT, break_on_hyphens=False
        )
        if (finding.fix, finding.where) in self._pasted:
            yield f"{_INDENT}(The lines are those above.)"
        elif finding.fix:
            self._pasted.add((finding.fix, finding.where))
            yield ""
            where = f"Paste into {finding.where}:" if finding.where else "Paste:"
            yield from textwrap.wrap(
                where, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False
            )
            yield ""
            yield from (f"{_INDENT}    {line}".rstrip() for line in finding.fix.rstrip("\n").split("\n"))
            yield ""

    def _split(self, subject: str) -> tuple[str, str]:
        first, _, rest = subject.partition(" ")
        return (first, rest) if first in self._bridges else (_MACHINE, subject)

    def count(self, finding: Finding) -> None:
        """Of a finding that is shown otherwise."""
        self._counts[finding.verdict] += 1

    def summary(self) -> str:
        """One sentence for the end."""
        failed, notes, unknown = (
            self._counts[each] for each in (Verdict.FAIL, Verdict.NOTE, Verdict.UNKNOWN)
        )
        tried = self._counts.total() - unknown
        rest = (
            f"{_several(notes, 'note')} to read" if notes else "",
            f"{unknown} left open (marked ?)" if unknown else "",
        )
        tail = "".join(f", {each}" for each in rest if each)
        if failed:
            return f"{_several(failed, 'thing')} of {tried} to put right{tail}."
        if not tried:
            return f"Nothing was tried{tail}."
        return f"Nothing is wrong with what was tried: {_several(tried, 'thing')}{tail}."

    def summary_json(self) -> str:
        counts = {str(verdict): self._counts[verdict] for verdict in Verdict}
        return json.dumps({"summary": {**counts, "well": self.well}})


def as_json(finding: Finding) -> str:
    return json.dumps(
        {
            "verdict": str(finding.verdict),
            "subject": finding.subject,
            "text": finding.text,
            "fix": finding.fix,
            "where": finding.where,
        },
        ensure_ascii=False,
    )


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}" if count else ""


def as_chat(findings: Sequence[Finding]) -> tuple[Text, Text]:
    """The summary, and the rest for a chat: what is wrong first and in full, what is well only named. Headings and blocks to
    paste are as XEP-0393 §5 has them, which reads well in clients too that know nothing of it, and where blank lines are not
    shown. What is the same of several bridges is told once."""
    parts: list[Text] = []
    pasted: set[tuple[str, str]] = set()
    for verdict, heading in _HEADINGS.items():
        same: dict[tuple[str, str, str], list[str]] = {}
        for finding in findings:
            if finding.verdict is verdict:
                same.setdefault((finding.text, finding.fix, finding.where), []).append(finding.subject)
        entries = [_entry(", ".join(dict.fromkeys(subjects)), *key, pasted) for key, subjects in same.items()]
        if entries:
            parts.append(joined("\n", [_titled(heading), *entries]))
    well = dict.fromkeys(finding.subject for finding in findings if finding.verdict is Verdict.OK)
    if well:
        parts.append(joined("\n", [_titled(_WELL), ", ".join(well)]))
    return _in_short(findings), joined("\n\n", parts)


def _in_short(findings: Sequence[Finding]) -> Text:
    counts = Counter(finding.verdict for finding in findings)
    tried = counts.total() - counts[Verdict.UNKNOWN]
    if not tried:
        return Text("Nothing was tried.")
    failed, notes, unknown = (counts[each] for each in (Verdict.FAIL, Verdict.NOTE, Verdict.UNKNOWN))
    said = [
        Text("{failed} of {tried} to put right", failed=failed, tried=tried)
        if failed
        else Text("Nothing is wrong with what was tried ({tried})", tried=tried)
    ]
    if notes:
        said.append(Text("{notes} to know", notes=notes))
    if unknown:
        said.append(Text("{unknown} left open", unknown=unknown))
    return joined("", [joined(", ", said), "."])


def _titled(heading: Text) -> Text:
    return joined("", ["*", heading, "*"])


def _entry(subjects: str, text: str, fix: str, where: str, pasted: set[tuple[str, str]]) -> Text:
    said = joined("", [f"• {subjects}: ", text])
    if not fix:
        return said
    if (fix, where) in pasted:
        return joined("\n", [said, Text("(The lines are those above.)")])
    pasted.add((fix, where))
    fence = "```"
    lines = fix.rstrip("\n")
    return joined("\n", [said, Text("Paste into {where}:", where=where), fence, lines, fence])
