"""Drawn pictures: real PNGs, small, the same every time, in the colours of XEP-0392."""

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.contacts.colour import hsluv, hue, rgb
from gateway.contacts.pictures import SIZE, drawn, initial, picture_id
from gateway.contacts.strokes import SHAPES


@pytest.mark.parametrize(
    ("text", "angle", "colour"),
    [
        ("Romeo", 327.255249, (0.865, 0.000, 0.686)),
        ("juliet@capulet.lit", 209.410400, (0.000, 0.515, 0.573)),
        ("😺", 331.199341, (0.872, 0.000, 0.659)),
        ("council", 359.994507, (0.918, 0.000, 0.394)),
        ("Board", 171.430664, (0.000, 0.527, 0.457)),
    ],
)
def test_the_vectors_of_xep_0392(text: str, angle: float, colour: tuple[float, float, float]) -> None:
    assert hue(text) == pytest.approx(angle, abs=1e-6)
    assert hsluv(hue(text), 100, 50) == pytest.approx(colour, abs=0.001)


@given(st.text(st.characters(), max_size=30))
def test_every_text_has_a_colour(text: str) -> None:
    assert all(0 <= part <= 255 for part in rgb(text))


@given(st.floats(0, 360), st.floats(0, 100), st.floats(0.1, 99.9))
def test_every_hue_is_inside_what_screens_show(degrees: float, saturation: float, lightness: float) -> None:
    assert all(0 <= part <= 1 for part in hsluv(degrees, saturation, lightness))


@pytest.mark.parametrize("letter", list(SHAPES))
def test_every_shape_makes_a_small_picture(letter: str) -> None:
    picture = drawn(f"{letter}@example.org", letter or "?")
    assert len(picture.data) < 1024
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    assert (image.size, image.mode) == ((SIZE, SIZE), "P")
    pixels = image.convert("RGB")
    assert pixels.getpixel((0, 0)) == rgb(f"{letter}@example.org")
    colours = {colour for _, colour in pixels.getcolors() or []}
    assert (255, 255, 255) in colours
    assert 3 <= len(colours) <= 16  # smooth edges


def test_pictures_tell_people_apart_and_stay_the_same() -> None:
    assert drawn("a@x", "Anna") == drawn("a@x", "Arno")
    assert drawn("a@x", "Anna") != drawn("b@x", "Anna")
    # A change of these bytes makes every client fetch every picture again.
    assert picture_id(drawn("romeo@montague.lit", "Romeo")) == picture_id(drawn("romeo@montague.lit", "R"))


@pytest.mark.parametrize(
    ("name", "letter"),
    [
        ("Anna", "A"),
        ("élodie", "E"),
        ("Ünal", "U"),
        ("ｗide", "W"),
        ("_guest42", "G"),
        ("007", "0"),
        ("+4930123456", ""),
        ("Жанна", ""),
        ("太郎", ""),
        ("ßtraße", ""),
        ("😺", ""),
        ("", ""),
    ],
)
def test_initials(name: str, letter: str) -> None:
    assert initial(name) == letter


@given(st.text(st.characters(), max_size=40))
def test_every_name_has_a_picture(name: str) -> None:
    data = drawn(name, name).data
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert zlib.decompress(data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8])
