"""Reading the configuration: TOML and environment to ``Settings``, or a ``ConfigError`` with everything that is wrong.

Knows the tables and how bridges are found, no bridge by name. Nothing here touches the network or the database;
``gateway.check`` does.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from gateway.bridge import Plugin
from gateway.config_errors import (
    ConfigError,
    Problem,
    did_you_mean,
    dotted,
    field_at,
    problems_of,
    shown,
    takes_text,
    unknown_key,
)
from gateway.config_file import PREFIX, Key, Source, Unreadable, overlay, read
from gateway.config_paths import placed
from gateway.ops.settings import OperatorSettings
from gateway.settings import (
    AccessSettings,
    BridgeSettings,
    BridgeTable,
    DeliverySettings,
    LimitSettings,
    LogSettings,
    MediaSettings,
    Settings,
    StorageSettings,
    WebSettings,
    XmppSettings,
)
from gateway.values import Table

__all__ = ["ConfigError", "Problem", "Settings", "installed_bridges", "load"]

Plugins = Mapping[str, Callable[[], Plugin]]
"""Kinds of bridges and how to load them."""

_ENTRY_POINTS = "causeway.bridges"

_TABLES: dict[str, type[Table]] = {
    "xmpp": XmppSettings,
    "storage": StorageSettings,
    "log": LogSettings,
    "limits": LimitSettings,
    "access": AccessSettings,
    "web": WebSettings,
    "operator": OperatorSettings,
    "media": MediaSettings,
    "delivery": DeliverySettings,
}
_BRIDGES = "bridges"
_COMMON = tuple(BridgeTable.model_fields)

_BRIDGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # part of every stored key and of log lines
_EXAMPLE = re.compile(r"\W*change[\W_]*me", re.IGNORECASE)
_MAX_SECRET = 4096  # bytes
_LEAST_TOKEN = 16  # characters

_T = TypeVar("_T", bound=BaseModel)


def installed_bridges() -> Plugins:
    """The kinds that installed packages offer under the entry-point group ``causeway.bridges``."""
    return {point.name: point.load for point in entry_points(group=_ENTRY_POINTS)}


def load(path: Path, environ: Mapping[str, str], plugins: Plugins | None = None) -> Settings:
    """The settings in ``path``, with what ``environ`` overrides (``CAUSEWAY_XMPP__HOST`` and so on).

    Raises ``ConfigError`` with every problem that could be found.
    """
    try:
        source = read(path)
    except Unreadable as error:
        place = f"{path}, line {error.line}" if error.line else str(path)
        raise ConfigError([Problem(place, "", str(error))]) from error
    return _Reader(source, installed_bridges() if plugins is None else plugins, environ).settings()


class _Reader:
    """One reading: collects problems, so that all are told at once."""

    def __init__(self, source: Source, plugins: Plugins, environ: Mapping[str, str]) -> None:
        self._plugins = plugins
        self._problems: list[Problem] = []
        self._source = overlay(source, environ, self._is_text)
        self._data = self._source.data
        self._misspelt(environ)
        self._dates(self._data, ())

    def settings(self) -> Settings:
        for name in self._data:
            if name not in _TABLES and name != _BRIDGES:
                self._wrong((name,), unknown_key(name, (), [*_TABLES, _BRIDGES]))
        xmpp = self._table(XmppSettings, "xmpp")
        storage = self._table(StorageSettings, "storage")
        log = self._table(LogSettings, "log")
        limits = self._table(LimitSettings, "limits")
        access = self._table(AccessSettings, "access")
        web = self._table(WebSettings, "web")
        operator = self._operator(self._table(OperatorSettings, "operator"))
        media = self._table(MediaSettings, "media")
        delivery = self._table(DeliverySettings, "delivery")
        bridges = self._bridges(self._data.get(_BRIDGES, {}))
        if web and media:
            web, media = self._one_listener(web, media)
        if self._problems or not (
            xmpp and storage and log and limits and access and web and operator and media and delivery
        ):
            raise ConfigError(self._problems)
        media = media.model_copy(update={"directory": self._base() / media.directory})
        return Settings(
            xmpp, self._resolved(storage), log, limits, access, web, operator, media, delivery, bridges
        )

    def _one_listener(self, web: WebSettings, media: MediaSettings) -> tuple[WebSettings, MediaSettings]:
        """Both as if the listener had always been said in [web]; [media] has its address for links."""
        if media.listen and web.listen:
            self._wrong(
                ("media", "listen"),
                "is said in [web] as well: keep web.listen and web.public_url, and set media.give_out = true.",
            )
        elif media.listen:
            web = web.model_copy(update={"listen": media.listen, "public_url": media.public_url})
            media = media.model_copy(update={"give_out": True})
        elif media.give_out and not web.listen:
            self._wrong(
                ("media", "give_out"),
                "needs the gateway's own web server: set web.listen and web.public_url.",
            )
        elif media.give_out:
            media = media.model_copy(update={"listen": web.listen, "public_url": web.public_url})
        return web, media

    def _operator(self, operator: OperatorSettings | None) -> OperatorSettings | None:
        """With the token in place, wherever it stands."""
        if operator is None:
            return None
        token = operator.token.get_secret_value() if operator.token is not None else None
        if operator.token_file is not None:
            named = ("operator", "token_file")
            if token is not None:
                self._wrong(("operator", "token"), "is said beside token_file: keep one of them.")
                return None
            try:
                token = self._from_file(str(operator.token_file))
            except _BadSecret as error:
                self._wrong(named, str(error), error.missing)
                return None
        else:
            named = ("operator", "token")
        if token is not None and (len(token) < _LEAST_TOKEN or _EXAMPLE.match(token)):
            self._wrong(
                named,
                f"is too easy to guess: at least {_LEAST_TOKEN} characters, such as `openssl rand -hex 16` makes.",
            )
            return None
        return operator.model_copy(
            update={
                "token": SecretStr(token) if token is not None else None,
                "socket": self._base() / operator.socket,
            }
        )

    def _base(self) -> Path:
        """Where relative paths start."""
        return self._source.path.absolute().parent

    def _wrong(self, key: Key, text: str, missing: Path | None = None) -> None:
        self._problems.append(Problem(self._source.where(key), dotted(key), text, missing))

    # -- tables ------------------------------------------------------------------------------------------------

    def _table(self, model: type[_T], name: str) -> _T | None:
        return self._validated(model, (name,), self._data.get(name, {}))

    def _validated(self, model: type[_T], key: Key, table: Any, also: Iterable[str] = ()) -> _T | None:
        """``also`` are keys of the table that are not the model's."""
        if not isinstance(table, dict):
            self._wrong(key, f"must be a table: [{dotted(key)}].")
            return None
        table = {name: value for name, value in table.items() if name not in also}
        try:
            # As JSON, because strict validation of Python values takes no list for a tuple and no text for a path.
            return model.model_validate_json(json.dumps(table, default=str), strict=True)
        except ValidationError as error:
            self._problems += problems_of(error, self._source, key, model, also)
            return None

    def _resolved(self, storage: StorageSettings) -> StorageSettings:
        base = self._base()
        database = storage.database
        if (file := storage.database_file) is not None:
            database = database.replace(f":///{file}", f":///{base / file}", 1)
        return storage.model_copy(
            update={
                "database": database,
                "key_file": base / storage.key_file,
                "directory": base / storage.directory,
            }
        )

    def _dates(self, table: Mapping[str, Any], key: Key) -> None:
        """JSON has no dates and times, and no setting is one."""
        for name, value in table.items():
            if isinstance(value, dict):
                self._dates(value, (*key, name))
            elif any(
                isinstance(each, date | time) for each in (value if isinstance(value, list) else [value])
            ):
                self._wrong((*key, name), "is a date or time; no setting takes one.")

    # -- the environment ---------------------------------------------------------------------------------------

    def _is_text(self, key: Key, data: Mapping[str, Any]) -> bool:
        model, path = self._model(key, data)
        return model is None or takes_text(field_at(model, path))

    def _model(self, key: Key, data: Mapping[str, Any]) -> tuple[type[BaseModel] | None, Key]:
        if key[0] != _BRIDGES or len(key) < 3:
            return _TABLES.get(key[0]), key[1:]
        if key[2] in _COMMON:
            return BridgeTable, key[2:]
        kind = data[_BRIDGES][key[1]].get("kind") or key[1]
        try:
            return self._plugins[kind]().settings, key[2:]
        except (KeyError, TypeError, ImportError, AttributeError):
            return None, key  # told when the table is read

    def _misspelt(self, environ: Mapping[str, str]) -> None:
        for variable in sorted(environ):
            table, separator, key = variable.removeprefix(PREFIX).partition("_")
            known = table.lower() in _TABLES or table.lower() == _BRIDGES
            if variable.startswith(PREFIX) and known and separator and not key.startswith("_"):
                self._problems.append(
                    Problem(
                        "environment",
                        variable,
                        f"sets nothing: two underscores part table and key. Did you mean {PREFIX}{table}__{key}?",
                    )
                )

    # -- bridges -----------------------------------------------------------------------------------------------

    def _bridges(self, tables: Any) -> tuple[BridgeSettings, ...]:
        if not isinstance(tables, dict):
            self._wrong((_BRIDGES,), "must hold tables, such as [bridges.irc].")
            return ()
        if not tables:
            self._wrong(
                (_BRIDGES,), "is missing: without a table such as [bridges.irc] there is nothing to do."
            )
        found = [
            bridge for name, table in tables.items() if (bridge := self._bridge(name, table)) is not None
        ]
        owners: dict[str, str] = {}
        for bridge in found:
            if (first := owners.setdefault(bridge.jid, bridge.name)) != bridge.name:
                self._wrong(
                    (_BRIDGES, bridge.name, "jid"),
                    f'is "{bridge.jid}", but that is the jid of [bridges.{first}] already: every bridge needs a domain '
                    "of its own.",
                )
        return tuple(found)

    def _bridge(self, name: str, table: Any) -> BridgeSettings | None:
        key = (_BRIDGES, name)
        if not isinstance(table, dict):
            self._wrong(key, f"must be a table: [{dotted(key)}].")
            return None
        if _BRIDGE_NAME.fullmatch(name) is None:
            self._wrong(key, "is no name for a bridge: use up to 64 of the letters a to z, digits, - and _.")
            return None
        kind = table.get("kind", name) or name
        plugin = self._plugin(key, kind) if isinstance(kind, str) else None
        common = self._validated(
            BridgeTable, key, {each: value for each, value in table.items() if each in _COMMON}
        )
        secret = self._secret(key, table) if common else None
        own = self._validated(plugin.settings, key, table, _COMMON) if plugin else None
        if plugin is None or common is None or secret is None or own is None:
            return None
        return BridgeSettings(
            name,
            kind,
            common.jid,
            common.name,
            secret,
            plugin,
            placed(own, self._base()),
            common.persistent_by_default,
        )

    def _plugin(self, key: Key, kind: str) -> Plugin | None:
        load = self._plugins.get(kind)
        if load is None:
            named = (*key, "kind") if "kind" in self._data[_BRIDGES][key[1]] else key
            self._wrong(
                named,
                f"names a kind of bridge that is not installed, {shown(kind)}.{did_you_mean(kind, self._plugins)} "
                f'Installed: {", ".join(sorted(self._plugins)) or "none"}; write kind = "..." in the table.',
            )
            return None
        try:
            plugin = load()
        except (ImportError, AttributeError) as error:
            # What only one bridge needs is installed where that is asked for (``pyproject.toml``).
            how = f"Install it again, with what it needs: uv tool install '.[{kind}]' (or pipx install '.[{kind}]')."
            self._wrong(key, f"cannot be used: the bridge {kind} does not load ({error}). {how}")
            return None
        if taken := [each for each in plugin.settings.model_fields if each in _COMMON]:
            self._wrong(
                key,
                f"cannot be used: the bridge {kind} has settings with names of ours ({', '.join(taken)}).",
            )
            return None
        return plugin

    # -- secrets -----------------------------------------------------------------------------------------------

    def _secret(self, key: Key, table: Mapping[str, Any]) -> SecretStr | None:
        written = [each for each in ("secret", "secret_file") if each in table]
        # What the environment says goes before what the file says, whichever of the two it is.
        chosen = [each for each in written if (*key, each) in self._source.variables] or written
        variable = f"{PREFIX}BRIDGES__{key[1].upper().replace('-', '_')}__SECRET"
        if not chosen:
            self._wrong(
                key,
                "has no secret: set secret or secret_file here, or the environment variable "
                f"{variable}, to what the XMPP server has for this component.",
            )
            return None
        if len(chosen) > 1:
            self._wrong(key, "has both secret and secret_file: keep one of them.")
            return None
        named = (*key, chosen[0])
        try:
            secret = table["secret"] if chosen == ["secret"] else self._from_file(table["secret_file"])
        except _BadSecret as error:
            self._wrong(named, str(error), error.missing)
            return None
        if not secret:
            self._wrong(named, "is empty; put in what the XMPP server has for this component.")
        elif _EXAMPLE.match(secret):
            self._wrong(
                named,
                "is still that of the example; `causeway init` makes a good one, which goes here and into the XMPP "
                "server's configuration.",
            )
        else:
            return SecretStr(secret)
        return None

    def _from_file(self, name: str) -> str:
        path = self._source.path.absolute().parent / name
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                raw = file.read(_MAX_SECRET + 1)
        except OSError as error:
            missing = path if isinstance(error, FileNotFoundError) else None
            raise _BadSecret(f"names {path}, which cannot be read: {error.strerror}.", missing) from error
        if stat.S_ISREG(mode) and mode & stat.S_IRWXO:
            raise _BadSecret(
                f"names {path}, which everybody on this machine may read: run `chmod o= {path}`."
            )
        if len(raw) > _MAX_SECRET:
            raise _BadSecret(
                f"names {path}, which is too large for a secret (more than {_MAX_SECRET} bytes)."
            )
        try:
            return raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise _BadSecret(f"names {path}, which is not UTF-8 text.") from error


class _BadSecret(Exception):
    """A secret file that cannot be used; one sentence that continues "secret_file"."""

    def __init__(self, text: str, missing: Path | None = None) -> None:
        super().__init__(text)
        self.missing = missing
