"""What people read, in their language: English sentences that carry what is needed to say them in another one.

A ``Text`` is the English sentence, so everything that takes text takes it; where it is shown, ``Languages.say`` says it in
the reader's language (``xml:lang``), or leaves it as it is. Catalogues are gettext's, in ``gateway/locale``;
``scripts/texts`` collects the sentences and compiles them. Knows nothing of stanzas, nor which text is for whom.
"""

import gettext
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Self

ENGLISH = "en"

_DOMAIN = "causeway.mo"


class Text(str):
    """A sentence and its parts: ``Text("Connected to {network}.", network=name)``. Parts that are ``Text`` are said in the
    other language too."""

    __slots__ = ("parts", "template")

    template: str
    parts: Mapping[str, object]

    def __new__(cls, template: str, /, **parts: object) -> Self:
        text = super().__new__(cls, template.format(**parts) if parts else template)
        text.template = template
        text.parts = parts
        return text


def joined(separator: str, texts: Iterable[str]) -> Text:
    """Several texts as one, each said for itself."""
    parts = {f"part{number}": text for number, text in enumerate(texts)}
    # Not a Text("...") literal, so that nobody is asked to translate it.
    template = separator.replace("{", "{{").replace("}", "}}").join(f"{{{name}}}" for name in parts)
    return Text(template, **parts)


class Languages:
    """The languages there are, by their primary subtag (RFC 5646 §2.2.1) or their whole tag. English needs no catalogue."""

    def __init__(self, catalogues: Mapping[str, gettext.NullTranslations]) -> None:
        self._catalogues = {tag.lower(): catalogue for tag, catalogue in catalogues.items()}

    @classmethod
    def installed(cls) -> Self:
        """Those shipped with Causeway. Reads files: call it before the loop runs."""
        return cls(dict(_shipped(resources.files("gateway") / "locale")))

    def best(self, wanted: str) -> str:
        """The language to answer in: the wanted one, else its nearest relative, else English."""
        tag = wanted.lower().replace("_", "-")
        while tag:
            if tag in self._catalogues:
                return tag
            tag = tag.rpartition("-")[0]  # RFC 4647 §3.4: look up by dropping subtags
        return ENGLISH

    def say(self, text: str, language: str) -> str:
        """``text`` in ``language`` (one that ``best`` returned)."""
        catalogue = self._catalogues.get(language)
        return text if catalogue is None or not text else _said(text, catalogue)


class Readers:
    """Which language users (bare JIDs) read, by what they wrote last; English until then."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages
        self._read: dict[str, str] = {}  # other languages than English

    def wrote(self, user: str, wanted: str) -> None:
        """``wanted``: the language of a stanza (``xml:lang``), or empty."""
        language = self._languages.best(wanted)
        if language != ENGLISH:
            self._read[user] = language
        elif self._read:
            self._read.pop(user, None)

    def language(self, user: str) -> str:
        return self._read.get(user, ENGLISH)

    def say(self, text: str, user: str) -> str:
        return self._languages.say(text, self.language(user))


def _said(text: str, catalogue: gettext.NullTranslations) -> str:
    if not isinstance(text, Text):
        return text
    template = catalogue.gettext(text.template)
    if not text.parts:
        return template
    return template.format(
        **{
            name: _said(part, catalogue) if isinstance(part, str) else part
            for name, part in text.parts.items()
        }
    )


def _shipped(locale: Traversable) -> Iterable[tuple[str, gettext.NullTranslations]]:
    for directory in locale.iterdir() if locale.is_dir() else ():
        file = directory / "LC_MESSAGES" / _DOMAIN
        if file.is_file():
            with file.open("rb") as opened:
                yield directory.name, gettext.GNUTranslations(opened)
