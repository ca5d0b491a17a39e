"""An operator who does what ``causeway doctor`` says: puts its lines into the configuration of a real server, and no more.

The server's own configuration lies in the test's directory, written as Debian writes it, so that what is to go "below" or
"instead of" something can.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.bridge import Finding
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.prosody import Prosody

_FILE = re.compile(r"^/etc/(?:prosody/conf\.d|ejabberd)/([\w.-]+), a new file$")


class PatientProsody:
    """A Prosody whose configuration includes ``conf.d``, as Debian's does."""

    def __init__(self, server: Prosody, directory: Path) -> None:
        self.server = server
        self._config = directory / "prosody.cfg.lua"
        self._parts = directory / "conf.d"
        self._parts.mkdir()
        self._well = f'{self._config.read_text()}\nInclude "{self._parts}/*.cfg.lua"\n'

    def reset(self) -> None:
        """As it was started; it holds from the next ``hold`` on."""
        self._config.write_text(self._well)
        for each in self._parts.iterdir():
            each.unlink()

    async def hold(self) -> None:
        """Make what is configured hold, as the lines tell one to."""
        await self.server.restart()

    def replace(self, old: str, new: str) -> None:
        """How the configuration got broken."""
        text = self._config.read_text()
        assert old in text
        self._config.write_text(text.replace(old, new))

    def part(self, name: str, lines: str) -> None:
        (self._parts / name).write_text(lines)

    def paste(self, finding: Finding) -> None:
        named = _FILE.match(finding.where)
        # A secret belongs where the component stands, or into a file of its own that is read later.
        self.part(named[1] if named else "causeway.cfg.lua", finding.fix)


class PatientEjabberd:
    """An ejabberd with a configuration as Debian's is indented."""

    def __init__(self, server: Ejabberd, directory: Path) -> None:
        self.server = server
        self._directory = directory
        self._config = directory / "ejabberd.yml"
        self._well = self._config.read_text()
        self.reset()

    def reset(self) -> None:
        """As it was started; it holds from the next ``hold`` on."""
        self.settings = json.loads(self._well)
        # Debian's: users are who has an account here.
        self.settings["acl"]["local"] = {"user_regexp": ""}
        self.settings["access_rules"]["local"] = {"allow": "local"}
        self.write()

    async def hold(self) -> None:
        """Make what is configured hold, as the lines tell one to."""
        await self.server.reload()
        await self.server.reload()

    def write(self) -> None:
        """How the configuration got broken: by what is in ``settings``."""
        self._config.write_text("\n".join(_yaml(self.settings, "")) + "\n")

    def paste(self, finding: Finding) -> None:
        named = _FILE.match(finding.where)
        if named is None:
            self._config.write_text("\n".join(_put(self._config.read_text().split("\n"), finding)))
            return
        path = self._directory / named[1]
        path.write_text(finding.fix)
        said = re.search(
            r"goes this line:\n# +(include_config_file: )/etc/ejabberd/([\w.-]+)$", finding.fix, re.M
        )
        assert said is not None
        assert said[2] == named[1]
        text = self._config.read_text()
        if "# Instead of a mod_privilege elsewhere" in finding.fix:
            text = _without(text, "  mod_privilege:")
        line = f"{said[1]}{path}\n"
        self._config.write_text(text if line in text else f"{text}{line}")


def _put(lines: list[str], finding: Finding) -> Iterator[str]:
    """Into the section that ``where`` speaks of, instead of what it speaks of."""
    fix = finding.fix.rstrip("\n").split("\n")
    section, instead = next(
        (section, instead)
        for phrase, section, instead in (
            ("in the listener with ejabberd_service", "ejabberd_service", "max_stanza_size"),
            ("below hosts of the listener with ejabberd_service", "ejabberd_service", '"irc.localhost"'),
            ("under mod_http_upload", "mod_http_upload:", "access"),
        )
        if phrase in finding.where
    )
    start = next(at for at, line in enumerate(lines) if section in line)
    at = next(at for at in range(start, len(lines)) if lines[at].lstrip().startswith(f"{instead}:"))
    end = next(n for n in range(at + 1, len(lines)) if _depth(lines[n]) <= _depth(lines[at]))
    yield from lines[:at]
    yield from fix
    yield from lines[end:]


def _without(text: str, section: str) -> str:
    lines = text.split("\n")
    if section not in lines:
        return text
    at = lines.index(section)
    end = next(n for n in range(at + 1, len(lines)) if _depth(lines[n]) <= _depth(section))
    return "\n".join(lines[:at] + lines[end:])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _yaml(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            name = key if key.replace("_", "").isalpha() else json.dumps(key)
            if isinstance(each, Mapping | list) and each:
                yield f"{indent}{name}:"
                yield from _yaml(each, f"{indent}  ")
            else:
                yield f"{indent}{name}: {json.dumps(each)}"
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, Mapping):
                yield f"{indent}-"
                yield from _yaml(each, f"{indent}  ")
            else:
                yield f"{indent}- {json.dumps(each)}"
