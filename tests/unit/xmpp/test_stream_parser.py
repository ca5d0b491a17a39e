"""The receiving half of the stream: what it hands on, and what it refuses before anything else sees it."""

from contextlib import suppress
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.parser import MAX_HEADER, BadStream, StreamParser

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept'"
    b" xmlns:stream='http://etherx.jabber.org/streams' id='1'>"
)


def stanzas(parser: StreamParser, data: bytes, step: int = 0) -> list[Element]:
    found = []
    for at in range(0, len(data), step or len(data) or 1):
        found += parser.feed(data[at : at + (step or len(data))])
    return found


def opened(**bounds: int) -> StreamParser:
    parser = StreamParser(**bounds)
    assert parser.feed(HEADER) == []
    assert parser.root is not None
    assert parser.root.get("id") == "1"
    return parser


def test_a_stanza_is_handed_on_as_elementtree_would_parse_it() -> None:
    text = (
        "<message from='a@b/c' xml:lang='en' xmlns:x='urn:x' x:y='1'>before<body>h&#233;llo &amp; 😀</body>"
        "<x:child/>after</message>"
    )
    (message,) = stanzas(opened(), text.encode())
    expected = fromstring(HEADER.split(b"?>")[1] + text.encode() + b"</stream:stream>")[0]
    assert tostring(message) == tostring(expected)


@given(
    st.integers(1, 40), st.lists(st.sampled_from(["<iq/>", "<message><body>ü</body></message>", " ", "\n"]))
)
def test_it_does_not_matter_where_the_network_cuts(step: int, parts: list[str]) -> None:
    found = stanzas(opened(), "".join(parts).encode(), step)
    assert len(found) == sum(part.startswith("<") for part in parts)
    assert [e.tag.rpartition("}")[2] for e in found] == [
        p[1 : p.index("/" if p == "<iq/>" else ">")] for p in parts if p[0] == "<"
    ]


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    for parser in (StreamParser(), opened()):
        with suppress(BadStream):
            parser.feed(data)


@pytest.mark.parametrize(
    "prologue",
    [
        b"<!DOCTYPE stream>",
        b"<!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;'>]>",
        b"<?xml version='1.0'?><!DOCTYPE s SYSTEM 'file:///etc/passwd'>",
    ],
)
def test_document_types_are_refused(prologue: bytes) -> None:
    with pytest.raises(BadStream, match="document type") as caught:
        StreamParser().feed(prologue)
    assert caught.value.header


def test_another_encoding_hides_no_document_type() -> None:
    with pytest.raises(BadStream, match="document type"):
        StreamParser().feed("<!DOCTYPE s [<!ENTITY a 'a'>]>".encode("utf-16"))


def test_an_undeclared_entity_is_refused() -> None:
    with pytest.raises(BadStream, match="undefined entity"):
        opened().feed(b"<message><body>&lol;</body></message>")


@pytest.mark.parametrize("piece", [b"x" * 1000, b"<a/>" * 250, b" " * 1000])
def test_a_stanza_without_end_is_refused(piece: bytes) -> None:
    parser = opened(max_stanza=10_000)
    parser.feed(b"<message><body>")
    with pytest.raises(BadStream, match="without end"):
        stanzas(parser, piece * 12, 1000)


def test_an_attribute_without_end_is_refused() -> None:
    with pytest.raises(BadStream, match="without end"):
        stanzas(opened(max_stanza=10_000), b"<message id='" + b"x" * 12_000, 1000)


def test_a_header_without_end_is_refused() -> None:
    with pytest.raises(BadStream, match="no stream header"):
        stanzas(StreamParser(), b" " * 2 * MAX_HEADER, 1000)
    with pytest.raises(BadStream, match="no stream header"):
        stanzas(StreamParser(), b"<stream to='" + b"x" * 2 * MAX_HEADER, 1000)


def test_whitespace_between_stanzas_is_free_for_ever() -> None:
    parser = opened(max_stanza=1000)
    for _ in range(5000):
        parser.feed(b" ")
    assert len(stanzas(parser, b"<iq/>")) == 1


def test_what_is_nested_too_deep_is_left_out_and_the_stream_goes_on() -> None:
    parser = opened(max_depth=4)
    deep = (
        b"<iq>1<a>2<b>3<c>4<d>5</d>6</c>7</b>8</a>9</iq><iq><a><b><c/></b></a></iq>"
        + b"<iq>" * 50
        + b"</iq>" * 50
    )
    first, second, third = stanzas(parser, deep, 7)
    assert "".join(first.itertext()) == "123789"
    assert [element.tag.rpartition("}")[2] for element in first.iter()] == ["iq", "a", "b"]
    assert len(list(second.iter())) == 3
    assert len(list(third.iter())) == 3
    assert len(stanzas(parser, b"<iq/>")) == 1


def test_stanzas_are_not_kept_in_the_streams_root() -> None:
    parser = opened()
    stanzas(parser, b"<iq/>" * 100)
    assert parser.root is not None
    assert len(parser.root) == 0
    assert parser.root.get("id") == "1"


def test_names_without_number_are_forgotten_and_the_stream_goes_on() -> None:
    parser = opened(max_names=100)
    for number in range(1000):
        (message,) = stanzas(parser, b"<message><e%d xmlns='u%d'/>x</message>\n" % (number, number))
        assert message.tag == "{jabber:component:accept}message"
        assert message[0].tag == f"{{u{number}}}e{number}"
        assert len(parser._names) < 110
    assert not parser.closed
    assert stanzas(parser, b"</stream:stream>") == []
    assert parser.closed


def test_names_are_not_forgotten_in_the_middle_of_the_next_stanza() -> None:
    parser = opened(max_names=20)
    names = b"".join(b"<n%d/>" % number for number in range(50))
    assert len(stanzas(parser, b"<message>" + names + b"</message><message to='a>")) == 1
    (second,) = stanzas(parser, b"b'/>")
    assert second.get("to") == "a>b"
