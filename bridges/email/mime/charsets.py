"""Bytes to text, whatever the charset is said to be and whether or not that is true. Never raises.

Only charsets of the list are believed: Python's codecs include ``hex``, ``rot13`` and ``utf-7``, which turn harmless bytes
into markup or raise. Order: what was declared, UTF-8, a guess within the list, windows-1252 with replacements.
"""

import re
from dataclasses import dataclass

#: Label (lower case, without punctuation) to the codec. As the WHATWG Encoding Standard has it, labels of subsets mean the
#: superset that is really used.
_CODECS = {
    **dict.fromkeys(("utf8", "unicode11utf8", "unicode20utf8", "xunicode20utf8", "utf8mb4"), "utf-8"),
    **dict.fromkeys(("utf16", "ucs2", "iso10646ucs2", "unicode"), "utf-16"),
    **dict.fromkeys(("utf16le",), "utf-16-le"),
    **dict.fromkeys(("utf16be",), "utf-16-be"),
    **dict.fromkeys(("latin1", "l1", "iso88591", "cp819", "isoir100"), "cp1252"),
    **{f"iso8859{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    "latin2": "iso8859-2",
    "latin9": "iso8859-15",
    **dict.fromkeys(("iso88598i", "iso88598e"), "iso8859-8"),
    **dict.fromkeys(("iso88599", "latin5"), "cp1254"),
    **dict.fromkeys(("iso885911", "tis620", "windows874", "cp874"), "cp874"),
    **{f"{family}{n}": f"cp{n}" for n in range(1250, 1259) for family in ("windows", "cp", "xcp", "ansi")},
    **{f"{family}{n}": f"cp{n}" for n in (437, 850, 852, 855, 866) for family in ("ibm", "cp", "")},
    **dict.fromkeys(("koi8r", "koi8", "koi", "cskoi8r"), "koi8-r"),
    **dict.fromkeys(("koi8u", "koi8ru"), "koi8-u"),
    **dict.fromkeys(("macintosh", "mac", "macroman", "xmacroman"), "mac-roman"),
    **dict.fromkeys(
        ("gb2312", "gb231280", "gbk", "xgbk", "cp936", "windows936", "gb18030", "euccn", "csgb2312"),
        "gb18030",
    ),
    **dict.fromkeys(("hzgb2312", "hz"), "hz"),
    **dict.fromkeys(("big5", "cnbig5", "xxbig5", "csbig5", "cp950", "windows950"), "cp950"),
    "big5hkscs": "big5hkscs",
    **dict.fromkeys(("iso2022jp", "csiso2022jp", "iso2022jpms", "cp50220", "cp50221"), "iso2022_jp_ext"),
    **{f"iso2022jp{n}": f"iso2022_jp_{n}" for n in (1, 2, 3)},
    **dict.fromkeys(("shiftjis", "sjis", "xsjis", "mskanji", "windows31j", "cp932", "csshiftjis"), "cp932"),
    **dict.fromkeys(("eucjp", "xeucjp", "ujis", "cseucpkdfmtjapanese"), "euc-jp"),
    **dict.fromkeys(
        ("euckr", "ksc56011987", "ksc5601", "cseuckr", "cp949", "windows949", "uhc", "korean"), "cp949"
    ),
    **dict.fromkeys(("iso2022kr", "csiso2022kr"), "iso2022_kr"),
}
_NOISE = re.compile(r"[^a-z0-9.]")
_SINGLE_LATIN = "cp1252"
_ESCAPES = re.compile(rb"\x1b(?:\$[@B]|\([JI])")
_ASCII = bytes(range(128))
_NON_ASCII = bytes(range(128, 256))
_RUN = re.compile(rb"[\x80-\xff]{3,}")
_SAMPLE = 8192  # octets that a guess looks at

_COMMON_HAN = (
    "的一是不了人我在有他这這中大来來上国國个個到说說们們为為和你地出道也时時年得就那要下以"
    "生会會自着去之过過家学學对對可她里后後好吗嗎"
)
_COMMON_HANGUL = "이다는을를가에하고의은도요한니지기서로안습세해인만나어"
_KANA = "\u3041-\u3096\u30a1-\u30fc"
_HANGUL = "\uac00-\ud7a3"


@dataclass(frozen=True, slots=True)
class _Script:
    """A charset of several octets to the character: what text in it consists of, what hardly any text in it lacks, and how
    much of its octets above 127 stand beside each other."""

    codec: str
    usual: "re.Pattern[str]"
    everyday: "re.Pattern[str]"
    together: float


def _script(name: str, usual: str, everyday: str, together: float) -> _Script:
    return _Script(name, re.compile(f"[{usual}]"), re.compile(f"[{everyday}]"), together)


_SCRIPTS = (
    _script("gb18030", "\u4e00-\u9fff\u3000-\u3002\uff01-\uff1f", _COMMON_HAN, 0.8),
    _script("cp949", _HANGUL, _COMMON_HANGUL, 0.8),
    _script("euc-jp", f"{_KANA}\u3001\u3002\u4e00-\u9fff", _KANA, 0.8),
    _script("cp932", f"{_KANA}\u3001\u3002\u4e00-\u9fff", _KANA, 0.4),
    _script("cp950", "\u4e00-\u9fff\u3000-\u3002\uff01-\uff1f", _COMMON_HAN, 0.4),
)
_SMALL = re.compile("[а-яёіїєґ]")
_CAPITAL = re.compile("[А-ЯЁІЇЄҐ]")


def codec(label: str) -> str:
    """The codec of a charset's label, empty for one that is not in the list."""
    return _CODECS.get(_NOISE.sub("", label[:64].lower()), "")


def decode(data: bytes, declared: str = "") -> str:
    """``data`` as text. ``declared`` is a label as it stands in the mail, or empty."""
    name = codec(declared) if declared else ""
    if b"\x1b" in data and _ESCAPES.search(data) is not None and (text := _strict(data, "iso2022_jp_ext")):
        return text  # no other text has these, and any charset of ASCII would take them
    if name in ("", _SINGLE_LATIN, "utf-8") and data.isascii():
        return data.decode("ascii")
    if name == _SINGLE_LATIN:
        # It is declared where nobody thought about it, and never fails. Octets that are UTF-8 are no accident.
        return _strict(data, "utf-8") or data.decode(name, "replace")
    if not name:
        return _undeclared(data)
    return _strict(data, name) or _nearly(data, name) or _undeclared(data)


def _undeclared(data: bytes) -> str:
    return (
        (_strict(data, "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None)
        or _strict(data, "utf-8")
        or _nearly(data, "utf-8")
        or data.decode(_guess(data), "replace")
    )


def _strict(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, ValueError):
        return None


def _nearly(data: bytes, name: str) -> str | None:
    """For text that was cut within a character, or has a few stray octets."""
    strange = len(data) - len(data.translate(None, _NON_ASCII)) or len(data)
    text = data.decode(name, "replace")
    return text if text.count("\ufffd") <= max(strange // 20, strange >= 6) else None


def _guess(data: bytes) -> str:
    """From what stands beside what: in text of Latin letters those with accents mostly stand alone."""
    sample = data[:_SAMPLE]
    strange = sample.translate(None, _ASCII)
    if len(strange) < 4:
        return _SINGLE_LATIN
    together = sum(len(run) for run in _RUN.findall(sample)) / len(strange)
    if together > 0.6:
        for name in ("cp1251", "koi8-r"):
            if _cyrillic(strange, name):
                return name
    candidates = [script for script in _SCRIPTS if together >= script.together]
    score, best = max(
        ((_plausible(sample, script), script.codec) for script in candidates), default=(0.0, "")
    )
    return best if score > 0.6 else _SINGLE_LATIN


def _cyrillic(strange: bytes, name: str) -> bool:
    """Letters are most of it, and small ones most of the letters: the two charsets have the cases the other way round."""
    text = strange.decode(name, "replace")
    small, capital = len(_SMALL.findall(text)), len(_CAPITAL.findall(text))
    return small > capital and small + capital > 0.85 * len(text)


def _plausible(sample: bytes, script: _Script) -> float:
    foreign = "".join(character for character in sample.decode(script.codec, "ignore") if character > "\x7f")
    if not foreign:
        return 0.0
    share = len(script.usual.findall(foreign)) / len(foreign)
    everyday = len(script.everyday.findall(foreign)) / len(foreign)
    return min(share, 0.4 + 2 * everyday)
