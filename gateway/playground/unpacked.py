"""Programs whose Debian packages are unpacked into a cache rather than installed: mail servers push one another out of a
machine, and nobody's own one is to go. ``scripts/prepare.sh`` fetches them (``need_unpacked``); here they are found.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.playground.process import Missing, is_root


def cache() -> Path:
    """Where ``scripts/prepare.sh`` puts what it fetches. Root's is open to all, for daemons that become somebody else."""
    if is_root():
        return Path("/var/cache/causeway")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "causeway"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The root of a package's files."""

    root: Path

    def program(self, path: str) -> str:
        """The absolute path of a program, for instance of ``usr/sbin/postfix``."""
        return str(self.root / path)

    def libraries(self, *directories: str) -> Mapping[str, str]:
        """The environment in which its programs find its libraries."""
        places = [str(self.root / directory) for directory in (*directories, "usr/lib")]
        places += [str(place) for place in (self.root / "usr/lib").glob("*-linux-gnu*")]
        return {"LD_LIBRARY_PATH": ":".join(places)}


def unpacked(package: str) -> bool:
    return (cache() / "unpacked" / package / ".complete").exists()


def find(package: str) -> Unpacked:
    """Raises ``Missing`` with what fetches it."""
    if not unpacked(package):
        raise Missing(
            f"Debian's package {package} is not unpacked in {cache()}; in Causeway's source tree, "
            f"scripts/playground and scripts/test do that, or by hand: "
            f"bash -c '. scripts/prepare.sh; need_unpacked {package}'"
        )
    return Unpacked(cache() / "unpacked" / package)


def among(environment: Mapping[str, str], *command: str) -> list[str]:
    """``command`` with an environment that only it sees, by env(1): what makes a daemon believe in another user must not
    reach what changes ours."""
    return ["env", *(f"{name}={value}" for name, value in environment.items()), *command]
