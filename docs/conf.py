"""How Sphinx makes a site of the pages in this directory (``scripts/docs``). They are plain Markdown that reads well where
the sources are looked at, too; their order is that of the lists in ``index.md``."""

import re
from pathlib import Path

from sphinx.application import Sphinx

project = "Causeway"
author = "the authors of Causeway"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Causeway"
html_show_copyright = False
html_copy_source = False
templates_path: list[str] = []
exclude_patterns = ["_build"]

# Anchors as forges make them, so that the same links work there and here.
myst_heading_anchors = 4
suppress_warnings: list[str] = []
nitpicky = True

# Of these only the form is checked, unless `scripts/docs --external` asks for them.
linkcheck_ignore = [r".*\.example\.(org|com|net).*", r"^http://(127\.0\.0\.1|localhost).*"]

_OUTSIDE = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<path>\.\./[^)#]+)(#[^)]*)?\)")
_SECTION = re.compile(r"^## (?P<title>.+)\n(?P<rest>(?:(?!^## ).*\n?)*)", re.MULTILINE)
_PAGE = re.compile(r"^[*-] \[[^\]]+\]\((?P<page>[a-z0-9-]+)\.md\)", re.MULTILINE)


def _named(link: re.Match[str]) -> str:
    """What lies outside of this directory: files can be fetched from the site, other pages are only named."""
    path = Path(__file__).parent / link["path"]
    if path.is_file() and path.suffix != ".md":
        return link[0]
    name = link["path"].removeprefix("../")
    return link["text"] if name in link["text"] else f"{link['text']} (`{name}` in the sources)"


def _prepared(app: Sphinx, page: str, content: list[str]) -> None:
    content[0] = _OUTSIDE.sub(_named, content[0])
    if page != app.config.root_doc:
        return
    # The lists of index.md are the table of contents, so that nothing has to be said twice.
    for section in _SECTION.finditer(content[0]):
        pages = _PAGE.findall(section["rest"])
        content[0] += "\n".join(
            ["", "```{toctree}", ":hidden:", f":caption: {section['title']}", "", *pages, "```", ""]
        )


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _prepared)
