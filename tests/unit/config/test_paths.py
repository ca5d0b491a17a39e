"""Relative paths of bridges start at the directory of the configuration."""

from pathlib import Path

from pydantic import BaseModel

from gateway.config_paths import placed


class Inner(BaseModel):
    file: Path | None = None
    text: str = "plain"


class Outer(BaseModel):
    file: Path = Path("a")
    whole: Path = Path("/b")
    one: Inner = Inner()
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}
    files: dict[str, Path] = {}


def test_paths_at_any_depth_start_at_the_configuration() -> None:
    found = placed(
        Outer(
            one=Inner(file=Path("c")),
            many=(Inner(), Inner(file=Path("d"))),
            named={"x": Inner(file=Path("e"))},
            files={"token": Path("f"), "key": Path("/g")},
        ),
        Path("/etc/causeway"),
    )
    base = Path("/etc/causeway")
    assert (found.file, found.whole, found.one.file) == (base / "a", Path("/b"), base / "c")
    assert [each.file for each in found.many] == [None, base / "d"]
    assert found.named["x"].file == base / "e"
    assert found.files == {"token": base / "f", "key": Path("/g")}


def test_settings_without_relative_paths_stay_what_they_are() -> None:
    settings = Outer(file=Path("/a"))
    assert placed(settings, Path("/etc")) is settings
