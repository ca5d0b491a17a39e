"""Data forms (XEP-0004): asked with the model's fields, read within bounds, checked against the same fields.

Does not know what a form is for, nor where its values go.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from gateway.model import Condition, Field, FieldKind, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.stanza import parse_jid
from gateway.xmpp.xml import children, element, text_element

DATA = "jabber:x:data"

FIELDS_LIMIT = 100
VALUES_LIMIT = 100  # of one field
SIZE_LIMIT = 64 * 1024  # bytes of UTF-8, all names and values together

Values = Mapping[str, tuple[str, ...]]

_TRUTH = {"true": "true", "1": "true", "false": "false", "0": "false"}
_SEVERAL = frozenset({FieldKind.LINES, FieldKind.JIDS, FieldKind.CHOICES, FieldKind.FIXED})
_LINE_BREAK = re.compile("\r\n|\r|\n")
# RFC 7622 §3.3.1: what a local part must not hold; spaces and controls stand for everything that no domain
# holds.
_BAD_LOCAL = re.compile("[\"&'/:<>@\\s]")
_BAD_DOMAIN = re.compile("[\\s\x00-\x1f@\"&'<>]")
_PART_LIMIT = 1023  # bytes, RFC 7622 §3.1


@dataclass(frozen=True, slots=True)
class Form:
    """A form to fill in. ``form_type`` names its meaning for programs (XEP-0068), empty where only people
    read it."""

    title: str
    fields: tuple[Field, ...] = ()
    instructions: str = ""
    form_type: str = ""


@dataclass(frozen=True, slots=True)
class Datum:
    """One field of a ``DataSet``."""

    name: str
    values: tuple[str, ...]
    label: str = ""
    type: str = "text-single"


@dataclass(frozen=True, slots=True)
class DataSet:
    """Data for programs under a registered ``form_type``, as in extended discovery (XEP-0128)."""

    form_type: str
    data: tuple[Datum, ...] = ()


def said(form: Form, say: Callable[[str], str]) -> Form:
    """``form`` with all that people read in it put through ``say``, which knows their language."""
    return replace(
        form,
        title=say(form.title),
        instructions=say(form.instructions),
        fields=tuple(
            replace(
                field,
                label=say(field.label),
                help=say(field.help),
                default=say(field.default) if field.kind is FieldKind.FIXED else field.default,
                options=tuple((value, say(label)) for value, label in field.options),
            )
            for field in form.fields
        ),
    )


def render_form(form: Form, values: Values | None = None) -> str:
    """``form`` as ``<x type='form'/>``. ``values`` are shown in place of the defaults of the fields they
    name."""
    shown = values or {}
    return element(
        "x",
        DATA,
        {"type": "form"},
        text_element("title", _one_line(form.title)) if form.title else "",
        *(text_element("instructions", line) for line in _lines(form.instructions)),
        _form_type(form.form_type),
        *(_render_field(field, shown.get(field.name)) for field in form.fields),
    )


def render_data(data: DataSet) -> str:
    """``data`` as ``<x type='result'/>``."""
    return element(
        "x",
        DATA,
        {"type": "result"},
        _form_type(data.form_type),
        *(
            element(
                "field",
                "",
                {"var": datum.name, "type": datum.type, "label": datum.label or None},
                *(text_element("value", value) for value in datum.values),
            )
            for datum in data.data
        ),
    )


def find_form(parent: Element) -> Element | None:
    """The first data form among the children of ``parent``."""
    return parent.find(f"{{{DATA}}}x")


def read_submission(form: Element) -> dict[str, tuple[str, ...]]:
    """The values of a submitted form by field name, as they came; types and fields without a name are
    ignored, of two fields with one name the later one counts. Raises ``RefusedError``
    (``policy-violation``) where a bound is passed."""
    found: dict[str, tuple[str, ...]] = {}
    size = 0
    for field in children(form, "field", DATA, FIELDS_LIMIT):
        name = field.get("var")
        values = tuple(value.text or "" for value in children(field, "value", DATA, VALUES_LIMIT))
        size += len((name or "").encode()) + sum(len(value.encode()) for value in values)
        if size > SIZE_LIMIT:
            raise RefusedError(
                Refused(
                    Condition.POLICY_VIOLATION,
                    f"The form is too big: at most {SIZE_LIMIT // 1024} KiB are accepted.",
                )
            )
        if name:
            found[name] = values
    return found


def check(fields: Sequence[Field], submitted: Values) -> dict[str, tuple[str, ...]]:
    """``submitted`` in the words of ``fields``: booleans as ``true`` or ``false``, LINES one value a line,
    JIDs once each, an empty value as none. Names that are no field's are left out, and so are fields that
    were not submitted: whether these keep their value or lose it is not for the form to say. Raises
    ``RefusedError`` (``not-acceptable``) naming every field that is wrong by its label."""
    accepted: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for field in fields:
        if field.kind is FieldKind.FIXED:
            continue
        values = submitted.get(field.name)
        try:
            if values is not None:
                accepted[field.name] = values = _checked(field, values)
            if field.required and not values:
                raise _Unfit("is required; please fill it in")
        except _Unfit as unfit:
            problems.append(f"“{field.label or field.name}” {unfit}.")
    if problems:
        raise RefusedError(Refused(Condition.NOT_ACCEPTABLE, " ".join(problems)))
    return accepted


def in_words(values: Values) -> dict[str, str]:
    """Checked values as the model keeps settings: one text each, several values parted by ``\\n``."""
    return {name: "\n".join(several) for name, several in values.items()}


class _Unfit(ValueError):
    """What is wrong with a field's values, as the rest of a sentence that begins with its label."""


def _checked(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    if field.kind not in _SEVERAL and len(values) > 1:
        raise _Unfit("takes one value only")
    return _CHECKS[field.kind](field, values)


def _check_line(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    kept = tuple(value for value in values if value)
    if any(_LINE_BREAK.search(value) for value in kept):
        raise _Unfit("takes a single line; please remove the line breaks")
    return kept


def _check_lines(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    lines = tuple(line for value in values for line in _LINE_BREAK.split(value))
    return lines if any(lines) else ()


def _check_boolean(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    kept = tuple(value.strip() for value in values if value.strip())
    if any(value not in _TRUTH for value in kept):
        raise _Unfit("is a yes-or-no question: the answer is true or false")
    return tuple(_TRUTH[value] for value in kept)


def _check_choice(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    known = {value for value, _ in field.options}
    kept = tuple(dict.fromkeys(value for value in values if value or value in known))
    if any(value not in known for value in kept):
        raise _Unfit("takes only what is offered in the list")
    return kept


def _check_jids(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    # XEP-0004 §3.3: duplicates are ignored
    kept = tuple(dict.fromkeys(jid for value in values if (jid := value.strip())))
    for jid in kept:
        if not plausible_jid(jid):
            raise _Unfit("takes XMPP addresses such as user@example.org, one a line")
    return kept


_CHECKS: dict[FieldKind, Callable[[Field, tuple[str, ...]], tuple[str, ...]]] = {
    FieldKind.TEXT: _check_line,
    FieldKind.SECRET: _check_line,
    FieldKind.LINES: _check_lines,
    FieldKind.BOOLEAN: _check_boolean,
    FieldKind.CHOICE: _check_choice,
    FieldKind.CHOICES: _check_choice,
    FieldKind.JIDS: _check_jids,
}


def plausible_jid(text: str) -> bool:
    """Whether ``text`` has the shape of a JID: parts of a fitting length, none of the characters that never
    fit. The server that is given the address judges the rest."""
    jid = parse_jid(text)
    return (
        bool(jid.domain)
        and ("@" not in jid.bare or bool(jid.local))
        and ("/" not in text or bool(jid.resource))
        and all(
            len(part.encode(errors="replace")) <= _PART_LIMIT
            for part in (jid.local, jid.domain, jid.resource)
        )
        and _BAD_LOCAL.search(jid.local) is None
        and _BAD_DOMAIN.search(jid.domain) is None
    )


def _render_field(field: Field, values: tuple[str, ...] | None) -> str:
    shown = defaults(field) if values is None else values
    return element(
        "field",
        "",
        {"var": field.name, "type": field.kind.value, "label": field.label or None},
        text_element("desc", _one_line(field.help)) if field.help else "",
        "<required/>" if field.required else "",
        *(text_element("value", value) for value in shown),
        *(
            element("option", "", {"label": label or None}, text_element("value", value))
            for value, label in field.options
        ),
    )


def defaults(field: Field) -> tuple[str, ...]:
    """The values that a field has when nothing else is said."""
    if not field.default:
        return ()
    return tuple(field.default.split("\n")) if field.kind in _SEVERAL else (field.default,)


def _form_type(form_type: str) -> str:
    if not form_type:
        return ""
    return element("field", "", {"var": "FORM_TYPE", "type": "hidden"}, text_element("value", form_type))


def _lines(text: str) -> list[str]:
    # XEP-0004 §3: no line breaks in instructions, but any number of them
    return [line for line in _LINE_BREAK.split(text) if line]


def _one_line(text: str) -> str:
    return " ".join(_lines(text))
