"""Looks through a ``kannel.conf`` for what makes Kannel lose messages without a word, or send what nobody wrote.

Knows the file's form (groups of ``name = value``) and the settings of smsbox that matter to us; what each does was tried
with Kannel 1.4.5. Changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.bridge import Hint

_LONGEST = 1_000_000  # octets of a file
_MOST_LINES = 20_000
_DEEPEST = 5  # files that include files


class Unreadable(Exception):
    """The file cannot be read; the argument is a sentence with the fix."""


@dataclass(frozen=True, slots=True)
class Group:
    """``line`` is where it begins in its file."""

    kind: str
    line: int
    values: dict[str, str] = field(default_factory=dict)

    def on(self, name: str) -> bool:
        """Booleans as Kannel reads them."""
        return self.values.get(name, "").lower() in ("true", "yes", "on", "1")

    def number(self, name: str) -> int | None:
        text = self.values.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What we need of it: the user that we send as, the smsc-id that we name, and a piece of the address that texts are
    brought to (``/bridge/sms/ROUTE/``)."""

    username: str
    smsc: str = ""
    address: str = ""


def look(path: Path, wanted: Wanted) -> list[str | Hint]:
    """All faults of a file, or why it cannot be looked through; each with its name. What matters only when Kannel itself
    fails is a hint."""
    try:
        groups = read(path)
    except Unreadable as error:
        return [str(error)]
    hints = [Hint(f"{path.name}: {each}") for each in _core(groups)]
    return [*(f"{path.name}: {each}" for each in _losses(groups, wanted)), *hints]


def read(path: Path) -> list[Group]:
    """All groups, those of included files too. Raises ``Unreadable``."""
    groups: list[Group] = []
    _read(path, groups, 0)
    return groups


def parsed(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, name and value of every setting; comments and what is no setting are left out."""
    for number, raw in enumerate(text.splitlines()[:_MOST_LINES], start=1):
        line = raw.strip()
        name, equals, value = line.partition("=")
        if not equals or line.startswith("#"):
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1].replace('\\"', '"')
        yield number, name.strip().lower(), value


def _read(path: Path, groups: list[Group], depth: int) -> None:
    if depth > _DEEPEST:
        raise Unreadable(f"{path} is included in itself; take the include line out.")
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST).decode("utf-8", "replace")
    except OSError as error:
        raise Unreadable(
            f"{path} cannot be read ({error.strerror}); let the gateway's user read it, or correct config_file."
        ) from None
    for number, name, value in parsed(text):
        if name == "include":
            inner = path.parent / value
            found = sorted(inner.iterdir()) if inner.is_dir() else [inner]
            for each in found:
                _read(each, groups, depth + 1)
        elif name == "group":
            groups.append(Group(value, number))
        elif groups:
            groups[-1].values[name] = value


def faults(groups: list[Group], wanted: Wanted) -> list[str]:
    """What is wrong, each in a sentence with the fix; the worst first."""
    return [*_losses(groups, wanted), *_core(groups)]


def _losses(groups: list[Group], wanted: Wanted) -> list[str]:
    return [
        *_boxes(groups),
        *_services(groups, wanted),
        *_users(groups, wanted),
        *_smscs(groups, wanted),
    ]


def _of(groups: list[Group], kind: str) -> list[Group]:
    return [each for each in groups if each.kind == kind]


def _boxes(groups: list[Group]) -> Iterator[str]:
    boxes = _of(groups, "smsbox")
    if not boxes:
        yield "There is no group smsbox: nothing is taken from us and nothing brought; add one with sendsms-port."
    routes = _of(groups, "smsbox-route")
    for box in boxes:
        where = f"group smsbox (line {box.line})"
        if not box.number("http-request-retry"):
            yield (
                f"{where} has no http-request-retry: a text that we cannot take just then is lost; set it to 10 or more."
            )
        elif not box.number("http-queue-delay"):
            yield f"{where} has no http-queue-delay: all retries come within a minute; set it to 10 or more seconds."
        if "smsbox-id" in box.values and not any(
            each.values.get("smsbox-id") == box.values["smsbox-id"] for each in routes
        ):
            yield (
                f"{where} has a smsbox-id that no group smsbox-route names: texts that come in wait for ever; take it out."
            )
        if not box.on("mo-recode"):
            yield f"{where} has no mo-recode: texts may come in the SMSC's own alphabet; set mo-recode = true."


def _services(groups: list[Group], wanted: Wanted) -> Iterator[str]:
    services = _of(groups, "sms-service")
    ours = [
        each
        for each in services
        if "get-url" in each.values and (not wanted.address or wanted.address in each.values["get-url"])
    ]
    if not ours:
        piece = wanted.address or "the gateway's address"
        yield f"No group sms-service has a get-url with {piece} in it: texts that come in are not brought to us."
    for each in ours:
        where = f"group sms-service (line {each.line})"
        if each.values.get("keyword", "").lower() != "default" and not each.on("catch-all"):
            yield f"{where} takes only texts that begin with its keyword; set keyword = default and catch-all = true."
        elif not each.on("catch-all"):
            yield f"{where} has no catch-all: texts with words after the first may be refused; set catch-all = true."
        if each.number("max-messages") != 0:
            yield f"{where} may text the body of our answer back to people; set max-messages = 0."
        if not each.on("omit-empty"):
            yield f'{where} may text "<Empty reply from service provider>" to people; set omit-empty = true.'
        url = each.values["get-url"]
        missing = [code for code in ("%p", "%P", "%b", "%c", "%I") if code not in url]
        if missing:
            yield f"{where} does not bring {', '.join(missing)} in its get-url; write it as docs/sms.md has it."
        if "%a" in url or "%r" in url:
            yield f"{where} brings the text as %a or %r, which loses characters; use text=%b with coding=%c."
        if "alt-charset" in each.values:
            yield f"{where} has an alt-charset, which breaks decoding; take it out."


def _users(groups: list[Group], wanted: Wanted) -> Iterator[str]:
    users = [each for each in _of(groups, "sendsms-user") if each.values.get("username") == wanted.username]
    if not users:
        yield f"No group sendsms-user has the username {wanted.username!r}; add it, or correct `username`."
    for user in users:
        where = f"group sendsms-user (line {user.line})"
        if not user.on("concatenation"):
            yield f"{where} has no concatenation: long texts arrive as separate ones; set concatenation = true."
        most = user.number("max-messages")
        if most is None or most < 10:
            yield f"{where} cuts texts off after {most or 1} parts without a word; set max-messages = 20."
        forced = user.values.get("forced-smsc", "")
        if forced and wanted.smsc and forced != wanted.smsc:
            yield f"{where} sends all through {forced!r} (forced-smsc), not through `smsc` = {wanted.smsc!r}."
        if "default-sender" in user.values or "faked-sender" in user.values:
            yield f"{where} has a default-sender or faked-sender: replies go to that number; take it out."


def _smscs(groups: list[Group], wanted: Wanted) -> Iterator[str]:
    smscs = _of(groups, "smsc")
    if not smscs:
        yield "There is no group smsc: texts wait in Kannel for ever."
    if wanted.smsc and not any(each.values.get("smsc-id") == wanted.smsc for each in smscs):
        yield f"No group smsc has the smsc-id {wanted.smsc!r}: texts go through any of them; correct `smsc`."
    for each in smscs:
        id = each.values.get("smsc-id", "")
        where = f"group smsc {id or '?'} (line {each.line})"
        if wanted.smsc and id not in _list(each.values.get("allowed-smsc-id", "")):
            yield (
                f"{where} has no allowed-smsc-id = {id or 'its smsc-id'}: it takes texts that are meant for others, or "
                "sends ours elsewhere; add it to every smsc."
            )
        if "alt-charset" in each.values and each.values["alt-charset"].upper() == "GSM":
            yield f'{where} has alt-charset = "GSM", which breaks decoding; take it out.'


def _core(groups: list[Group]) -> Iterator[str]:
    for core in _of(groups, "core"):
        if "store-location" not in core.values and "store-file" not in core.values:
            yield "group core has no store-location: a restart of Kannel loses what waits in it; set store-type and it."
        if core.values.get("dlr-storage", "internal") == "internal":
            yield (
                "group core keeps reports in memory (dlr-storage = internal): after a restart nobody learns what arrived; "
                "use a database."
            )
        if core.values.get("sms-combine-concatenated-mo", "true").lower() not in ("true", "yes", "on", "1"):
            continue  # parts come one by one then, with their headers: we join them
        if (core.number("sms-combine-concatenated-mo-timeout") or 1800) > 3600:
            yield "group core waits more than an hour for missing parts (sms-combine-concatenated-mo-timeout); 300 will do."


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(";")]
