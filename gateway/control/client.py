"""The command line's end of the control socket: a method for each thing that can be asked of a gateway that runs.

Blocks, and imports no event loop: a command that asks one question is to answer at once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter, ValidationError

from gateway.bridge import Finding
from gateway.control import shapes
from gateway.control.place import connected
from gateway.ops.desk import LimitView, Login, Reloaded, RuleView
from gateway.ops.status import FailureGroup, GatewayView, Point, Span, TraceView

_T = TypeVar("_T")

_PATIENCE = 30.0  # seconds for an answer to begin, or to go on
_SLOW = 120.0  # the same for what ends and begins something
_LINE = 1024 * 1024  # bytes of one finding


class ControlError(Exception):
    """It was not done; the text is a sentence that says why, and what to do."""


class NotRunning(ControlError):
    """Nobody listens on the socket."""


class NotAllowed(ControlError):
    """The gateway runs, but is not ours."""


class Client:
    """A running gateway, by its socket. Everything raises ``ControlError``."""

    def __init__(self, path: Path, *, patience: float = _PATIENCE) -> None:
        self._path = path
        self._patience = patience

    def status(self, sessions: int = 0) -> GatewayView:
        """With so many sessions of each bridge."""
        return self._get(f"/status?sessions={sessions}", shapes.STATUS)

    def metrics(self) -> str:
        """The Prometheus text format."""
        return self._ask("GET", "/metrics").decode()

    def readiness(self) -> shapes.Readiness:
        """Whether messages are carried by all bridges, and what ails the gateway."""
        return _read(self._ask("GET", "/readyz", also=(503,)), shapes.READINESS)

    def history(self, bridge: str, span: Span = Span.HOUR) -> Sequence[Point]:
        return self._get(f"/history/{_part(bridge)}?span={span}", shapes.HISTORY)

    def failures(self) -> Sequence[FailureGroup]:
        """Of the last day, the latest first."""
        return self._get("/failures", shapes.FAILURES)

    def trace(self, id_: str) -> Sequence[TraceView]:
        return self._get(f"/trace/{_part(id_)}", shapes.TRACES)

    def limits(self, bridge: str) -> Sequence[LimitView]:
        return self._get(f"/limits/{_part(bridge)}", shapes.LIMITS)

    def change_limits(self, bridge: str, values: Mapping[str, int | None]) -> None:
        """None goes back to what the configuration says."""
        self._post(f"/limits/{_part(bridge)}", shapes.NEW_LIMITS, shapes.NewLimits(dict(values)))

    def rules(self) -> Sequence[RuleView]:
        return self._get("/rules", shapes.RULES)

    def decide(self, bridge: str, subject: str, allow: bool | None, reason: str = "") -> None:
        """Shut a user or domain out of a bridge, or let them in; with None for ``allow``, take that back."""
        self._post("/rules", shapes.DECISION, shapes.Decision(bridge, subject, allow, reason))

    def set_log_level(self, level: str) -> None:
        self._post("/log-level", shapes.LEVEL, shapes.Level(level))

    def restart(self, bridge: str) -> None:
        """Returns when it runs again."""
        self._ask("POST", f"/restart/{_part(bridge)}", patience=_SLOW)

    def reload(self) -> Reloaded:
        return _read(self._ask("POST", "/reload", patience=_SLOW), shapes.RELOADED)

    def doctor(self, bridge: str = "", login: Login | None = None) -> Iterator[Finding]:
        """Findings, each as soon as it is there."""
        body = shapes.EXAMINE.dump_json(shapes.Examine(login)) if login is not None else None
        query = f"?{urlencode({'bridge': bridge})}" if bridge else ""
        connection, response = self._begin("POST", f"/doctor{query}", body=body, patience=_SLOW)
        try:
            if response.status != 200:
                raise self._refused(response, response.read())
            yield from self._lines(response)
        finally:
            connection.close()

    def _lines(self, response: HTTPResponse) -> Iterator[Finding]:
        try:
            while line := response.readline(_LINE):
                yield _read(line, shapes.FINDING)
        except (OSError, HTTPException) as error:
            raise self._lost(error) from None

    def _get(self, target: str, shape: TypeAdapter[_T]) -> _T:
        return _read(self._ask("GET", target), shape)

    def _post(self, target: str, shape: TypeAdapter[_T], value: _T) -> None:
        self._ask("POST", target, body=shape.dump_json(value))

    def _ask(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        also: tuple[int, ...] = (),
        patience: float | None = None,
    ) -> bytes:
        """An answer's body. ``also``: statuses that are an answer too."""
        connection, response = self._begin(method, target, body=body, patience=patience)
        try:
            text = response.read()
        except (OSError, HTTPException) as error:
            raise self._lost(error) from None
        finally:
            connection.close()
        if response.status not in {200, 204, *also}:
            raise self._refused(response, text)
        return text

    def _begin(
        self, method: str, target: str, *, body: bytes | None = None, patience: float | None = None
    ) -> tuple[HTTPConnection, HTTPResponse]:
        connection = HTTPConnection("gateway")
        try:
            connection.sock = connected(self._path, patience or self._patience)
        except PermissionError:
            raise NotAllowed(
                f"You may not use {self._path}: run this as root, or as the user that runs the gateway "
                "(`sudo -u causeway causeway ...`)."
            ) from None
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NotRunning(
                f"No gateway runs here: nobody listens on {self._path}. Start it (`systemctl start causeway`, or "
                "`causeway run`), or name its configuration with -c."
            ) from None
        except OSError as error:
            raise self._lost(error) from None
        try:
            connection.request(method, target, body=body)
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> ControlError:
        if isinstance(error, TimeoutError):
            return ControlError(
                f"The gateway at {self._path} does not answer: it hangs, or is very busy. Look at its log; if it stays "
                "so, restart it."
            )
        why = str(error) or type(error).__name__
        return ControlError(
            f"The gateway at {self._path} broke off ({why}): did it just end? Look at its log."
        )

    def _refused(self, response: HTTPResponse, text: bytes) -> ControlError:
        theirs = response.headers.get(shapes.VERSION_HEADER)
        if theirs is None:
            return ControlError(f"What listens on {self._path} is no gateway: correct operator.socket.")
        try:
            said = shapes.TROUBLE.validate_python(json.loads(text)).error
        except ValueError:
            said = f"The gateway answered with status {response.status}."
        if response.status == 403:
            return NotAllowed(said)
        if response.status == 404:
            return ControlError(
                f"The gateway that runs is version {theirs} and does not know this command: restart it, so that it is the "
                "version that is installed."
            )
        return ControlError(said)


def _part(text: str) -> str:
    """As one segment of a path."""
    return quote(text, safe="")


def _read(text: bytes, shape: TypeAdapter[_T]) -> _T:
    try:
        return shape.validate_json(text)
    except ValidationError:
        raise ControlError(
            "The gateway's answer is not understood: it is of another version than this command. Restart it, so that it is "
            "the version that is installed."
        ) from None
