"""Who else may read what a gateway keeps, and whether its user can: every mode and owner with the line that mends it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from gateway.bridge import Finding, Verdict
from gateway.check_modes import of_files
from gateway.config import load
from gateway.init import init


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that others may pass; pytest's own they may not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o711)
        init("irc.example.org", "irc", "prosody", path / "config.toml", force=False, out=StringIO())
        for each in ("causeway.db", "causeway.db-wal", "causeway.db.before-migration-20260101-000000"):
            (path / each).touch(0o600)
        yield path


def found(place: Path, **environ: str) -> list[Finding]:
    config = place / "config.toml"
    return list(of_files(config, load(config, environ)))


def mended(place: Path, **environ: str) -> list[str]:
    """What was wrong; all of it is put right by the lines as they are printed."""
    broken = [each for each in found(place, **environ) if each.verdict is Verdict.FAIL]
    for each in broken:
        assert each.fix.rstrip("\n") in each.text
        assert each.where == "a root shell"
        subprocess.run(each.fix, shell=True, check=True)
    assert [each.verdict for each in found(place, **environ)] == [Verdict.OK]
    return [each.text.replace(f"{place.resolve()}/", "") for each in broken]


def test_what_init_makes_is_nobody_elses(place: Path) -> None:
    assert [each.verdict for each in found(place)] == [Verdict.OK]


def test_a_configuration_that_everybody_may_read_fails(place: Path) -> None:
    (place / "config.toml").chmod(0o644)
    assert mended(place) == [
        "config.toml holds secrets, and everybody on this machine may read it: run `chmod o= config.toml`."
    ]


@pytest.mark.parametrize(
    "lines",
    [
        '[bridges.email.smarthost]\nhost = "127.0.0.1"\nusername = "us"\npassword = "5ecret-word"\n',
        '[storage]\ndatabase = "postgresql://us:5ecret-word@localhost/db"\n',
    ],
)
def test_secrets_of_bridges_and_of_the_database_count_too(place: Path, lines: str) -> None:
    bridge = '[bridges.email]\njid = "m.example.org"\ndomains = ["m.example.org"]\n'
    (place / "config.toml").write_text(f"{bridge}{lines}")
    (place / "config.toml").chmod(0o644)
    assert len(mended(place, CAUSEWAY_BRIDGES__EMAIL__SECRET="from elsewhere")) == 1


def test_a_readable_configuration_without_secrets_is_nothing_to_tell(place: Path) -> None:
    (place / "config.toml").write_text('[bridges.irc]\njid = "irc.example.org"\n')
    (place / "config.toml").chmod(0o644)
    assert mended(place, CAUSEWAY_BRIDGES__IRC__SECRET="hunter2") == []


def test_where_others_may_not_go_modes_do_not_matter(place: Path) -> None:
    for each in ("config.toml", "causeway.db"):
        (place / each).chmod(0o666)
    place.chmod(0o700)
    assert mended(place) == []


def test_a_configuration_that_everybody_may_change_fails(place: Path) -> None:
    (place / "config.toml").chmod(0o602)
    assert mended(place) == ["Everybody on this machine may change config.toml: run `chmod o= config.toml`."]


def test_a_database_with_all_that_lies_beside_it_is_kept_to_ourselves(place: Path) -> None:
    names = ["causeway.db", "causeway.db-wal", "causeway.db.before-migration-20260101-000000"]
    for each in names:
        (place / each).chmod(0o644)
    (text,) = mended(place)
    assert text.endswith(f"who writes to whom: run `chmod go= {' '.join(names)}`.")


def test_a_directory_where_others_can_swap_files_fails(place: Path) -> None:
    place.chmod(0o777)
    (text,) = mended(place)
    assert text.endswith(f"in place of the gateway's: run `chmod o-w {place.resolve()}`.")
    place.chmod(0o1777)  # as /tmp: everybody only their own
    assert mended(place) == []


def test_names_are_quoted_as_a_shell_wants_them(place: Path) -> None:
    here = place / "it's here"
    here.mkdir(0o755)
    for each in list(place.iterdir()):
        if each.is_file():
            each.rename(here / each.name)
    (here / "causeway.db").chmod(0o644)
    assert len(mended(here)) == 1


def test_what_the_gateways_user_cannot_use_is_given_to_it(place: Path) -> None:
    """As after somebody has run it as root: all of it belongs to somebody else."""
    config, user = place / "config.toml", os.geteuid() + 54321
    told = list(of_files(config, load(config, {}), user))
    assert [each.fix.replace(f"{place.resolve()}/", "") for each in told] == [
        f"chown {user}: config.toml\n",
        f"chown {user}: causeway.db causeway.db-wal causeway.db.before-migration-20260101-000000 causeway.key\n",
    ]
    config.chmod(0o644)
    closing = next(of_files(config, load(config, {}), user))
    assert closing.fix == f"chown {user}: {config.resolve()} && chmod 600 {config.resolve()}\n"
