"""The file of a backup: what is written is read again, and what somebody made up leads nowhere."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gateway.backup.archive import Manifest, NotABackup, Part, described, reading, write

SHAPE = TypeAdapter(Manifest)


def manifest(parts: dict[str, Part]) -> Manifest:
    return Manifest("1", 5.0, True, "sqlite", {"core": 1}, "00000000", parts)


def _unpack(path: Path, place: Path) -> Manifest:
    with reading(path) as reader:
        for number, (_, part) in enumerate(reader.parts()):
            part.save(place / str(number))
        return reader.manifest


@given(
    st.dictionaries(
        st.text("ab/é ", min_size=1, max_size=8).map(lambda name: f"data/{name.strip('/')}x"), st.binary()
    )
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_packed_is_unpacked(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
) -> None:
    place = tmp_path_factory.mktemp("archive")
    files = {}
    for number, (name, data) in enumerate(contents.items()):
        if "//" in name:
            continue
        files[name] = place / f"in{number}"
        files[name].write_bytes(data)
    made = manifest(described(files))
    write(place / "b", made, files)
    assert _unpack(place / "b", place) == made
    for number, name in enumerate(files):
        assert (place / str(number)).read_bytes() == contents[name]


def _tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def _file(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), data


def _link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info, b""


def _with(
    parts: dict[str, Part], *members: tuple[tarfile.TarInfo, bytes]
) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [_file("manifest.json", SHAPE.dump_json(manifest(parts))), *members]


EMPTY = Part(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
WRONG = Part(1, EMPTY.sha256)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([], "manifest"),
        ([_file("config.toml", b"")], "does not begin with a manifest"),
        ([_file("manifest.json", b"{}")], "damaged"),
        ([_file("manifest.json", b'{"format": 2, "version": "9.0"}')], "newer"),
        ([_link("manifest.json", "/etc/passwd")], "does not begin with a manifest"),
        (_with({"data/x": EMPTY}, _file("data/y", b"")), "not what the manifest says"),
        (_with({"data/x": EMPTY}, _link("data/x", "/etc/passwd")), "not what the manifest says"),
        (_with({"data/x": EMPTY}, _file("data/x", b""), _file("data/x", b"")), "not what the manifest says"),
        (_with({"data/x": EMPTY}, _file("data/x", b"1")), "not what the manifest says"),
        (_with({"data/x": WRONG}, _file("data/x", b"1")), "damaged"),
        (_with({"data/x": EMPTY}), "parts are missing"),
        *(
            (_with({name: EMPTY}), "its manifest names")
            for name in ("data/../../x", "/etc/passwd", "data//x", "x", "data/./x", "../x", "data/\0")
        ),
    ],
)
def test_what_somebody_made_up_is_refused(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], said: str
) -> None:
    _tar(tmp_path / "b", members)
    with pytest.raises(NotABackup, match=said):
        _unpack(tmp_path / "b", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"b", "0"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"\x1f\x8b" + b"\0" * 50,
        lambda data: b"#!/bin/sh\n",
        lambda data: data[:200],
    ],
)
def test_other_files_are_no_backups(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    config = tmp_path / "c"
    config.write_text("x" * 5000)
    files = {"config.toml": config}
    write(tmp_path / "b", manifest(described(files)), files)
    (tmp_path / "b").write_bytes(spoil((tmp_path / "b").read_bytes()))
    with pytest.raises(NotABackup):
        _unpack(tmp_path / "b", tmp_path)


@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_octet_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, where: int, bits: int
) -> None:
    place = tmp_path_factory.mktemp("changed")
    config = place / "c"
    config.write_bytes(bytes(range(256)) * 4)
    files = {"config.toml": config}
    write(place / "b", manifest(described(files)), files)
    data = bytearray((place / "b").read_bytes())
    data[where % len(data)] ^= bits
    (place / "b").write_bytes(data)
    try:
        _unpack(place / "b", place)
    except NotABackup:
        return
    assert (place / "0").read_bytes() == config.read_bytes()


def test_a_backup_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    config = tmp_path / "c"
    config.write_text("x")
    files = {"config.toml": config}
    made = manifest(described(files))
    config.unlink()
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "b", made, files)
    assert list(tmp_path.iterdir()) == []
