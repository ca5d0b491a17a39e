"""Consistent colours (XEP-0392): the same text has the same colour in every program that follows it."""

import math
from hashlib import sha1

Rgb = tuple[int, int, int]

SATURATION = 100.0
LIGHTNESS = 50.0

# HSLuv, revision 4: linear sRGB from CIE XYZ, and the constants of CIE LUV for the white point D65.
_TO_RGB = (
    (3.240969941904521, -1.537383177570093, -0.498610760293),
    (-0.96924363628087, 1.87596750150772, 0.041555057407175),
    (0.055630079696993, -0.20397695888897, 1.056971514242878),
)
_WHITE_U, _WHITE_V = 0.19783000664283, 0.46831999493879
_KAPPA, _EPSILON = 903.2962962, 0.0088564516


def hue(text: str) -> float:
    """Degrees (XEP-0392 §5.1)."""
    digest = sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:2], "little") / 65536 * 360


def rgb(text: str, saturation: float = SATURATION, lightness: float = LIGHTNESS) -> Rgb:
    """The colour of ``text``, 0 to 255 each (XEP-0392 §5.2)."""
    red, green, blue = hsluv(hue(text), saturation, lightness)
    return round(red * 255), round(green * 255), round(blue * 255)


def hsluv(degrees: float, saturation: float, lightness: float) -> tuple[float, float, float]:
    """HSLuv (degrees, percent, percent; lightness neither 0 nor 100) as sRGB, 0 to 1 each."""
    angle = math.radians(degrees)
    chroma = saturation / 100 * _most_chroma(lightness, angle)
    u = math.cos(angle) * chroma / (13 * lightness) + _WHITE_U
    v = math.sin(angle) * chroma / (13 * lightness) + _WHITE_V
    y = ((lightness + 16) / 116) ** 3 if lightness > 8 else lightness / _KAPPA
    x = y * 9 * u / (4 * v)
    z = y * (12 - 3 * u - 20 * v) / (4 * v)
    red, green, blue = (_gamma(a * x + b * y + c * z) for a, b, c in _TO_RGB)
    return red, green, blue


def _most_chroma(lightness: float, angle: float) -> float:
    """The chroma at which a ray of this hue leaves what sRGB can show: the nearest of the six edges of its gamut."""
    cubed = (lightness + 16) ** 3 / 1560896
    scaled = cubed if cubed > _EPSILON else lightness / _KAPPA
    nearest = math.inf
    for a, b, c in _TO_RGB:
        for edge in (0, 1):
            top = scaled * (284517 * a - 94839 * c)
            across = lightness * (scaled * (838422 * c + 769860 * b + 731718 * a) - 769860 * edge)
            bottom = scaled * (632260 * c - 126452 * b) + 126452 * edge
            length = (across / bottom) / (math.sin(angle) - top / bottom * math.cos(angle))
            if length >= 0:
                nearest = min(nearest, length)
    return nearest


def _gamma(linear: float) -> float:
    value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return min(1.0, max(0.0, value))
