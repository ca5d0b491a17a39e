"""What was said meanwhile is asked of networks that keep it, once, and shown as old."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.irc.backlog import FUZZ, PACE, REMEMBER
from bridges.irc.text import one_line
from gateway.model import Message
from tests.fakes.clock import settle
from tests.unit.irc.scripted import BOB, ME, NETWORK, Scene

SEEN = 1_700_000_000.0
STAMP = "2023-11-14T22:08:20.000Z"  # of SEEN - FUZZ
KEEPS = "CHATHISTORY=50"


async def online(*isupport: str, seen: float | None = SEEN, caps: str = "draft/chathistory") -> Scene:
    scene = Scene()
    if seen is not None:
        await scene.memory.remember(scene.account.user, NETWORK, "seen", str(int(seen)))
    return await scene.login(*isupport, caps=caps)


def enter(scene: Scene, room: str = "#foo") -> None:
    scene.server.says(
        f"{ME} JOIN {room}", f":{NETWORK} 353 Nick = {room} :Nick Bob", f":{NETWORK} 366 Nick {room} :End"
    )


async def asked(scene: Scene, times: int = 4) -> list[str]:
    """What was asked of the history within a while."""
    for _ in range(times):
        await scene.clock.advance(PACE)
    return [line for line in scene.server.take() if line.startswith("CHATHISTORY")]


async def test_who_was_there_before_asks_for_what_was_missed_in_rooms_and_by_whom() -> None:
    assert FUZZ == 300.0
    scene = await online(KEEPS)
    enter(scene)
    people, room = await asked(scene)
    words = people.split()
    assert words[:2] == ["CHATHISTORY", "TARGETS"]
    assert words[3:] == [f"timestamp={STAMP}", "50"]
    assert room == f"CHATHISTORY LATEST #foo timestamp={STAMP} 50"
    scene.server.says(
        f":{NETWORK} BATCH +t draft/chathistory-targets",
        f"@batch=t :{NETWORK} CHATHISTORY TARGETS #foo 2023-11-14T22:13:20.000Z",
        f"@batch=t :{NETWORK} CHATHISTORY TARGETS Bob 2023-11-14T22:13:20.000Z",
        f":{NETWORK} BATCH -t",
    )
    assert await asked(scene) == [f"CHATHISTORY LATEST Bob timestamp={STAMP} 50"]
    await scene.finish()


async def test_what_was_missed_is_shown_as_old_and_ones_own_only_if_it_came_from_elsewhere() -> None:
    scene = await online(KEEPS)
    enter(scene)
    scene.sink.take()
    scene.server.says(
        f":{NETWORK} BATCH +r chathistory #foo",
        f"@batch=r;msgid=m1;time=2023-11-14T22:20:00.000Z {BOB} PRIVMSG #foo :in the room",
        f":{NETWORK} BATCH -r",
        f":{NETWORK} BATCH +p chathistory Bob",
        f"@batch=p;msgid=m2;time=2023-11-14T22:10:00.000Z {ME} PRIVMSG Bob :from here",
        "@batch=p;msgid=m3;time=2023-11-14T22:20:00.000Z :Old!~nick@my.host PRIVMSG Bob :from elsewhere",
        f"@batch=p;msgid=m4;time=2023-11-14T22:21:00.000Z {BOB} PRIVMSG Old :in private",
        f":{NETWORK} BATCH -p",
    )
    told = [(call[0], call[-1]) for call in scene.sink.take()]
    assert [(name, each.text, each.foreign_id, each.replayed) for name, each in told] == [
        ("room_message", "in the room", "m1", True),
        ("direct_sent", "from elsewhere", "m3", True),
        ("direct", "in private", "m4", True),
    ]
    assert all(isinstance(each, Message) and each.time is not None for _, each in told)
    await scene.finish()


async def test_who_was_never_there_is_shown_the_last_words_of_rooms_only() -> None:
    scene = await online(KEEPS, seen=None)
    enter(scene)
    assert await asked(scene) == ["CHATHISTORY LATEST #foo * 20"]
    await scene.finish()


async def test_a_room_come_into_later_is_new() -> None:
    scene = await online(KEEPS)
    await asked(scene)
    await scene.clock.advance(70)
    enter(scene)
    assert await asked(scene) == ["CHATHISTORY LATEST #foo * 20"]
    await scene.finish()


async def test_networks_without_history_and_without_times_are_not_asked() -> None:
    for scene in (await online(caps=""), await online(KEEPS, "MSGREFTYPES=msgid")):
        enter(scene)
        assert await asked(scene) == []
        await scene.finish()


async def test_what_users_send_goes_first_and_questions_come_slowly() -> None:
    scene = await online(KEEPS)
    for number in range(5):
        enter(scene, f"#room{number}")
    await scene.clock.advance(PACE)
    assert len([line for line in scene.server.take() if line.startswith("CHATHISTORY")]) == 1
    await scene.clock.advance(PACE)
    assert len([line for line in scene.server.take() if line.startswith("CHATHISTORY")]) == 1
    await scene.finish()


async def test_that_one_is_there_is_remembered_now_and_then_and_at_the_end() -> None:
    scene = await online(KEEPS, seen=None)

    async def seen() -> float:
        await settle()
        return float((await scene.memory.recall(scene.account.user, NETWORK))["seen"])

    await scene.clock.advance(1)
    first = await seen()
    for _ in range(int(REMEMBER / 50) + 1):
        await scene.clock.advance(50)
        scene.server.says(f"PING :{NETWORK}")
    assert await seen() >= first + REMEMBER
    before = await seen()
    await scene.clock.advance(30)
    await scene.finish()
    assert await seen() >= before + 30


async def test_a_history_that_is_refused_is_nobodys_business() -> None:
    scene = await online(KEEPS)
    scene.server.says(
        f":{NETWORK} FAIL CHATHISTORY INVALID_TARGET LATEST #foo :Messages could not be retrieved"
    )
    assert scene.sink.take() == []
    await scene.finish()


@given(st.lists(st.text(max_size=60), max_size=5))
@settings(max_examples=40, deadline=None)
def test_no_target_breaks_anything(words: list[str]) -> None:
    async def played() -> None:
        scene = await online(KEEPS)
        for each in words:
            scene.server.says(
                f":{NETWORK} CHATHISTORY {one_line(each, 60) or 'TARGETS'} {one_line(each, 60)}"
            )
            scene.server.says(f":{NETWORK} CHATHISTORY TARGETS :{one_line(each, 60)}")
        for line in await asked(scene, 8):
            assert "\n" not in line
            assert len(line.encode()) <= 510
        await scene.finish()

    asyncio.run(played())
