"""Getting back a nick that somebody else had at the login: asked for, waited for, never fought over."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.irc.regain import FIRST_LOOK, INTERVAL, SERVICES_TIME
from tests.fakes.clock import settle
from tests.unit.irc.scripted import NETWORK, Receipt, Scene

SASL = {"sasl_password": "P4SS"}
WAYS = [f"PRIVMSG NickServ :{verb} Nick" for verb in ("REGAIN", "RECOVER", "GHOST")]
ME = ":Nick_!n@h"


async def taken(*isupport: str, user: Mapping[str, str] | None = None, **options: Any) -> Scene:
    """Logged in as Nick_, for somebody is Nick."""
    scene = await Scene(options or None, user or {}).start()
    scene.server.says("CAP * LS :sasl=PLAIN")
    if user:
        scene.server.says(
            "CAP * ACK :sasl", "AUTHENTICATE +", f":{NETWORK} 900 * n!u@h acc :in", ":s 903 * :ok"
        )
    scene.server.says(f":{NETWORK} 433 * Nick :Nickname is already in use", f":{NETWORK} 001 Nick_ :hi")
    if isupport:
        scene.server.says(f":{NETWORK} 005 Nick_ {' '.join(isupport)} :are supported")
    await settle()
    scene.server.take()
    scene.sink.take()
    return scene


async def test_services_are_asked_one_way_after_the_other_if_we_have_an_account() -> None:
    scene = await taken(user=SASL)
    await scene.clock.advance(FIRST_LOOK)
    assert scene.server.take() == [WAYS[0]]
    scene.server.says(":NickServ!s@s NOTICE Nick_ :Invalid command.")
    await scene.clock.advance(SERVICES_TIME)
    assert scene.server.take() == [WAYS[1]]
    scene.server.says(f"{ME} NICK :Nick")
    await scene.clock.advance(10 * INTERVAL)
    assert not any("Nick" in line for line in scene.server.take() if not line.startswith("PING"))
    assert ("own_nick", "Nick") in scene.sink.take()
    await scene.finish()


async def test_without_an_account_services_are_left_alone_and_the_nick_is_waited_for() -> None:
    scene = await taken()
    await scene.clock.advance(FIRST_LOOK)
    assert scene.server.take() == ["ISON Nick"]
    scene.server.says(f":{NETWORK} 303 Nick_ :Nick")
    await scene.clock.advance(INTERVAL)
    assert [line for line in scene.server.take() if "Nick" in line] == ["ISON Nick"]
    scene.server.says(f":{NETWORK} 303 Nick_ :")
    assert scene.server.take() == ["NICK Nick"]
    scene.server.says(f":{NETWORK} 433 Nick_ Nick :Nickname is already in use")
    assert scene.sink.take() == []  # nobody asked for it but us
    await scene.clock.advance(INTERVAL)
    scene.server.take()
    scene.server.says(f":{NETWORK} 303 Nick_ :")
    assert scene.server.take() == ["NICK Nick"]
    scene.server.says(f"{ME} NICK Nick")
    await scene.clock.advance(3 * INTERVAL)
    assert not any("ISON" in line for line in scene.server.take())
    await scene.finish()


async def test_a_server_that_watches_for_us_is_asked_to() -> None:
    scene = await taken("MONITOR=100")
    await scene.clock.advance(FIRST_LOOK)
    assert scene.server.take() == ["MONITOR + Nick"]
    scene.server.says(f":{NETWORK} 730 Nick_ :Nick!x@y")
    assert scene.server.take() == []
    scene.server.says(f":{NETWORK} 731 Nick_ :Nick", f":{NETWORK} 731 Nick_ :Nick")
    assert scene.server.take() == ["NICK Nick"]
    scene.server.says(f":{NETWORK} 433 Nick_ Nick :in use")
    scene.server.says(f":{NETWORK} 731 Nick_ :Nick")
    assert scene.server.take() == []  # not more often than once a minute
    await scene.clock.advance(INTERVAL)
    assert "MONITOR S" in scene.server.take()
    scene.server.says(f":{NETWORK} 731 Nick_ :Nick", f"{ME} NICK Nick")
    assert scene.server.take() == ["NICK Nick", "MONITOR - Nick"]
    assert [call for call in scene.sink.take() if call[0] == "service"] == []
    await scene.finish()


async def test_a_full_list_of_watched_nicks_is_no_end() -> None:
    scene = await taken("MONITOR=1")
    await scene.clock.advance(FIRST_LOOK)
    scene.server.take()
    scene.server.says(f":{NETWORK} 734 Nick_ 1 Nick :Monitor list is full.")
    assert scene.server.take() == ["ISON Nick"]
    await scene.finish()


async def test_another_nick_by_the_users_own_will_ends_the_watch() -> None:
    scene = await taken()
    ticket = Receipt()
    scene.session.rename("Other", ticket)
    scene.server.says(f"{ME} NICK Other")
    assert ticket.outcome == "done"
    scene.server.take()
    await scene.clock.advance(5 * INTERVAL)
    assert not any("Nick" in line for line in scene.server.take())
    await scene.finish()


async def test_answers_to_the_users_own_questions_are_still_shown() -> None:
    scene = await Scene().login()
    scene.session.instruct("ISON Bob", Receipt())
    scene.server.says(f":{NETWORK} 303 Nick :Bob")
    assert ("service", f"{NETWORK}: Bob") in scene.sink.take()
    await scene.finish()


async def test_a_rename_by_force_is_undone_three_times_and_no_more() -> None:
    scene = await taken(user=SASL)
    scene.server.says(f"{ME} NICK Nick")
    for number in range(5):
        scene.server.says(":Nick!n@h NICK Guest1")
        scene.server.take()
        await scene.clock.advance(INTERVAL)
        asked = WAYS[0] in scene.server.take()
        assert asked == (number < 3)
        told = [call for call in scene.sink.take() if call[0] == "service"]
        assert bool(told) == (number >= 3)
        scene.server.says(":Guest1!n@h NICK Nick")
    await scene.finish()


async def test_a_rename_by_services_without_login_is_explained_and_not_fought() -> None:
    scene = await Scene().login()
    scene.server.says(":Nick!n@h NICK Guest1")
    (told,) = [call[1] for call in scene.sink.take() if call[0] == "service"]
    assert "NickServ" in told
    await scene.clock.advance(5 * INTERVAL)
    assert not any("Nick" in line for line in scene.server.take() if "PING" not in line)
    await scene.finish()


async def test_logging_in_later_asks_services_after_all() -> None:
    scene = await taken()
    await scene.clock.advance(FIRST_LOOK)
    scene.server.take()
    scene.server.says(f":{NETWORK} 900 Nick_ n!u@h acc :You are now logged in")
    await scene.clock.advance(0)
    assert scene.server.take() == [WAYS[0]]
    await scene.finish()


@pytest.mark.parametrize("ways", [[], ["Q NICK {nick}"]])
async def test_operators_know_their_services(ways: list[str]) -> None:
    scene = await taken(user=SASL, networks={NETWORK: {"regain_commands": ways}})
    await scene.clock.advance(FIRST_LOOK)
    assert scene.server.take() == (["PRIVMSG Q :NICK Nick"] if ways else ["ISON Nick"])
    await scene.finish()


LINES = st.sampled_from(
    [
        ":s 303 Nick_ :Nick",
        ":s 303 Nick_ :",
        ":s 303 :",
        ":s 731 Nick_ :Nick,Bob",
        ":s 730 x",
        ":s 731",
        ":s 734 Nick_",
        ":s 433 Nick_ Nick :x",
        ":s 432 Nick_ Nick :x",
        ":Nick_!n@h NICK Nick",
        ":Nick!n@h NICK Nick_",
        ":Nick!n@h NICK Guest",
        ":Guest!n@h NICK Nick",
        ":s 900 Nick_ a b :c",
        ":s 005 Nick_ MONITOR=10 :x",
        ":s 005 Nick_ -MONITOR :x",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(LINES, st.floats(0, 100)), max_size=25))
def test_whatever_happens_the_nick_is_asked_for_once_a_minute_at_most(
    events: list[tuple[str, float]],
) -> None:
    async def play() -> None:
        scene = await taken(user=SASL, networks={NETWORK: {"throttle_rate": 0}})
        for text, pause in events:
            scene.server.says(text)
            await scene.clock.advance(pause)
            assert scene.server.take().count("NICK Nick") <= 1 + pause // INTERVAL
        await scene.finish()

    asyncio.run(play())
