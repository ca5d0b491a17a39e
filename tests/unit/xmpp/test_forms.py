"""gateway/xmpp/forms.py: forms as they are asked, and submissions as they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Condition, Field, FieldKind
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import (
    DATA,
    DataSet,
    Datum,
    Form,
    check,
    find_form,
    in_words,
    plausible_jid,
    read_submission,
    render_data,
    render_form,
)
from tests.unit.xmpp.support import ANY_TEXT, carried, parse

NS = f"{{{DATA}}}"


def submitted(content: str) -> dict[str, tuple[str, ...]]:
    return read_submission(parse(f"<x xmlns='{DATA}' type='submit'>{content}</x>"))


def test_a_form_shows_everything_a_person_needs():
    form = Form(
        "Configure",
        (
            Field("nick", "Nick", required=True, help="How others\nsee you."),
            Field("tls", "Encrypt", FieldKind.BOOLEAN, "true"),
            Field("ports", "Ports", FieldKind.LINES, "6697\n6670"),
            Field("pass", "Password", FieldKind.SECRET),
            Field(
                "record", "Record", FieldKind.CHOICE, "unset", options=(("unset", "Not set"), ("true", ""))
            ),
        ),
        "First line.\nSecond line.",
        "urn:form",
    )
    x = parse(render_form(form))
    assert (x.tag, x.get("type")) == (f"{NS}x", "form")
    assert x.findtext(f"{NS}title") == "Configure"
    assert [i.text for i in x.iterfind(f"{NS}instructions")] == ["First line.", "Second line."]
    hidden, nick, tls, ports, password, record = x.iterfind(f"{NS}field")
    assert (hidden.get("var"), hidden.get("type"), hidden.findtext(f"{NS}value")) == (
        "FORM_TYPE",
        "hidden",
        "urn:form",
    )
    assert (nick.get("type"), nick.get("label")) == ("text-single", "Nick")
    assert nick.find(f"{NS}required") is not None
    assert nick.findtext(f"{NS}desc") == "How others see you."
    assert nick.find(f"{NS}value") is None
    assert tls.findtext(f"{NS}value") == "true"
    assert [v.text for v in ports.iterfind(f"{NS}value")] == ["6697", "6670"]
    assert password.get("type") == "text-private"
    assert record.findtext(f"{NS}value") == "unset"
    assert [(o.get("label"), o.findtext(f"{NS}value")) for o in record.iterfind(f"{NS}option")] == [
        ("Not set", "unset"),
        (None, "true"),
    ]


def test_given_values_replace_the_defaults_and_empty_ones_too():
    form = Form(
        "t", (Field("a", "A", default="1"), Field("b", "B", default="2"), Field("c", "C", default="3"))
    )
    x = parse(render_form(form, {"a": ("9",), "b": ()}))
    assert [f.findtext(f"{NS}value") for f in x.iterfind(f"{NS}field")] == ["9", None, "3"]


TEXTS = st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)


@given(TEXTS, st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=3), st.sampled_from(list(FieldKind)))
def test_any_text_in_any_place_of_a_form_comes_back(texts, options, kind):
    name, label, help_text, default = texts
    field = Field(name, label, kind, default, help_text, True, tuple(options))
    x = parse(render_form(Form(label, (field,), help_text), {name: (default, label)}))
    (read,) = x.iterfind(f"{NS}field")
    assert read.get("var") == carried(name)
    assert [v.text or "" for v in read.iterfind(f"{NS}value")] == [carried(default), carried(label)]
    assert [o.findtext(f"{NS}value") or "" for o in read.iterfind(f"{NS}option")] == [
        carried(value) for value, _ in options
    ]


@given(st.dictionaries(ANY_TEXT.filter(lambda t: carried(t) == t and t), st.lists(ANY_TEXT, max_size=3)))
def test_any_submission_reads_back(values):
    data = DataSet("", tuple(Datum(name, tuple(several)) for name, several in values.items()))
    assert read_submission(parse(render_data(data))) == {
        name: tuple(map(carried, several)) for name, several in values.items()
    }


def test_types_names_and_foreign_elements_that_are_missing_or_odd_are_tolerated():
    assert submitted(
        "<title>x</title><dummy xmlns='urn:d'/><field><value>no name</value></field>"
        "<field type='fixed'><value>text</value></field>"
        "<field var='a' type='silly'><value>1</value><option><value>2</value></option><dummy/></field>"
        "<field var='b'/><field var='c'><value/></field>"
        "<field var='d'><value>old</value></field><field var='d'><value>new</value></field>"
    ) == {"a": ("1",), "b": (), "c": ("",), "d": ("new",)}


@pytest.mark.parametrize(
    "content",
    [
        "<field var='a'/>" * 101,
        f"<field var='a'>{'<value/>' * 101}</field>",
        f"<field var='a'><value>{'é' * 33_000}</value></field>",
        f"<field var='{'n' * 66_000}'/>",
        f"<field var='a'><value>{'x' * 700}</value></field>" * 100,
    ],
    ids=["fields", "values", "one value", "a name", "all together"],
)
def test_a_submission_beyond_bounds_is_refused(content):
    with pytest.raises(RefusedError) as refusal:
        submitted(content)
    assert refusal.value.refused.condition is Condition.POLICY_VIOLATION


def test_the_greatest_form_allowed_is_read():
    content = "".join(f"<field var='f{n}'>{'<value>12345</value>' * 100}</field>" for n in range(100))
    assert len(submitted(content)) == 100


def test_a_form_is_found_among_other_children():
    assert find_form(parse("<command><note/><x xmlns='other'/></command>")) is None
    assert find_form(parse(f"<command><note/><x xmlns='{DATA}'/></command>")) is not None


CHOICE = Field("c", "Colour", FieldKind.CHOICE, options=(("r", "Red"), ("g", "Green")))
CHOICES = Field("c", "Colours", FieldKind.CHOICES, options=CHOICE.options)
BOOLEAN = Field("b", "Encrypt", FieldKind.BOOLEAN)
TEXT = Field("t", "Nick")
SECRET = Field("s", "Password", FieldKind.SECRET)
LINES = Field("l", "Ports", FieldKind.LINES)
JIDS = Field("j", "Users", FieldKind.JIDS)


@pytest.mark.parametrize(
    ("field", "values", "kept"),
    [
        (BOOLEAN, ("true",), ("true",)),
        (BOOLEAN, ("1",), ("true",)),
        (BOOLEAN, ("0",), ("false",)),
        (BOOLEAN, (" false ",), ("false",)),
        (BOOLEAN, ("",), ()),
        (CHOICE, ("r",), ("r",)),
        (CHOICE, ("",), ()),
        (CHOICE, (), ()),
        (CHOICES, ("g", "r", "g"), ("g", "r")),
        (TEXT, ("  a b ",), ("  a b ",)),
        (TEXT, ("",), ()),
        (SECRET, (" pass word ",), (" pass word ",)),
        (LINES, ("6697", "6670"), ("6697", "6670")),
        (LINES, ("6697\n6670\r\n7000\r1",), ("6697", "6670", "7000", "1")),
        (LINES, ("a", "", "b"), ("a", "", "b")),
        (LINES, ("", ""), ()),
        (JIDS, ("a@b.example ", "a@b.example", "", "c.example/r s"), ("a@b.example", "c.example/r s")),
    ],
)
def test_fitting_values_are_put_into_the_words_of_the_model(field, values, kept):
    assert check([field], {field.name: values}) == {field.name: kept}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (BOOLEAN, ("yes",)),
        (BOOLEAN, ("true", "false")),
        (CHOICE, ("blue",)),
        (CHOICE, ("r", "g")),
        (CHOICES, ("r", "blue")),
        (TEXT, ("a", "b")),
        (TEXT, ("a\nQUIT",)),
        (SECRET, ("a\rQUIT",)),
        (JIDS, ("a b@c",)),
        (JIDS, ("@c",)),
        (JIDS, ("a@",)),
        (JIDS, ("a@b/",)),
        (JIDS, ("a" * 1024 + "@b",)),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_that_people_see(field, values):
    with pytest.raises(RefusedError, match=f"“{field.label}”") as refusal:
        check([field], {field.name: values})
    assert refusal.value.refused.condition is Condition.NOT_ACCEPTABLE


def test_all_that_is_wrong_is_said_at_once():
    required = Field("n", "", required=True)
    with pytest.raises(RefusedError) as refusal:
        check([required, BOOLEAN, TEXT], {"b": ("maybe",), "n": ("",)})
    assert refusal.value.refused.text == (
        "“n” is required; please fill it in. “Encrypt” is a yes-or-no question: the answer is true or false."
    )


def test_fields_not_submitted_and_fields_not_asked_are_left_out():
    assert check([TEXT, BOOLEAN], {"b": ("1",), "other": ("x",)}) == {"b": ("true",)}


def test_checked_values_become_settings_of_the_model():
    assert in_words({"l": ("1", "2"), "t": (), "b": ("true",)}) == {"l": "1\n2", "t": "", "b": "true"}


@given(ANY_TEXT)
def test_any_text_is_an_address_or_not(text):
    assert plausible_jid(text) in (True, False)


def test_addresses_of_foreign_networks_are_plausible():
    assert plausible_jid("#chan%irc.net@gw.example/😀 phone")
    assert plausible_jid("o\\27neill@gw.example")
