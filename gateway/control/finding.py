"""Where the control socket of a configuration is. Reads no more of it than that: a gateway that runs is to be reached
also while its configuration is being written and is wrong."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config_file import PREFIX, Unreadable, read
from gateway.control.client import ControlError

_DEFAULT = "causeway.sock"
_VARIABLE = f"{PREFIX}OPERATOR__SOCKET"


def socket_of(config: Path, environ: Mapping[str, str]) -> Path:
    """Raises ``ControlError`` if nobody can tell."""
    base = config.absolute().parent
    if variable := environ.get(_VARIABLE):
        return base / variable
    try:
        operator = read(config).data.get("operator", {})
    except Unreadable as error:
        if error.line:  # it is there, and being edited
            return base / _DEFAULT
        raise ControlError(f"{config} {error}. Name the gateway's configuration with -c.") from None
    named = operator.get("socket", _DEFAULT) if isinstance(operator, dict) else _DEFAULT
    return base / (named if isinstance(named, str) else _DEFAULT)
