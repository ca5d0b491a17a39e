"""Mails are read in workers; whatever becomes of those, there is an answer, and nothing waits for ever."""

import asyncio
import dataclasses
import os
import stat
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.email.mime import wire
from bridges.email.mime.letter import Letter
from bridges.email.mime.limits import DEFAULT
from bridges.email.mime.reader import Bounds, Closed, Reader
from bridges.email.mime.reading import read
from tests.unit.email.mime.mails import mail, markup, multipart, text
from tests.waiting import eventually


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    made = Reader()
    yield made
    await made.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    directory.mkdir()
    return directory


def kept(tmp_path: Path, raw: bytes, name: str = "mail") -> Path:
    path = tmp_path / name
    path.write_bytes(raw)
    return path


async def test_a_worker_reads_as_the_gateway_would(reader: Reader, tmp_path: Path, place: Path) -> None:
    image = "Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8="
    raw = multipart(text("Hello > world"), image, header="Subject: Grüße\r\nReferences: <a@b> <c@d>\r\n")
    letter = await reader.read(kept(tmp_path, raw), place)
    (file,) = letter.attachments
    assert file.path is not None
    assert file.path.parent == place
    assert file.path.read_bytes() == b"hello"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    here = read(raw)
    assert letter == dataclasses.replace(
        here, attachments=(dataclasses.replace(here.attachments[0], data=b"", path=file.path),)
    )


async def test_an_empty_file_is_an_empty_letter(reader: Reader, tmp_path: Path, place: Path) -> None:
    assert (await reader.read(kept(tmp_path, b""), place)).text == ""


async def test_a_file_that_is_not_there_is_an_error_of_ours(
    reader: Reader, tmp_path: Path, place: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        await reader.read(tmp_path / "nothing", place)


async def test_mails_that_come_together_are_read_one_after_another(
    reader: Reader, tmp_path: Path, place: Path
) -> None:
    paths = [kept(tmp_path, mail(f"Text {number}"), str(number)) for number in range(20)]
    letters = await asyncio.gather(*(reader.read(path, place) for path in paths))
    assert [letter.text for letter in letters] == [f"Text {number}" for number in range(20)]


def playing(tmp_path: Path, script: str) -> tuple[str, ...]:
    """A command that runs ``script`` in the place of a worker, with ``request`` as it came."""
    path = tmp_path / "worker.py"
    head = "import json, os, struct, sys, time\n"
    path.write_text(
        head
        + "for line in sys.stdin.buffer:\n    request = json.loads(line)\n"
        + textwrap.indent(script, "    ")
    )
    return (sys.executable, "-I", str(path))


_SAY = (
    "data = {data}\nsys.stdout.buffer.write(struct.pack('>I', len(data)) + data)\nsys.stdout.buffer.flush()\n"
)
_QUICK = Bounds(patience=0.5)


@pytest.mark.parametrize(
    "script",
    [
        "time.sleep(600)",
        "sys.exit(3)",
        "os.abort()",
        "sys.stdout.write('x'); sys.exit(0)",
        "sys.stdout.buffer.write(b'\\xff\\xff\\xff\\xff'); sys.stdout.flush(); time.sleep(600)",
        _SAY.format(data="b'no json'"),
        _SAY.format(data="b'{}'"),
        _SAY.format(data="b'[' * 100000"),
        _SAY.format(data="json.dumps({'failed': 'ValueError in x.py:1'}).encode()"),
    ],
    ids=["hangs", "leaves", "aborts", "stops", "boasts", "babbles", "omits", "nests", "fails"],
)
async def test_a_mail_that_no_worker_reads_is_known_by_its_header(
    script: str, tmp_path: Path, place: Path
) -> None:
    reader = Reader(bounds=_QUICK, command=playing(tmp_path, script))
    letter = await reader.read(kept(tmp_path, mail("Hello", header="Subject: Tea\r\n")), place)
    await reader.close()
    assert (letter.subject, letter.text) == ("Tea", "")
    assert letter.sole_author is not None
    assert "original" in letter.unreadable


async def test_a_mail_whose_html_is_too_much_is_read_without_it(tmp_path: Path, place: Path) -> None:
    script = "if request['limits']['read_html']:\n    os.abort()\n" + _SAY.format(
        data=repr(wire.encode(Letter(text="plain")))
    )
    reader = Reader(command=playing(tmp_path, script))
    letter = await reader.read(
        kept(tmp_path, multipart(text("plain"), markup("<p>x"), kind="alternative")), place
    )
    await reader.close()
    assert letter.text == "plain"


async def test_the_next_mail_is_read_after_one_that_killed_its_worker(tmp_path: Path, place: Path) -> None:
    script = "if b'bad' in open(request['path'], 'rb').read():\n    os.abort()\n" + _SAY.format(
        data=repr(wire.encode(Letter(text="fine")))
    )
    reader = Reader(command=playing(tmp_path, script))
    assert (await reader.read(kept(tmp_path, mail("bad"), "a"), place)).unreadable
    assert (await reader.read(kept(tmp_path, mail("good"), "b"), place)).text == "fine"
    await reader.close()


async def test_processor_time_and_memory_of_a_worker_are_bounded(tmp_path: Path, place: Path) -> None:
    """The real worker, with almost nothing of either."""
    raw = mail("x y" * 1_000_000)
    for bounds in (Bounds(seconds=0.001), Bounds(memory=1_000_000)):
        reader = Reader(dataclasses.replace(DEFAULT, body=64 * 1024 * 1024), bounds)
        letter = await reader.read(kept(tmp_path, raw), place)
        await reader.close()
        assert letter.unreadable
        assert letter.sole_author is not None


async def test_a_worker_is_replaced_after_so_many_mails(tmp_path: Path, place: Path) -> None:
    reader = Reader(bounds=Bounds(mails=1))
    for number in range(3):
        assert (await reader.read(kept(tmp_path, mail(f"{number}")), place)).text == str(number)
    await reader.close()


async def test_who_gives_up_takes_the_worker_along_so_that_no_answer_is_mixed_up(
    tmp_path: Path, place: Path
) -> None:
    script = (
        "data = open(request['path'], 'rb').read()\nif b'slow' in data:\n    time.sleep(600)\n"
        + _SAY.format(data=repr(wire.encode(Letter(text="quick"))))
    )
    reader = Reader(command=playing(tmp_path, script))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(kept(tmp_path, mail("slow"), "a"), place), 0.5)
    assert (await reader.read(kept(tmp_path, mail("next"), "b"), place)).text == "quick"
    await reader.close()


async def test_closing_ends_what_waits(tmp_path: Path, place: Path) -> None:
    begun = tmp_path / "begun"
    reader = Reader(command=playing(tmp_path, f"open({str(begun)!r}, 'w').close(); time.sleep(600)"))
    waiting = [asyncio.create_task(reader.read(kept(tmp_path, mail("x"), str(n)), place)) for n in range(3)]
    await eventually(begun.exists)
    await reader.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, Closed) for result in results)


async def test_workers_know_nothing_of_our_environment(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSEWAY_SECRET", "x")
    script = _SAY.format(
        data="json.dumps({'failed': '1'}).encode() if 'CAUSEWAY_SECRET' not in os.environ else b'{}'"
    )
    seen = tmp_path / "seen"
    script = f"open({str(seen)!r}, 'w').write(repr(sorted(os.environ)))\n" + script
    reader = Reader(command=playing(tmp_path, script))
    await reader.read(kept(tmp_path, mail("x")), place)
    await reader.close()
    assert "CAUSEWAY_SECRET" not in seen.read_text()
    assert "CAUSEWAY_SECRET" in os.environ


def test_nothing_goes_over_the_wire_but_letters() -> None:
    for data in (b"", b"[]", b'"x"', b"{}", wire.encode(Letter()).replace(b'"size": 0', b'"size": "0"')):
        with pytest.raises(wire.Garbled):
            wire.decode(data)
