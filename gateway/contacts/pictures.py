"""Pictures for people whose network has none: a colour of their own (XEP-0392) and their initial.

The same name and address give the same bytes, on every machine and after every start, so nothing has to be stored. A
picture is a PNG with a palette: what is costly, the pixels, is the same for all of one initial and made once; a contact of
its own costs a palette.
"""

import struct
import unicodedata
import zlib
from functools import lru_cache
from hashlib import sha1

from gateway.contacts.colour import Rgb, rgb
from gateway.contacts.strokes import SHAPES, rasterise
from gateway.model import Picture

SIZE = 96  # pixels, both ways; what clients show is 32 to 64
_LETTER_HEIGHT, _PEN = 46.0, 8.0
_LEVELS = 16  # of smoothness: four bits a pixel
_WHITE: Rgb = (255, 255, 255)


def picture_id(picture: Picture) -> str:
    """SHA-1 of the bytes in hexadecimal: what XEP-0084 §4 and XEP-0153 §4.2 name a picture by."""
    return sha1(picture.data, usedforsecurity=False).hexdigest()


@lru_cache(maxsize=4096)
def drawn(identity: str, name: str) -> Picture:
    """The picture of whoever is called ``name``. ``identity`` is what clients take the colour from: the bare JID, or the
    nick in a room."""
    return Picture(_png(_pixels(initial(name)), rgb(identity)))


def initial(name: str) -> str:
    """The first letter or digit, without accents; empty if that is not in our alphabet, and for telephone numbers."""
    if name[:1] == "+":
        return ""
    letter = next((char for char in name[:64] if char.isalnum()), "")
    plain = unicodedata.normalize("NFKD", letter)[:1].upper()
    return plain if plain in SHAPES else ""


@lru_cache(maxsize=len(SHAPES))
def _pixels(letter: str) -> bytes:
    """The compressed pixels (PNG's IDAT): two in a byte, every row after a filter byte of 0. About 3 ms, once a letter."""
    packed = bytearray()
    for row in rasterise(SHAPES[letter], SIZE, _LETTER_HEIGHT, _PEN, _LEVELS):
        packed.append(0)
        packed.extend(row[x] << 4 | row[x + 1] for x in range(0, SIZE, 2))
    return zlib.compress(bytes(packed), 9)


def _png(pixels: bytes, colour: Rgb) -> bytes:
    palette = bytearray()
    for level in range(_LEVELS):
        share = level / (_LEVELS - 1)
        palette.extend(
            round(back + (front - back) * share) for back, front in zip(colour, _WHITE, strict=True)
        )
    # PNG (RFC 2083) §4.1: four bits a pixel, colour type 3 is a palette.
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 4, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", bytes(palette)), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
