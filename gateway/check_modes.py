"""What ``check`` and ``doctor`` see of the files that the gateway keeps: who else on this machine may read or change them,
and whether the gateway itself can. Looks at modes and owners, and changes nothing.
"""

import os
import pwd
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from gateway.bridge import Finding, Verdict
from gateway.settings import Settings

_SHELL = "a root shell"
_SUBJECT = "file permissions"


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    mode: int
    owner: int
    group: int
    reached: bool  # by others: every directory above lets them pass

    def may(self, bits: int) -> bool:
        """Whether somebody else may, who is in no group of ours."""
        return self.reached and bool(self.mode & bits)


def of_files(config: Path, settings: Settings, user: int | None = None) -> Iterator[Finding]:
    """``user``: the id of whom the gateway runs as, if it is known. The mode of the key itself is seen where it is
    loaded."""
    user, storage = _user(settings) if user is None else user, settings.storage
    yield from _of_config(config, settings, user)
    files = [found for path in (storage.database_file, storage.key_file) if path for found in _beside(path)]
    files += [each for each in _beside(config) if each.path != config.resolve()]
    key = storage.key_file.resolve()
    shown = [each.path for each in files if each.may(stat.S_IRWXO) and each.path != key]
    directories = [each for each in _directories(config, settings) if each.may(stat.S_IWOTH)]
    unguarded = [each.path for each in directories if not each.mode & stat.S_ISVTX]
    foreign = [each.path for each in files if not _usable(each, user)]
    if shown:
        text = f"Everybody on this machine may have what is in {_listed(shown)}: messages, and who writes to whom"
        yield _failed(_SUBJECT, text, f"chmod go= {_quoted(shown)}")
    if unguarded:
        text = f"Everybody on this machine may put other files into {_listed(unguarded)}, in place of the gateway's"
        yield _failed(_SUBJECT, text, f"chmod o-w {_quoted(unguarded)}")
    if foreign:
        text = f"{_listed(foreign)} cannot be written by {_name(user)}, who seems to run the gateway; somebody else made it"
        yield _failed(_SUBJECT, text, f"chown {_name(user)}: {_quoted(foreign)}")
    if not shown and not unguarded and not foreign:
        text = "Nobody else on this machine may read or change what the gateway keeps."
        yield Finding(Verdict.OK, text, _SUBJECT)


def _failed(subject: str, text: str, line: str) -> Finding:
    return Finding(Verdict.FAIL, f"{text}: run `{line}`.", subject, f"{line}\n", _SHELL)


def _of_config(path: Path, settings: Settings, user: int) -> Iterator[Finding]:
    file, subject = _seen(path), "configuration"
    if file is None:
        return
    text = path.read_text(encoding="utf-8-sig")
    if file.may(stat.S_IROTH) and any(each in text for each in _secrets(settings)):
        said = f"{path} holds secrets, and everybody on this machine may read it"
        yield _failed(subject, said, _closing(file, user))
    elif file.may(stat.S_IWOTH):
        yield _failed(subject, f"Everybody on this machine may change {path}", _closing(file, user))
    elif not _legible(file, user):
        said = f"{path} cannot be read by {_name(user)}, who seems to run the gateway"
        yield _failed(subject, said, f"chown {_name(user)}: {_quoted([file.path])}")


def _closing(file: _File, user: int) -> str:
    """The line that keeps others out, and the gateway in."""
    name = _quoted([file.path])
    if file.owner == user or (file.group in _groups(user) and file.mode & stat.S_IRGRP):
        return f"chmod o= {name}"
    return f"chown {_name(user)}: {name} && chmod 600 {name}"


# -- what there is ----------------------------------------------------------------------------------------------


def _seen(path: Path) -> _File | None:
    """None for what is not there, or out of our reach."""
    try:
        there = path.resolve()
        status = there.stat()
        reached = all(each.stat().st_mode & stat.S_IXOTH for each in there.parents)
    except OSError:
        return None
    return _File(there, status.st_mode, status.st_uid, status.st_gid, reached)


def _beside(path: Path) -> Iterator[_File]:
    """A file, and what lies beside it under its name: SQLite's companions, and copies that migrations and restores keep."""
    for each in sorted(path.resolve().parent.glob(f"{escape(path.name)}*")):
        if each.is_file() and (found := _seen(each)) is not None:
            yield found


def _directories(config: Path, settings: Settings) -> Iterator[_File]:
    storage = settings.storage
    files = [each for each in (config, storage.key_file, storage.database_file) if each is not None]
    directories = [*(each.resolve().parent for each in files), storage.directory, settings.media.directory]
    for path in dict.fromkeys(each.resolve() for each in directories):
        if path.is_dir() and (found := _seen(path)) is not None:
            yield found


def _secrets(settings: Settings) -> Iterator[str]:
    """Every secret among them, those of bridges' own too."""
    if password := urlsplit(settings.storage.database).password:
        yield password
    for each in settings.bridges:
        yield from _among((each.secret, each.own))


def _among(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        if secret := value.get_secret_value():
            yield secret
    elif isinstance(value, BaseModel):
        for each in type(value).model_fields:
            yield from _among(getattr(value, each))
    elif isinstance(value, Mapping):
        yield from _among(tuple(value.values()))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in value:
            yield from _among(each)


# -- who -----------------------------------------------------------------------------------------------------------


def _user(settings: Settings) -> int:
    """Whom the gateway runs as: who runs this, or if that is root, whose the directory of its database is."""
    ours = os.geteuid()
    file = settings.storage.database_file
    if ours or file is None or (place := _seen(file.parent)) is None:
        return ours
    return place.owner


def _usable(file: _File, user: int) -> bool:
    return _permitted(file, user, stat.S_IWGRP)


def _legible(file: _File, user: int) -> bool:
    return bool(file.mode & stat.S_IROTH) or _permitted(file, user, stat.S_IRGRP)


def _permitted(file: _File, user: int, group_bit: int) -> bool:
    return user in (0, file.owner) or (file.group in _groups(user) and bool(file.mode & group_bit))


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _groups(user: int) -> Sequence[int]:
    try:
        known = pwd.getpwuid(user)
    except KeyError:
        return ()
    return os.getgrouplist(known.pw_name, known.pw_gid)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))


def _quoted(paths: Sequence[Path]) -> str:
    return " ".join(shlex.quote(str(each)) for each in paths)
