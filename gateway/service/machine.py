"""``causeway init --system``: a user, directories and a unit of systemd, so that the gateway is a service of the machine.

Does as root what can be done once and for all, and nothing that has to be undone by hand: a second call changes nothing
but the unit, which is that of the installed version. Does not start anything.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Self, TextIO

USER = "causeway"
_WRITTEN_FOR = "/usr/local/bin/causeway"  # the program in the unit
_HOMES = ("/home", "/root", "/run/user")  # ProtectHome= of the unit


class CannotPrepare(Exception):
    """One sentence of what is missing, and what to do."""


def _owner(user: str) -> tuple[int, int]:
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip()
        raise CannotPrepare(
            f"`{' '.join(command)}` failed ({said}): put that right, and try again."
        ) from error


@dataclass(frozen=True, slots=True)
class Machine:
    """``program`` is the command that the service starts, ``interpreter`` what it is run by; ``root`` where the machine's
    directories begin. ``run`` runs a command of the system, ``owner`` knows user and group ids by a user's name (or
    ``KeyError``), ``user_id`` is ours."""

    program: Path
    interpreter: Path
    root: Path = Path("/")
    run: Callable[[Sequence[str]], None] = field(default=_run)
    owner: Callable[[str], tuple[int, int]] = field(default=_owner)
    user_id: Callable[[], int] = field(default=os.geteuid)

    @classmethod
    def of_this_process(cls) -> Self:
        """With the command that lies beside the interpreter that runs this."""
        interpreter = Path(sys.executable)
        return cls(interpreter.with_name("causeway"), interpreter.resolve())

    @property
    def config(self) -> Path:
        return self._etc / "config.toml"

    @property
    def data(self) -> Path:
        return self.root / "var/lib/causeway"

    @property
    def _etc(self) -> Path:
        return self.root / "etc/causeway"

    def prepare(self) -> None:
        """The user, and the directories, which are its own. Raises ``CannotPrepare``."""
        if self.user_id() != 0:
            raise CannotPrepare("Only root may make a service: run it with sudo.")
        for path in (self.program, self.program.resolve(), self.interpreter):
            if any(path.is_relative_to(home) for home in _HOMES):
                raise CannotPrepare(
                    f"{path} is in somebody's home, where the service may not look: install Causeway into /opt/causeway "
                    "(docs/operators.md, Install)."
                )
        if not self.program.exists():
            raise CannotPrepare(
                f"There is no {self.program}: install Causeway with pip, pipx or uv, so that it has a command of its own."
            )
        try:
            self._make_user()
            for directory in (self._etc, self.data):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.chown(directory, *self.owner(USER))
                directory.chmod(0o700)
        except OSError as error:
            raise CannotPrepare(f"{error.filename} cannot be made ({error.strerror}).") from error

    def finish(self, written: Sequence[Path], out: TextIO) -> None:
        """What was ``written`` belongs to the user; the unit, and how to start it. Raises ``CannotPrepare``."""
        try:
            for path in written:
                os.chown(path, *self.owner(USER), follow_symlinks=False)
            text = _text("causeway.service").replace(_WRITTEN_FOR, str(self.program))
            unit = self.root / "etc/systemd/system/causeway.service"
            self._write(unit, text)
        except OSError as error:
            raise CannotPrepare(f"{error.filename} cannot be written ({error.strerror}).") from error
        if (self.root / "run/systemd/system").is_dir():
            self.run(("systemctl", "daemon-reload"))
        print(f"\nWrote {unit}; it runs as the user {USER}.", file=out)
        print(
            f"\nNext:\n\n    runuser -u {USER} -- {self._shown} doctor\n    systemctl enable --now causeway",
            file=out,
        )

    @property
    def _shown(self) -> str:
        """How people call us."""
        found = shutil.which("causeway")
        return (
            "causeway"
            if found is not None and Path(found).resolve() == self.program.resolve()
            else str(self.program)
        )

    def _make_user(self) -> None:
        try:
            self.owner(USER)
        except KeyError:
            declared = self.root / "etc/sysusers.d/causeway.conf"
            if shutil.which("systemd-sysusers") is not None:
                self._write(declared, _text("causeway.conf"))
                self.run(("systemd-sysusers", str(declared)))
            else:
                self.run(
                    (
                        "useradd",
                        "--system",
                        "--home-dir",
                        "/var/lib/causeway",
                        "--shell",
                        "/usr/sbin/nologin",
                        USER,
                    )
                )

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)


def _text(name: str) -> str:
    return (files("gateway.service") / name).read_text(encoding="utf-8")
