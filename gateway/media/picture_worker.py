"""Looks at one picture, in a process of its own that may die of it: ``python -I picture_worker.py FILE PIXELS SIDE OCTETS``.

Prints one line of JSON: ``{"width", "height"}`` as the picture is shown, ``"large": true`` where it has more than PIXELS and
was not decoded. The bytes of a JPEG preview of at most SIDE pixels and OCTETS bytes follow, if one could be made.
Imports nothing of ours, so that it starts fast; ``gateway.media.pictures`` runs it.
"""

import io
import json
import resource
import sys

from PIL import Image, ImageOps

_MEMORY = 768 * 1024 * 1024  # bytes of address space
_SECONDS = 10  # of computing
_QUALITIES = (70, 50, 30, 15)
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
_ORIENTATION = 0x0112  # Exif: 5 to 8 stand on their side


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def look(path: str, pixels: int, side: int, octets: int) -> tuple[dict[str, object], bytes]:
    """What to print. Raises whatever the library raises for a broken picture."""
    Image.MAX_IMAGE_PIXELS = None  # we count ourselves, and tell rather than raise
    with Image.open(path, formats=_FORMATS) as picture:
        width, height = picture.size
        if width * height > pixels:
            return {"width": width, "height": height, "large": True}, b""
        # PNG is asked nothing here: its Exif may stand at the very end, behind all that has to be decoded for it.
        if picture.format != "PNG" and picture.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
        return {"width": width, "height": height}, _preview(picture, side, octets)


def _preview(picture: Image.Image, side: int, octets: int) -> bytes:
    """Empty for a picture that is cut short or broken inside: its size is known all the same."""
    try:
        # Decodes JPEG at a fraction of its size where that is enough.
        picture.draft("RGB", (side, side))
        picture.thumbnail((side, side))
        small = ImageOps.exif_transpose(picture).convert("RGBA")
        ground = Image.new("RGBA", small.size, "white")
        ground.alpha_composite(small)
        return _encoded(ground.convert("RGB"), octets)
    except (OSError, ValueError, SyntaxError, MemoryError):
        return b""


def _encoded(picture: Image.Image, octets: int) -> bytes:
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= octets:
            return buffer.getvalue()
    return b""


def main() -> None:
    _confine()
    path, *numbers = sys.argv[1:]
    found, preview = look(path, *(int(number) for number in numbers))
    sys.stdout.buffer.write(json.dumps(found).encode() + b"\n" + preview)


if __name__ == "__main__":
    main()
