"""What `causeway status` shows: everything that is wrong, in any window, and nothing that steers a terminal."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.commands.durations import briefly, lasting
from gateway.commands.screen import lines_of, screen, text_of
from gateway.commands.terminal import columns, fit, plain, wrap
from gateway.ops.health import Ailment
from gateway.ops.status import GatewayView, LinkView, SessionView
from tests.unit.control.conftest import view


def _shown(status: GatewayView, width: int = 200) -> str:
    return "\n".join(line.text for line in lines_of(status, width))


def test_everything_that_is_wrong_is_shown_with_its_reason_and_the_next_try() -> None:
    status = view()
    (bridge,) = status.bridges
    link = LinkView("down", "The server refuses the secret.", 1012.0, 940.0)
    disk = Ailment("disk", "It is full. Make room.", hard=True, since=10.0)
    shown = _shown(
        replace(
            status,
            ready=False,
            ailments=(disk, *status.ailments),
            bridges=(replace(bridge, link=link, ailments=(disk, *bridge.ailments)),),
        )
    )
    assert "DEGRADED" in shown
    assert "down for 1 min: The server refuses the secret. (next try in 12 s)" in shown
    assert "ann@example.org on libera: failed, 3 rooms: No such host (next try in 1 min)" in shown
    assert "4 to the network for up to 50 s" in shown
    assert "5 messages, 1 failed, 0.5 a second, half of them within 10 ms, 99 of 100 within 200 ms" in shown
    assert shown.count("disk: It is full. Make room. (for 16 min)") == 1
    assert shown.count("smarthost: ") == 1


def test_a_reason_that_an_ailment_gives_is_told_once() -> None:
    (bridge,) = view().bridges
    down = replace(bridge, link=LinkView("down", "The server is away."))
    ailing = replace(down, ailments=(Ailment("link of irc", "No link. The server is away.", "irc"),))
    assert _shown(replace(view(), bridges=(down,))).count("The server is away.") == 1
    assert _shown(replace(view(), bridges=(ailing,))).count("The server is away.") == 1


def test_a_gateway_where_all_is_well_says_so() -> None:
    shown = _shown(replace(view(), ailments=()))
    assert "ready" in shown
    assert "up for 16 min" in shown


@given(st.text(max_size=60), st.integers(0, 130), st.integers(1, 40), st.booleans())
def test_no_text_of_a_stranger_breaks_lines_or_windows(
    text: str, width: int, height: int, colours: bool
) -> None:
    status = view()
    (bridge,) = status.bridges
    session = SessionView(text, text, text, text, 2000.0, 1)
    strange = replace(
        status,
        database=text,
        ailments=(Ailment(text, text),),
        bridges=(
            replace(
                bridge,
                name=text,
                title=text,
                jid=text,
                states={text: 1},
                link=LinkView(text, text),
                sessions=(session,) * 3,
            ),
        ),
    )
    lines = screen(strange, width, height)
    assert len(lines) <= height
    for line in lines:
        assert columns(line.text) <= max(width, 20)
        assert not [
            each for each in line.text if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        ]
    for painted in text_of(lines, colours):
        assert colours or "\x1b" not in painted


def test_a_low_window_shows_fewer_sessions_first_and_then_says_what_is_missing() -> None:
    status = view()
    (bridge,) = status.bridges
    many = tuple(SessionView(f"u{number}@example.org", "libera", "failed") for number in range(50))
    status = replace(status, bridges=(replace(bridge, sessions=many),))
    high = screen(status, 100, 20)
    assert len(high) == 20
    assert "from" not in high[-1].text
    assert "messages" in high[-1].text
    assert sum("@example.org on" in line.text for line in high) > 3
    low = screen(status, 100, 4)
    assert len(low) == 4
    assert "more lines: make the window higher" in low[-1].text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a[2Jb"),
        ("a\r\nb\tc", "a  b c"),
        ("\u202elive", "live"),
        ("日本", "日本"),
        ("x" * 600, "x" * 499 + "…"),
        ("\ud800", ""),
    ],
)
def test_what_steers_a_terminal_is_left_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_columns_are_counted_as_terminals_show_them() -> None:
    assert columns("日本") == 4
    assert columns("e\u0301") == 1
    assert fit("日本語", 5) == "日本…"
    assert fit("abc", 0) == ""
    assert wrap("aa bb cc dd", 7, "! ", "  ") == ["! aa bb", "  cc dd"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (61, "1 min"),
        (3600, "1 h"),
        (3700, "1 h 1 min"),
        (90_000, "1 d 1 h"),
        (86_500, "1 d"),
    ],
)
def test_durations_are_told_in_the_two_largest_units(seconds: float, text: str) -> None:
    assert lasting(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.0005, "500 us"), (0.25, "250 ms"), (2.5, "2.5 s"), (125.0, "2 min")],
)
def test_latencies_are_told_in_a_unit_that_fits(seconds: float | None, text: str) -> None:
    assert briefly(seconds) == text
