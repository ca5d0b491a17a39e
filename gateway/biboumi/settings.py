"""biboumi's options in the words of our settings, which on purpose have its names; and what of them is not taken over.

Pure. Values are as ``gateway.model.Field`` has them, parted where there are several.
"""

from collections.abc import Mapping, Sequence

from gateway.biboumi.tables import Options

Values = dict[str, Sequence[str]]

#: What biboumi has for everybody who never chose ports.
_USUAL_PORTS = ["6667"]
#: By column: the setting's name.
_NETWORK = {
    "address": "address",
    "nick": "nick",
    "username": "username",
    "realname": "realname",
    "pass": "pass",
    "saslpassword": "sasl_password",
    "encodingin": "encoding_in",
    "encodingout": "encoding_out",
}
_ROOM = {"encodingin": "encoding_in", "encodingout": "encoding_out"}
_SHA256 = 64  # hexadecimal digits
_TRISTATE = {1: "true", -1: "false"}


def common(row: Options) -> Values:
    """What was set for the whole gateway."""
    return {
        **_number(row, "maxhistorylength", "max_history_length"),
        **_truth(row, "recordhistory", "record_history"),
        **_truth(row, "persistent", "persistent"),
    }


def network(row: Options) -> tuple[Values, list[str]]:
    """What was set for a server; and what of it is left behind, in words that are the same for everybody."""
    values, left = _texts(row, _NETWORK), []
    tls, plain = _ports(row.get("tlsports")), _ports(row.get("ports"))
    values["tls_ports"] = tls
    # biboumi offers its usual port without encryption to everybody, and takes it whenever the encrypted ones fail.
    if tls and plain == _USUAL_PORTS:
        left.append("port 6667 without encryption, where there are ports with encryption")
        plain = []
    values["ports"] = plain
    if row.get("verifycert") is not None:
        values["verify_cert"] = ["true" if row["verifycert"] else "false"]
    fingerprint = str(row.get("trustedfingerprint") or "")
    if fingerprint and len(fingerprint.replace(":", "").strip()) == _SHA256:
        values["fingerprint"] = [fingerprint]
    elif fingerprint:
        left.append("fingerprints of certificates that are not SHA-256")
    # Zero is what biboumi writes for a field that was not filled in.
    if row.get("throttlelimit"):
        values |= _number(row, "throttlelimit", "throttle_limit")
    if row.get("maxhistorylength"):
        values |= _number(row, "maxhistorylength", "max_history_length")
    commands = [line for line in str(row.get("commands") or "").split("\n") if line.strip()]
    if commands:
        values["after_connect_commands"] = commands
    return values, left


def room(row: Options) -> Values:
    """What was set for a channel."""
    record = _TRISTATE.get(_whole(row.get("recordhistory")) or 0, "unset")
    persistent: Values = {"persistent": ["true"]} if row.get("persistent") else {}
    return {**_texts(row, _ROOM), "record_history": [record], **persistent}


def _texts(row: Options, names: Mapping[str, str]) -> Values:
    return {setting: [str(row[column])] for column, setting in names.items() if row.get(column)}


def _ports(value: object) -> list[str]:
    return [port for port in str(value or "").split(";") if port.strip()]


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, (int, bool)) else None


def _number(row: Options, column: str, setting: str) -> Values:
    value = _whole(row.get(column))
    return {} if value is None else {setting: [str(value)]}


def _truth(row: Options, column: str, setting: str) -> Values:
    value = _whole(row.get(column))
    return {} if value is None else {setting: ["true" if value else "false"]}
