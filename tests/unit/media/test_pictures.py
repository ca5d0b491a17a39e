import io
import os
import stat
import sys

import pytest
from PIL import Image

from gateway.bridge import MediaError
from gateway.media.pictures import PictureLimits, Pictures
from tests.unit.media.conftest import png


@pytest.fixture
def picture(tmp_path):
    def write(data: bytes):
        path = tmp_path / "picture"
        path.write_bytes(data)
        return path

    return write


def photo(width, height, form="JPEG", **options):
    buffer = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif"), ("WEBP", "image/webp")],
)
async def test_a_picture_has_a_size_and_a_preview_of_few_bytes(picture, form, media_type):
    facts = await Pictures().look(picture(photo(600, 300, form)), media_type)
    assert (facts.width, facts.height) == (600, 300)
    assert 0 < len(facts.preview) <= 3072
    with Image.open(io.BytesIO(facts.preview)) as preview:
        assert preview.format == "JPEG"
        assert preview.size == (96, 48)


async def test_a_photo_on_its_side_is_measured_as_it_is_shown(picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = await Pictures().look(picture(photo(60, 30, exif=exif)), "image/jpeg")
    assert (facts.width, facts.height) == (30, 60)
    with Image.open(io.BytesIO(facts.preview)) as preview:
        assert preview.size == (30, 60)


async def test_a_large_picture_has_a_size_and_no_preview(picture):
    facts = await Pictures(PictureLimits(decoded=1000)).look(picture(png(50, 50)), "image/png")
    assert (facts.width, facts.height, facts.preview) == (50, 50, b"")


async def test_a_bomb_is_refused(picture):
    with pytest.raises(MediaError, match="50000 by 50000"):
        await Pictures().look(picture(png(50_000, 50_000, rows=1)), "image/png")


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", png(4, 4)[:40], b"GIF89a" + bytes(20), b"<html>"]
)
async def test_what_is_broken_has_no_facts(picture, data):
    facts = await Pictures().look(picture(data), "image/png")
    assert facts.preview == b""


async def test_a_picture_cut_short_still_has_a_size(picture):
    data = photo(200, 100)
    facts = await Pictures().look(picture(data[: len(data) // 2]), "image/jpeg")
    assert (facts.width, facts.height) == (200, 100)


async def test_other_files_are_not_looked_at(tmp_path):
    facts = await Pictures(command=("/does/not/exist",)).look(tmp_path / "none", "video/mp4")
    assert facts.width is None


async def test_without_a_worker_there_are_no_facts(picture):
    facts = await Pictures(command=("/does/not/exist",)).look(picture(png(1, 1)), "image/png")
    assert facts.width is None


async def test_a_worker_that_hangs_is_killed(picture, tmp_path):
    pid = tmp_path / "pid"
    hanging = tmp_path / "hanging"
    hanging.write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 60\n")
    hanging.chmod(hanging.stat().st_mode | stat.S_IXUSR)
    facts = await Pictures(PictureLimits(seconds=0.5), command=("/bin/sh", str(hanging))).look(
        picture(png(1, 1)), "image/png"
    )
    assert facts.width is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_a_worker_that_wants_too_much_memory_dies_alone(picture, tmp_path):
    greedy = tmp_path / "greedy.py"
    greedy.write_text(
        "import sys; sys.argv=sys.argv[1:]\nimport importlib.util as u\n"
        "s = u.spec_from_file_location('w', sys.argv[0]); w = u.module_from_spec(s); s.loader.exec_module(w)\n"
        "w._confine()\nbytearray(2_000_000_000)\n"
    )
    facts = await Pictures(command=(sys.executable, "-I", str(greedy))).look(picture(png(1, 1)), "image/png")
    assert facts.width is None
