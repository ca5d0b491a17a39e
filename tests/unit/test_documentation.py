"""The README and docs/, as they stand in the sources: every link, anchor and picture leads somewhere; no site is made."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from gateway.cli import main
from gateway.xmpp.diagnosis import LinkState

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_PAGES = sorted([*_ROOT.glob("*.md"), *_DOCS.glob("*.md"), _ROOT / "benchmarks/README.md"])
_PICTURES = sorted((_DOCS / "img").iterdir())

_FENCED = re.compile(r"^ *(```|~~~).*?^ *\1[^\S\n]*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?P<target>[^)\s]+)\)")
_REFERENCE = re.compile(r"^\[[^\]]+\]: +(?P<target>\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?)(?: +#+)?$", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without code and comments."""
    text = _COMMENT.sub("", _FENCED.sub("", page.read_text(encoding="utf-8")))
    return _CODE.sub("`code`", text)


def anchors(page: Path) -> set[str]:
    """As forges make them of headings: lower case, no punctuation, hyphens for blanks, numbers for those that come again."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in _HEADING.finditer(text):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["title"]).lower()
        slug = "".join(
            "-" if each == " " else each
            for each in title
            if each in " -_" or unicodedata.category(each)[0] in "LN"
        )
        name, number = slug, 0
        while name in found:
            number += 1
            name = f"{slug}-{number}"
        found.add(name)
    return found


def targets(page: Path) -> Iterator[str]:
    text = prose(page)
    for link in _LINK.finditer(text):
        yield link["target"]
        yield from (inner["target"] for inner in _LINK.finditer(link["text"]))
    yield from (reference["target"] for reference in _REFERENCE.finditer(text))


def wrong(page: Path, target: str) -> str:
    """What is wrong with a link, in words, or nothing."""
    parts = urlsplit(target)
    if parts.scheme:
        if parts.scheme in {"xmpp", "mailto"}:
            return ""
        fine = parts.scheme == "https" and parts.hostname and "." in parts.hostname
        return "" if fine else "is no https address"
    if target.startswith("/"):
        return "is not relative"
    place = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not place.exists():
        return "is not there"
    if not place.is_relative_to(_ROOT):
        return "is outside of the sources"
    if parts.fragment and parts.fragment not in anchors(place):
        return "has no such heading"
    return ""


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    found = [f"{target} {problem}" for target in targets(page) if (problem := wrong(page, target))]
    assert found == []


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_picture_is_described(page: Path) -> None:
    bare = [
        link["target"] for link in _LINK.finditer(prose(page)) if link["picture"] and not link["text"].strip()
    ]
    assert bare == []


def test_pictures_are_small_and_all_of_them_are_shown() -> None:
    shown = {(page.parent / target).resolve() for page in _PAGES for target in targets(page)}
    assert [each.name for each in _PICTURES if each not in shown] == []
    assert [each.name for each in _PICTURES if each.stat().st_size > 120_000] == []
    assert sum(each.stat().st_size for each in _PICTURES) < 1_500_000


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(targets(_DOCS / "index.md"))
    assert [page.name for page in _DOCS.glob("*.md") if page.name not in {*listed, "index.md"}] == []


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("docs/users.md", ""),
        ("docs/users.md#big-rooms", ""),
        ("docs/users.md#bigger-rooms", "has no such heading"),
        ("docs/nowhere.md", "is not there"),
        ("../etc/passwd", "is not there"),
        ("/docs/users.md", "is not relative"),
        ("http://example.org/", "is no https address"),
        ("https://example.org/", ""),
    ],
)
def test_what_is_wrong_with_a_link_is_found(target: str, problem: str) -> None:
    assert wrong(_ROOT / "README.md", target) == problem


def test_lines_of_the_log_are_quoted_as_they_are_written() -> None:
    """Whoever searches for one has to find it."""
    said = " ".join(_FENCED.sub("", (_DOCS / "troubleshooting.md").read_text(encoding="utf-8")).split())
    runs = re.findall(r"Log: ((?:`[^`]+`(?:, | or )?)+)", said)
    lines = [line for run in runs for line in re.findall(r"`([^`]+)`", run)]
    assert len(lines) > 15
    sources = "".join(
        each.read_text(encoding="utf-8")
        for part in ("gateway", "bridges")
        for each in (_ROOT / part).rglob("*.py")
    )
    states = {f"link {state}" for state in LinkState}
    assert [line for line in lines if f'"{line}"' not in sources and line not in states] == []


def test_settings_are_named_as_they_are() -> None:
    tables: dict[str, set[str]] = {}
    known: set[str] = set()
    for line in (_ROOT / "config.example.toml").read_text(encoding="utf-8").splitlines():
        if (table := re.match(r"#?\[([a-z]+)\]$", line)) is not None:
            known = tables.setdefault(table[1], set())
        elif re.match(r"#?\[", line):
            known = set()
        elif (key := re.match(r"#?([a-z_]+) =", line)) is not None:
            known.add(key[1])
    named = re.compile(rf"`({'|'.join(tables)})\.([a-z_]+)(?: = [^`]*)?`")
    wrong_ones = {
        f"{page.name}: {table}.{key}"
        for page in _PAGES
        for table, key in named.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
        if key not in tables[table]
    }
    assert wrong_ones == set()
    assert {"xmpp", "storage", "operator"} <= set(tables)


def test_commands_are_named_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    there = set(re.findall(r"^    ([a-z][a-z-]+)(?: |$)", capsys.readouterr().out, re.MULTILINE))
    named = re.compile(r"(?:^|`|sudo |causeway )causeway ([a-z][a-z-]+)", re.MULTILINE)
    texts = {page.name: page.read_text(encoding="utf-8") for page in _PAGES}
    missing = {
        f"{name}: {each}" for name, text in texts.items() for each in named.findall(text) if each not in there
    }
    assert "doctor" in there
    assert {each for each in missing if not each.endswith(": causeway")} == set()
