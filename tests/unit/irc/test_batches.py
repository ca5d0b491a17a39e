from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.alarm import NEVER, Alarm
from bridges.irc.batches import MAX_AGE, MAX_LINES, MAX_OPEN, Batches
from bridges.irc.extras import Confirms, Extras, Multiline, read, relayed
from bridges.irc.labels import ANSWER_TIME, Labels
from bridges.irc.multiline import TYPES, assemble, compose
from bridges.irc.protocol.line import Line, parse
from bridges.irc.utterances import Echoes
from gateway.model import Refused
from tests.fakes.clock import ManualClock


def batches() -> tuple[Batches, ManualClock]:
    clock = ManualClock()
    return Batches(clock, Alarm(clock, lambda now: NEVER), TYPES), clock


def test_what_is_in_a_batch_is_also_in_those_around_it() -> None:
    held, _ = batches()
    held.open(parse("@label=7 BATCH +a labeled-response"))
    held.open(parse("@batch=a BATCH +b chathistory #foo"))
    held.open(parse("@batch=b BATCH +c draft/multiline #foo"))
    inner = held.of(parse("@batch=c PRIVMSG #foo :x"))
    assert inner is not None
    assert (inner.label, inner.replay, inner.gathered) == ("7", True, [])
    assert inner.params == ["#foo"]
    assert held.of(parse("PRIVMSG #foo :x")) is None
    assert held.of(parse("@batch=z PRIVMSG #foo :x")) is None


def test_batches_are_bounded_in_number_size_and_age() -> None:
    held, clock = batches()
    given_up = [batch for number in range(MAX_OPEN + 5) for batch in held.open(parse(f"BATCH +{number} x"))]
    assert (len(held), len(given_up)) == (MAX_OPEN, 5)
    held.open(parse("BATCH +m draft/multiline #foo"))
    line = parse("@batch=m PRIVMSG #foo :x")
    batch = held.of(line)
    assert batch is not None
    assert sum(held.gather(batch, line) for _ in range(MAX_LINES + 5)) == MAX_LINES
    overdue, following = held.expire(clock.monotonic() + MAX_AGE + 1)
    assert (len(overdue), len(held), following) == (MAX_OPEN, 0, NEVER)


def test_a_reference_that_is_used_again_gives_up_the_first() -> None:
    held, _ = batches()
    held.open(parse("BATCH +a x"))
    (first,) = held.open(parse("BATCH +a y"))
    assert first.type == "x"
    assert held.close(parse("BATCH -b")) is None


WORDS = st.sampled_from(["a", "b", "c", "A", "", "+", "-"])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["+", "-", ""]), WORDS, WORDS, st.sampled_from([*TYPES, "chathistory", "x"])
        ),
        max_size=60,
    )
)
def test_no_order_of_batches_grows_or_breaks_anything(steps: Sequence[tuple[str, str, str, str]]) -> None:
    held, clock = batches()
    for sign, reference, within, kind in steps:
        line = parse(f"@batch={within} BATCH {sign}{reference or 'q'} {kind} #foo")
        if sign == "+":
            held.open(line)
        elif sign == "-":
            held.close(line)
        else:
            batch = held.of(line)
            if batch is not None:
                held.gather(batch, line)
    assert len(held) <= MAX_OPEN
    held.expire(clock.monotonic() + MAX_AGE + 1)
    assert len(held) == 0


class Claimed:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def told(self, label: str, line: Line | None) -> None:
        self.heard.append((label, "told"))

    def refused(self, label: str, why: Refused) -> None:
        self.heard.append((label, "refused"))

    def unanswered(self, label: str, why: Refused | None) -> None:
        self.heard.append((label, "unanswered"))


@given(st.lists(st.one_of(st.integers(0, 30), st.sampled_from(["ask", "wait", "forget"])), max_size=80))
def test_every_label_has_one_end_and_none_stays_open(steps: Sequence[int | str]) -> None:
    clock = ManualClock()
    labels = Labels(clock, Alarm(clock, lambda now: NEVER))
    claim, used, elapsed = Claimed(), list[str](), 0.0
    for step in steps:
        if step == "ask":
            used.append(labels.next())
            labels.wait(used[-1], claim)
        elif step == "wait":
            elapsed += 10.0
            labels.expire(clock.monotonic() + elapsed)
        elif step == "forget" and used:
            taken = labels.take(used[-1])
            if taken is not None:
                taken.told(used[-1], None)
        elif isinstance(step, int):
            taken = labels.take(f"{step:x}")
            if taken is not None:
                taken.told(f"{step:x}", None)
    assert labels.expire(clock.monotonic() + ANSWER_TIME + 1) == NEVER
    assert len(labels) == 0
    assert sorted(label for label, _ in claim.heard) == sorted(used)


@given(
    st.lists(
        st.tuples(st.sampled_from(["wait", "match", "forget"]), st.sampled_from("ab"), st.integers(0, 9))
    )
)
def test_echoes_never_grow_beyond_what_waits(steps: Sequence[tuple[str, str, int]]) -> None:
    echoes, waiting = Echoes(), dict[str, str]()
    for what, text, number in steps:
        label = str(number)
        if what == "wait" and label not in waiting:
            echoes.wait("#foo", text, label)
            waiting[label] = text
        elif what == "match":
            found = echoes.match("#foo", text)
            oldest = next((label for label, words in waiting.items() if words == text), "")
            assert found == oldest
            waiting.pop(found, None)
        elif what == "forget":
            echoes.forget(label)
            waiting.pop(label, None)
    assert sum(len(labels) for labels in echoes.open.values()) == len(waiting)


@given(st.text(st.sampled_from("ab é👍\n "), min_size=1, max_size=200), st.integers(16, 60))
def test_a_message_of_several_lines_comes_back_as_it_was(text: str, limit: int) -> None:
    lines = compose("PRIVMSG", "#foo", text, limit=limit, bounds=Multiline(10_000, 1000), tags="label=1")
    if not lines:
        return
    assert lines[0] == "@label=1 BATCH +m draft/multiline #foo"
    assert lines[-1] == "BATCH -m"
    opening = parse(f"@msgid=x :n!u@h {lines[0].partition(' ')[2]}")
    heard = []
    for line in lines[1:-1]:
        tags, _, rest = line.partition(" ")
        heard.append(parse(f"{tags} :n!u@h {rest}"))
        assert len(rest.partition(" :")[2].encode()) <= limit
    message = assemble(opening, heard)
    assert message is not None
    assert message.params == ["#foo", text]
    assert message.tags["msgid"] == "x"


@given(st.lists(st.text(max_size=40), max_size=20))
def test_whatever_is_in_a_batch_makes_at_most_one_message(texts: Sequence[str]) -> None:
    gathered = [Line({}, "n!u@h", "PRIVMSG", ["#foo", text]) for text in texts]
    message = assemble(parse("BATCH +a draft/multiline #foo"), gathered)
    assert (message is None) == (not texts)


@pytest.mark.parametrize(
    ("denied", "tag", "passes"),
    [
        ("", "+typing", True),
        ("*", "+typing", False),
        ("*,-typing", "+typing", True),
        ("*,-typing", "+reply", False),
        ("typing,draft/react", "+draft/react", False),
        ("typing", "+draft/react", True),
    ],
)
def test_denied_tags_are_told_apart(denied: str, tag: str, passes: bool) -> None:
    assert relayed(tag, denied) is passes


ALL = {
    "labeled-response",
    "echo-message",
    "batch",
    "message-tags",
    "draft/multiline",
    "draft/message-redaction",
}


def test_what_a_connection_can_do_follows_from_what_is_on() -> None:
    everything = read(ALL, {"draft/multiline": "max-bytes=4096,max-lines=9,new=thing"}, "", typing=True)
    assert everything == Extras(
        Confirms.LABELS,
        ("+reply", "+draft/reply"),
        react=True,
        typing=True,
        redaction=True,
        multiline=Multiline(4096, 9),
    )
    assert read(ALL - {"batch"}, {}, "", typing=True).confirms is Confirms.ECHOES
    assert read(set(), {}, "", typing=True) == Extras()
    assert not read(ALL, {}, "", typing=False).typing


@pytest.mark.parametrize(
    "value", ["", "max-bytes", "max-bytes=", "max-bytes=x", "max-lines=5", "max-bytes=9,max-lines=1"]
)
def test_limits_that_make_no_sense_are_none(value: str) -> None:
    assert read(ALL, {"draft/multiline": value}, "", typing=True).multiline is None
