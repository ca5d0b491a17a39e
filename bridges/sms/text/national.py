"""The tables of 3GPP TS 23.038: the default alphabet (§6.2.1), its extension, and the national ones of Annex A.

Only the tables; ``gsm`` reads and writes with them. ``\\x1b`` stands at the code of ESC, ``UNDEFINED`` where there is
nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

UNDEFINED: Final = "\ufffd"
ESC: Final = 0x1B

# A code is the offset in these strings, a line is 32 codes.
_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TURKISH = (
    "@£$¥€éùıòÇ\nĞğ\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bŞşßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "İABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "çabcdefghijklmnopqrstuvwxyzäöñüà"
)
_PORTUGUESE = (
    "@£$¥êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ"
    " !\"#º%&'()*+,-./0123456789:;<=>?"
    "ÍABCDEFGHIJKLMNOPQRSTUVWXYZÃÕÚÜ§"
    "~abcdefghijklmnopqrstuvwxyzãõ`üà"
)
_URDU = (
    "\u0627\u0622\u0628\u067b\u0680\u067e\u06a6\u062a\u06c2\u067f\n\u0679\u067d\r\u067a\u067c"
    "\u062b\u062c\u0681\u0684\u0683\u0685\u0686\u0687\u062d\u062e\u062f\x1b\u068c\u0688\u0689\u068a"
    " !\u068f\u068d\u0630\u0631\u0691\u0693)(\u0699\u0632,\u0696.\u0698"
    "0123456789:;\u069a\u0633\u0634?"
    "\u0635\u0636\u0637\u0638\u0639\u0641\u0642\u06a9\u06aa\u06ab\u06af\u06b3\u06b1\u0644\u0645\u0646"
    "\u06ba\u06bb\u06bc\u0648\u06c4\u06d5\u06c1\u06be\u0621\u06cc\u06d0\u06d2\u064d\u0650\u064f\u0657"
    "\u0654abcdefghijklmnopqrstuvwxyz\u0655\u0651\u0653\u0656\u0670"
)

# The other Indic scripts have blocks of one layout in Unicode, and one layout here: ``*`` is the next letter of the
# block, ``+`` the next of six characters of the language's own.
_INDIC = (
    "**********\n**\r*************\x1b**** !******)(**,*.*0123456789:;***?"
    "********************************+abcdefghijklmnopqrstuvwxyz+++++"
)
_LETTERS: Final = (*range(0x01, 0x04), *range(0x05, 0x3A), *range(0x3C, 0x4E))


def _indic(block: int, missing: bytes, own: str) -> str:
    """The locking table of a script. ``missing`` are the letters of its block, as offsets, that it does not have."""
    letters = iter([UNDEFINED if offset in missing else chr(block + offset) for offset in _LETTERS])
    others = iter(own)
    return "".join([next({"*": letters, "+": others}.get(each, iter(each))) for each in _INDIC])


#: Locking shift tables by language (Annex A.3); 2 (Spanish) has none.
LOCKING: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: _DEFAULT,
        1: _TURKISH,
        3: _PORTUGUESE,
        4: _indic(
            0x0980,  # Bengali
            b"\x0d\x0e\x11\x12\x29\x31\x33\x34\x35\x45\x46\x49\x4a",
            "\u09ce\u09d7\u09dc\u09dd\u09f0\u09f1",
        ),
        5: _indic(
            0x0A80, b"\x0e\x12\x29\x31\x34\x46\x4a", "\u0ad0\u0ae0\u0ae1\u0ae2\u0ae3\u0af1"
        ),  # Gujarati
        6: _indic(0x0900, b"", "\u0950\u0972\u097b\u097c\u097e\u097f"),  # Hindi
        7: _indic(0x0C80, b"\x01\x0d\x11\x29\x34\x45\x49", "\u0cd5\u0cd6\u0ce0\u0ce1\u0ce2\u0ce3"),  # Kannada
        8: _indic(
            0x0D00, b"\x01\x0d\x11\x29\x3c\x45\x49", "\u0d57\u0d60\u0d61\u0d62\u0d63\u0d79"
        ),  # Malayalam
        9: _indic(
            0x0B00,  # Oriya
            b"\x0d\x0e\x11\x12\x29\x31\x34\x45\x46\x49\x4a",
            "\u0b56\u0b57\u0b60\u0b61\u0b62\u0b63",
        ),
        10: _indic(
            0x0A00,  # Punjabi
            b"\x0b\x0c\x0d\x0e\x11\x12\x29\x31\x34\x37\x3d\x43\x44\x45\x46\x49\x4a",
            "\u0a51\u0a70\u0a71\u0a72\u0a73\u0a74",
        ),
        11: _indic(
            0x0B80,  # Tamil
            b"\x01\x0b\x0c\x0d\x11\x16\x17\x18\x1b\x1d\x20\x21\x22\x25\x26\x27\x2b\x2c\x2d\x3c\x3d\x43\x44\x45\x49",
            "\u0bd0\u0bd7\u0bf0\u0bf1\u0bf2\u0bf9",
        ),
        12: _indic(0x0C00, b"\x0d\x11\x29\x34\x3c\x45\x49", "\u0c55\u0c56\u0c60\u0c61\u0c62\u0c63"),  # Telugu
        13: _URDU,
    }
)


def _shift(*runs: tuple[int, str]) -> Mapping[int, str]:
    """A single shift table from its runs: the first code, and the characters from there on."""
    table = dict(_EXTENSION)
    for first, characters in runs:
        table.update(zip(range(first, first + len(characters)), characters, strict=True))
    return MappingProxyType(table)


_EXTENSION: Final = MappingProxyType(
    {
        0x0A: "\f",
        0x14: "^",
        0x28: "{",
        0x29: "}",
        0x2F: "\\",
        0x3C: "[",
        0x3D: "~",
        0x3E: "]",
        0x40: "|",
        0x65: "€",
    }
)

# What all Indic tables begin with, and the Latin capitals.
_SIGNS = ((0x00, "@£$¥¿\"¤%&'\f*+"), (0x0E, "-/<=>¡^¡_#*"), (0x41, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
_DANDAS = (0x19, "\u0964\u0965")


def _digits(zero: int) -> tuple[tuple[int, str], ...]:
    digits = "".join(map(chr, range(zero, zero + 10)))
    return (0x1C, digits[:4]), (0x20, digits[4:])


#: Single shift tables by language (Annex A.2), 0 the extension of the default alphabet (§6.2.1.1).
SINGLE: Final[Mapping[int, Mapping[int, str]]] = MappingProxyType(
    {
        0: _EXTENSION,
        1: _shift((0x47, "Ğ"), (0x49, "İ"), (0x53, "Ş"), (0x63, "ç"), (0x67, "ğ"), (0x69, "ı"), (0x73, "ş")),
        2: _shift(
            *((0x09, "ç"), (0x41, "Á"), (0x49, "Í"), (0x4F, "Ó"), (0x55, "Ú")),
            *((0x61, "á"), (0x69, "í"), (0x6F, "ó"), (0x75, "ú")),
        ),
        3: _shift(
            *((0x05, "ê"), (0x09, "ç"), (0x0B, "Ôô"), (0x0E, "Áá"), (0x12, "ΦΓ^ΩΠΨΣΘ"), (0x1F, "Ê")),
            *((0x41, "À"), (0x49, "Í"), (0x4F, "Ó"), (0x55, "Ú"), (0x5B, "ÃÕ")),
            *((0x61, "Â"), (0x69, "í"), (0x6F, "ó"), (0x75, "ú"), (0x7B, "ãõ"), (0x7F, "â")),
        ),
        4: _shift(
            *_SIGNS,
            *((0x19, "\u09e6\u09e7"), (0x1C, "\u09e8\u09e9\u09ea\u09eb\u09ec\u09ed\u09ee\u09ef")),
            *((0x24, "\u09df\u09e0\u09e1\u09e2"), (0x2A, "\u09e3\u09f2\u09f3\u09f4\u09f5")),
            (0x30, "\u09f6\u09f7\u09f8\u09f9\u09fa"),
        ),
        5: _shift(*_SIGNS, _DANDAS, *_digits(0x0AE6)),
        6: _shift(
            *(*_SIGNS, _DANDAS, *_digits(0x0966)),
            *((0x26, "\u0951\u0952"), (0x2A, "\u0953\u0954\u0958\u0959\u095a")),
            (0x30, "\u095b\u095c\u095d\u095e\u095f\u0960\u0961\u0962\u0963\u0970\u0971"),
        ),
        7: _shift(*_SIGNS, _DANDAS, *_digits(0x0CE6), (0x26, "\u0cde\u0cf1"), (0x2A, "\u0cf2")),
        8: _shift(
            *(*_SIGNS, _DANDAS, *_digits(0x0D66)),
            *(
                (0x26, "\u0d70\u0d71"),
                (0x2A, "\u0d72\u0d73\u0d74\u0d75\u0d7a"),
                (0x30, "\u0d7b\u0d7c\u0d7d\u0d7e\u0d7f"),
            ),
        ),
        9: _shift(*_SIGNS, _DANDAS, *_digits(0x0B66), (0x26, "\u0b5c\u0b5d"), (0x2A, "\u0b5f\u0b70\u0b71")),
        10: _shift(
            *_SIGNS, _DANDAS, *_digits(0x0A66), (0x26, "\u0a59\u0a5a"), (0x2A, "\u0a5b\u0a5c\u0a5e\u0a75")
        ),
        11: _shift(
            *(*_SIGNS, _DANDAS, *_digits(0x0BE6)),
            *((0x26, "\u0bf3\u0bf4"), (0x2A, "\u0bf5\u0bf6\u0bf7\u0bf8\u0bfa")),
        ),
        12: _shift(
            *(*_SIGNS, *_digits(0x0C66)),
            *((0x26, "\u0c58\u0c59"), (0x2A, "\u0c78\u0c79\u0c7a\u0c7b\u0c7c"), (0x30, "\u0c7d\u0c7e\u0c7f")),
        ),
        13: _shift(
            *(*_SIGNS, (0x19, "\u0600\u0601"), *_digits(0x06F0)),
            *(
                (0x26, "\u060c\u060d"),
                (0x2A, "\u060e\u060f\u0610\u0611\u0612"),
                (0x30, "\u0613\u0614\u061b\u061f\u0640"),
            ),
            *((0x35, "\u0652\u0658\u066b\u066c\u0672\u0673\u06cd"), (0x3F, "\u06d4")),
        ),
    }
)
