"""What we rely on in the ``irc`` library: every name that ``link`` replaces exists there, and its parser as an oracle.

If an update of the library breaks one of these, ``bridges/irc/link.py`` replaces something that is no longer called.
"""

import asyncio
import inspect
from typing import Any

import irc.client
import irc.client_aio
import irc.message
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridges.irc.link import IrcConnection, IrcReactor, LinkProtocol
from bridges.irc.protocol.line import NO_TAGS, mask_of, nick_of, parse


@pytest.mark.parametrize(
    ("ours", "library", "names"),
    [
        (
            IrcConnection,
            irc.client_aio.AioConnection,
            (
                "connect",
                "process_data",
                "_process_line",
                "_handle_event",
                "send_raw",
                "_prep_message",
                "disconnect",
                "protocol_class",
            ),
        ),
        (IrcReactor, irc.client_aio.AioReactor, ("__init__", "_remove_connection")),
        (
            LinkProtocol,
            irc.client_aio.IrcProtocol,
            ("connection_lost", "connection_made", "pause_writing", "resume_writing"),
        ),
    ],
)
def test_every_name_we_replace_is_one_of_the_librarys(
    ours: type, library: type, names: tuple[str, ...]
) -> None:
    assert issubclass(ours, library)
    for name in names:
        assert hasattr(library, name), name
        assert name in vars(ours), name


def test_we_replace_nothing_else_by_accident() -> None:
    common = set(vars(IrcConnection)) & {name for base in IrcConnection.__mro__[1:] for name in vars(base)}
    assert {name for name in common if not name.startswith("__")} - {"_abc_impl"} == {
        "_handle_event",
        "_prep_message",
        "_process_line",
        "close",  # means the same there
        "connect",
        "disconnect",
        "process_data",
        "protocol_class",
        "send_raw",
    }


def test_the_librarys_own_calls_end_in_what_we_replace() -> None:
    source = inspect.getsource
    assert "self.connection.process_data(data)" in source(irc.client_aio.IrcProtocol.data_received)
    assert "self.send_raw(" in source(irc.client.ServerConnection.send_items)
    assert list(inspect.signature(irc.client_aio.IrcProtocol.__init__).parameters) == [
        "self",
        "connection",
        "loop",
    ]
    assert "loop" in inspect.signature(irc.client_aio.AioReactor.__init__).parameters
    assert list(inspect.signature(irc.client.Event.__init__).parameters)[1:5] == [
        "type",
        "source",
        "target",
        "arguments",
    ]


def in_the_librarys_words(text: str) -> tuple[dict[str, str], str, str, list[str]] | None:
    """What the library reads in a line; None where it accepts none."""
    match = irc.client._rfc_1459_command_regexp.match(text)
    if match is None:
        return None
    tags = {tag["key"]: tag["value"] or "" for tag in irc.message.Tag.from_group(match["tags"]) or []}
    return (
        tags,
        match["prefix"] or "",
        match["command"].upper(),
        irc.message.Arguments.from_group(match["argument"]),
    )


WORD = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1
).filter(lambda text: text[0] not in ":@" and not any(map(str.isspace, text)))
TAG = st.from_regex(r"[a-z]{1,5}(=[a-z0-9]{0,5}(\\[:s\\rn][a-z]?)*)?", fullmatch=True)


@given(
    st.lists(TAG, max_size=3, unique_by=lambda tag: tag.partition("=")[0]),
    st.one_of(st.none(), WORD),
    WORD,
    st.lists(WORD, max_size=4),
    st.one_of(st.none(), st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
)
def test_where_both_accept_a_line_both_read_the_same(
    tags: list[str], source: str | None, command: str, middles: list[str], last: str | None
) -> None:
    words = [f"@{';'.join(tags)}"] if tags else []
    words += [f":{source}"] if source else []
    words += [command, *middles, *([f":{last}"] if last is not None else [])]
    text = " ".join(words)
    theirs = in_the_librarys_words(text)
    assume(theirs is not None)
    line = parse(text)
    assert (dict(line.tags), line.source, line.command, line.params) == theirs


@given(
    st.tuples(WORD, WORD, WORD).map(lambda words: [word.replace("!", "").replace("@", "") for word in words])
)
def test_masks_are_read_as_the_library_does(words: list[str]) -> None:
    assume(all(words))
    nick, user, host = words
    theirs = irc.client.NickMask.from_params(nick, user, host)
    assert mask_of(theirs) == (theirs.nick, theirs.user, theirs.host)
    assert nick_of(theirs) == theirs.nick


def test_the_empty_tags_cannot_be_changed_by_anybody() -> None:
    tags: Any = NO_TAGS
    with pytest.raises(TypeError):
        tags["a"] = "b"


async def test_the_reactor_runs_on_the_running_loop_and_without_the_librarys_scheduler() -> None:
    reactor = IrcReactor()
    assert reactor.loop is asyncio.get_running_loop()
    assert reactor.connections == []
