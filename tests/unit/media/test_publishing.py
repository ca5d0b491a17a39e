"""From a bridge's message with files to messages with links: whatever fails, what was said is kept."""

import asyncio
import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.arrivals import Arrivals
from gateway.media.pictures import Pictures
from gateway.media.publishing import Publisher, without_files
from gateway.media.refusals import Cause, refused
from gateway.media.tally import Carried
from gateway.media.tally import Place as Where
from gateway.media.transfers import Transfers
from gateway.model import Attachment, Enrichment, Message, MessageKind, Reply, Span, Style
from tests.unit.media.conftest import png


class Place:
    """A ``Way`` that keeps what it is given."""

    place = Where.STORE
    name = "place"

    def __init__(self, *refusals):
        self.refusals = list(refusals)
        self.files = {}

    async def publish(self, file, user):
        if self.refusals and (why := self.refusals.pop(0)):
            raise refused(why, cause=Cause.NO_PLACE)
        url = f"https://place.example/{len(self.files)}/{file.name}"
        self.files[url] = file.path.read_bytes()
        return url


@pytest.fixture
def carried():
    return Carried()


@pytest.fixture
def publisher(spool, carried):
    def make(*ways, size=100_000):
        return Publisher(
            lambda: ways,
            spool,
            Pictures(),
            Transfers(per_user=2, total=4),
            time.monotonic,
            carried,
            size=lambda: size,
        )

    return make


def message(*attachments, text="", **more):
    return Message("carol", text, attachments=attachments, foreign_id="m1", **more)


async def test_a_picture_becomes_a_link_with_all_that_is_known_of_it(publisher, spool):
    data, place = png(40, 20), Place()
    (said,) = await publisher(place).publish("ann", message(Attachment("../x.jpg", "image/jpeg", data=data)))
    (file,) = said.attachments
    assert said.text == file.url == "https://place.example/0/x.png"
    assert place.files[file.url] == data
    assert (file.media_type, file.size, file.name) == ("image/png", len(data), "x.png")
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert (file.width, file.height) == (40, 20)
    assert file.thumbnail[:2] == b"\xff\xd8"
    assert said.foreign_id == "m1"
    assert not list(spool.directory.iterdir())


async def test_captions_and_text_follow_the_files(publisher, spool):
    path = spool.new_path()
    path.write_bytes(b"plain")
    said = await publisher(Place()).publish(
        "ann",
        message(
            Attachment("a.txt", path=path, caption="the first"),
            Attachment("b.txt", data=b"two"),
            text="look",
            kind=MessageKind.ACTION,
        ),
    )
    assert [each.text for each in said] == [
        "https://place.example/0/a.txt",
        "the first",
        "https://place.example/1/b.txt",
        "look",
    ]
    assert [each.kind for each in said] == [MessageKind.CHAT] * 3 + [MessageKind.ACTION]
    assert [each.foreign_id for each in said] == ["m1+1", "m1+2", "m1+3", "m1"]
    assert not path.exists()


async def test_files_follow_a_text_that_comes_first_and_are_not_styled_as_it_is(publisher):
    bold = Enrichment(Reply("m0"), thread="t1", spans=(Span(0, 4, Style.STRONG),))
    letter = Message(
        "bob",
        "look",
        foreign_id="m1",
        attachments=(Attachment("a.txt", data=b"one"), Attachment("b.txt", data=b"")),
        enrichment=bold,
        text_first=True,
    )
    text, file = await publisher(Place()).publish("ann", letter)
    assert (text.text.split("\n")[0], text.foreign_id, text.enrichment) == ("look", "m1", bold)
    assert "b.txt" in text.text
    assert (file.text, file.foreign_id) == ("https://place.example/0/a.txt", "m1+1")
    assert file.enrichment == Enrichment(thread="t1")
    alone = Message(
        "bob", "", attachments=(Attachment("a.txt", data=b"one"),), text_first=True, foreign_id="m2"
    )
    assert [each.foreign_id for each in await publisher(Place()).publish("ann", alone)] == ["m2"]


async def test_the_next_way_is_tried_and_the_last_reason_told(publisher, carried):
    first, second = Place("first is full"), Place()
    (said,) = await publisher(first, second).publish("ann", message(Attachment("a", data=b"x")))
    assert said.text in second.files
    (said,) = await publisher(Place("one"), Place("two")).publish(
        "ann", message(Attachment("a.txt", data=b"x", caption="the caption"), text="the text")
    )
    assert said.text == "the text\n[A file, a.txt, could not be delivered: two] the caption"
    assert said.attachments == ()
    assert (carried.published.files, carried.published.under_way) == (1, 0)
    assert (carried.tried[Where.STORE, False], carried.tried[Where.STORE, True]) == (3, 1)
    assert carried.published.refused[Cause.NO_PLACE] == sum(carried.published.refused.values()) == 1
    assert carried.published.files == carried.published.took.count == 1


async def test_one_file_that_fails_does_not_keep_the_others(publisher):
    said = await publisher(Place("no")).publish(
        "ann", message(Attachment("a", data=b"x"), Attachment("b", data=b"y"))
    )
    assert [bool(each.attachments) for each in said] == [True, False]
    assert "could not be delivered" in said[1].text


@pytest.mark.parametrize(
    ("attachment", "word"),
    [
        (Attachment("a"), "nothing in it"),
        (Attachment("a", data=b"x" * 100_001), "larger"),
        (Attachment("a.png", data=png(60_000, 60_000, rows=1)), "60000"),
    ],
)
async def test_what_cannot_be_published_leaves_a_sentence(publisher, spool, attachment, word):
    place = Place()
    (said,) = await publisher(place).publish("ann", message(attachment, text="hello"))
    assert said.text.startswith("hello\n[A file")
    assert word in said.text
    assert not place.files
    assert not list(spool.directory.iterdir())


async def test_a_file_that_is_gone_or_empty_leaves_a_sentence(publisher, spool):
    empty = spool.new_path()
    empty.touch()
    (said,) = await publisher(Place()).publish(
        "ann", message(Attachment(path=empty), Attachment(path=spool.new_path()))
    )
    assert said.text.count("could not be delivered") == 2
    assert not empty.exists()


async def test_without_a_place_the_text_is_kept(publisher):
    (said,) = await publisher().publish("ann", message(Attachment("a", data=b"x"), text="hello"))
    assert said.text.startswith("hello\n[")
    assert "no place to put files" in said.text


async def test_a_public_link_needs_no_place(publisher):
    (said,) = await publisher().publish("ann", message(Attachment(url="https://x.example/a.png")))
    assert said.text == "https://x.example/a.png"
    assert said.attachments[0].url == said.text


@given(st.text(), st.text(), st.text())
def test_text_is_never_lost_where_files_are(text, caption, name):
    said = without_files(message(Attachment(name, data=b"x", caption=caption), text=text))
    assert text in said.text
    assert caption in said.text
    assert said.attachments == ()


# -- order --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def spawned():
    tasks = set()
    yield lambda work: tasks.add(asyncio.ensure_future(work))
    await asyncio.gather(*tasks)


async def test_what_follows_a_file_waits_for_it_and_other_chats_do_not(spawned):
    go, heard = asyncio.Event(), []

    async def publish(user, each):
        await go.wait()
        return [Message(each.sender, "link"), Message(each.sender, each.text)]

    arrivals = Arrivals(publish, spawned)
    file = Message("carol", "caption", attachments=(Attachment(data=b"x"),))
    arrivals.take("a", "ann", file, lambda said: heard.extend(("a", each.text) for each in said))
    for key, text in (("a", "after"), ("b", "elsewhere"), ("a", "last")):
        arrivals.take(
            key,
            "ann",
            Message("carol", text),
            lambda said, key=key: heard.extend((key, each.text) for each in said),
        )
    assert heard == [("b", "elsewhere")]
    go.set()
    while arrivals.lines:
        await asyncio.sleep(0)
    assert heard[1:] == [("a", "link"), ("a", "caption"), ("a", "after"), ("a", "last")]


async def test_a_gateway_that_stops_says_what_waited(spawned):
    heard, tasks = [], []

    async def publish(user, each):
        await asyncio.Event().wait()

    arrivals = Arrivals(publish, lambda work: tasks.append(asyncio.ensure_future(work)))
    arrivals.take("a", "ann", Message("c", "one", attachments=(Attachment("f", data=b"x"),)), heard.extend)
    arrivals.take("a", "ann", Message("c", "two"), heard.extend)
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [each.text.partition("\n")[0] for each in heard] == ["one", "two"]
    assert not arrivals.lines


async def test_too_long_a_line_is_not_waited_in(spawned):
    heard, go = [], asyncio.Event()

    async def publish(user, each):
        await go.wait()
        return [Message(each.sender, "link")]

    arrivals = Arrivals(publish, spawned)
    arrivals.take("a", "ann", Message("c", "", attachments=(Attachment(data=b"x"),)), heard.extend)
    for number in range(300):
        arrivals.take("a", "ann", Message("c", str(number)), heard.extend)
    assert len(heard) == 101
    go.set()


async def test_where_nothing_is_published_the_text_comes_through(spawned):
    heard = []
    file = Message("c", "text", attachments=(Attachment("f.png", data=b"x"),))
    Arrivals(None, spawned).take("a", "ann", file, heard.extend)
    assert heard[0].text.startswith("text\n[A file, f.png, could not be delivered")
