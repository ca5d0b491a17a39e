"""Words by which people say that they want no more texts, or want them again: nothing but the word, in any case of letters.

The English ones are those of CTIA's messaging principles, which providers go by; the others are what the same providers take
in other countries. HELP is none of them: it is a question, and people answer those.
"""

import unicodedata
from collections.abc import Iterable
from enum import StrEnum

_LONGEST = 40


class Meaning(StrEnum):
    STOP = "stop"
    START = "start"


_STOP = {
    "en": "stop, stopall, stop all, unsubscribe, cancel, end, quit, revoke, optout, opt out, opt-out",
    "fr": "arret, arrêt, arreter, arrêter, desabonner, désabonner, desinscription, désinscription",
    "de": "stopp, abmelden, abbestellen",
    "es": "alto, baja, parar, cancelar",
    "pt": "pare, sair, descadastrar",
    "it": "ferma, annulla, cancellami, disiscrivi",
    "nl": "stoppen, afmelden, uitschrijven",
    "sv, nb, da": "avsluta, avregistrera, avmeld, afmeld",
    "fi": "lopeta, peruuta",
    "pl": "wypisz, rezygnuję, rezygnuje",
    "cs, sk": "odhlásit, odhlasit, odhlásiť",
    "tr": "iptal, durdur",
    "ru, uk": "стоп, отписаться, отписка, відписатися",
    "el": "διακοπη, διακοπή, στοπ",
    "he": "הסר, הסרה, עצור",
    "ar": "توقف, إلغاء, الغاء",
    "hi": "रोकें, बंद करो",
    "zh": "停止, 退订, 退訂",
    "ja": "停止, 配信停止",
    "ko": "수신거부, 중지",
}
_START = {
    "en": "start, unstop, optin, opt in, opt-in",
    "de": "anmelden",
    "es": "alta",
    "nl": "aanmelden",
    "ru, uk": "старт",
}


def plain(text: str) -> str:
    """A word as it is compared: trimmed, one space between words, no difference of case."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _all(table: dict[str, str]) -> frozenset[str]:
    return frozenset(plain(word) for words in table.values() for word in words.split(","))


STOP_WORDS, START_WORDS = _all(_STOP), _all(_START)


class Words:
    """The words of one installation: ``stop`` and ``start`` besides the usual ones, without the ``ordinary``."""

    def __init__(
        self, stop: Iterable[str] = (), start: Iterable[str] = (), ordinary: Iterable[str] = ()
    ) -> None:
        out = frozenset(map(plain, ordinary))
        self._meanings = {
            **dict.fromkeys(STOP_WORDS.union(map(plain, stop)) - out, Meaning.STOP),
            **dict.fromkeys(START_WORDS.union(map(plain, start)) - out, Meaning.START),
        }

    def meaning(self, text: str) -> Meaning | None:
        """What a whole message means; None for nearly all."""
        if len(text) > _LONGEST:
            return None
        return self._meanings.get(plain(text))
