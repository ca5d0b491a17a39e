"""Modes of channels, as settings and as orders, before a scripted server."""

from collections.abc import Sequence

from bridges.irc.room_modes import ASK_AFTER, LASTING, PORTION
from gateway.model import Condition, Field, Role, RoomSetting, RoomTraits
from tests.unit.irc.governing import MANY, NAMES, Answer, a_room, sent, settle_all
from tests.unit.irc.scripted import BOB, ME, NETWORK, Receipt, Scene


async def test_the_modes_are_asked_once_after_entering_when_nothing_else_waits() -> None:
    scene = await Scene().login(*MANY)
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(
        f"{ME} JOIN #foo", f":{NETWORK} 353 Nick = #foo :{NAMES}", f":{NETWORK} 366 Nick #foo :End"
    )
    scene.server.take()
    assert scene.session.room_traits("#foo") == RoomTraits()
    await scene.clock.advance(ASK_AFTER)
    assert scene.server.take() == ["MODE #foo"]
    scene.server.says(f":{NETWORK} 324 Nick #foo +ntsk sesame", f":{NETWORK} 329 Nick #foo 1700000000")
    assert scene.session.room_traits("#foo") == RoomTraits(True, False, False, False)
    joined, password = scene.sink.take()
    assert joined[0] == "room_joined"
    assert password == ("room_password", "#foo", "sesame")
    await scene.clock.advance(60)
    assert scene.server.take() == []
    await scene.finish()


async def test_a_password_that_changes_is_remembered_for_the_next_time() -> None:
    scene = await a_room()
    for change, told in (("+k one", "one"), ("+k *", None), ("+k two", "two"), ("-k *", ""), ("+m", None)):
        scene.server.says(f"{BOB} MODE #foo {change}")
        calls = [call for call in scene.sink.take() if call[0] == "room_password"]
        assert calls == ([] if told is None else [("room_password", "#foo", told)])
    await scene.finish()


async def test_modes_are_settings_with_their_present_values() -> None:
    scene = await a_room()
    answer = Answer()
    scene.session.room_settings("#foo", answer)
    assert sent(scene) == ["MODE #foo"]
    scene.server.says(f":{NETWORK} 324 Nick #foo +ml 20")
    shown: Sequence[Field] = answer.value
    values = {field.name: field.default for field in shown}
    assert values[RoomSetting.MODERATED] == "true"
    assert values[RoomSetting.MAX_OCCUPANTS] == "20"
    assert values[RoomSetting.PASSWORD] == ""
    await scene.finish()


async def test_settings_are_changed_by_the_fewest_modes_and_each_refusal_is_told() -> None:
    scene = await a_room()
    receipt = Receipt()
    values = {
        RoomSetting.MODERATED: "true",
        RoomSetting.PASSWORD: "sesame",
        RoomSetting.OPEN_SUBJECT: "false",
    }
    scene.session.configure("#foo", values, receipt)
    settle_all(
        scene,
        f"{ME} MODE #foo +m",
        f":{NETWORK} 467 Nick #foo :Channel key already set",
        f":{NETWORK} 482 Nick #foo :You may not set k",
    )
    assert sent(scene) == ["MODE #foo +km sesame"]
    assert "already set" in receipt.why.text
    assert "may not set k" in receipt.why.text
    assert scene.session.room_traits("#foo").moderated is True
    await scene.finish()


async def test_a_setting_that_cannot_be_is_refused_before_anything_is_sent() -> None:
    scene = await a_room()
    receipt = Receipt()
    scene.session.configure("#foo", {RoomSetting.MAX_OCCUPANTS: "many"}, receipt)
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert scene.server.take() == []
    await scene.finish()


async def test_moderation_makes_visitors_of_those_without_a_voice_once_it_lasts() -> None:
    scene = await a_room()
    scene.server.says(f"{BOB} MODE #foo +m", f"{BOB} MODE #foo -m")
    await scene.clock.advance(LASTING + 0.001)
    assert [call[0] for call in scene.sink.take()] == ["room_note", "room_configured"] * 2
    scene.server.says(f"{BOB} MODE #foo +m")
    await scene.clock.advance(LASTING + 0.001)
    calls = scene.sink.take()
    assert [call[0] for call in calls] == ["room_note", "room_configured", "arrived"]
    assert (calls[2][2].nick, calls[2][2].role) == ("Bob", Role.VISITOR)
    scene.server.says(f"{ME} MODE #foo +v Bob")
    assert scene.sink.take()[1][2].role is Role.PARTICIPANT
    await scene.finish()


async def test_a_big_channel_is_told_of_its_moderation_in_portions() -> None:
    names = "@Nick!~nick@my.host " + " ".join(f"n{number}" for number in range(PORTION + 5))
    scene = await a_room(names=names)
    scene.server.says(f"{BOB} MODE #foo +m")
    scene.sink.take()
    await scene.clock.advance(LASTING + 0.001)
    assert len(scene.sink.take()) == PORTION - 1  # one of the first is operator
    await scene.clock.advance(0.1)
    assert len(scene.sink.take()) == 6
    await scene.finish()


async def test_a_mode_order_is_sent_as_written_and_shown_by_the_channel() -> None:
    scene = await a_room()
    receipt = Receipt()
    scene.session.order("#foo", "/mode +v Bob", receipt)
    settle_all(scene, f"{ME} MODE #foo +v Bob")
    assert sent(scene) == ["MODE #foo +v Bob"]
    assert receipt.outcome == "done"
    assert scene.sink.take()[0][:3] == ("room_note", "#foo", "Mode #foo [+v Bob] by Nick")
    await scene.finish()


async def test_the_answers_to_a_mode_order_are_shown_in_the_channel() -> None:
    scene = await a_room()
    receipt = Receipt()
    scene.session.order("#foo", "/mode +b", receipt)
    settle_all(
        scene,
        f":{NETWORK} 367 Nick #foo *!*@a Bob!b@h 1700000000",
        f":{NETWORK} 368 Nick #foo :End of Channel Ban List",
    )
    assert receipt.outcome == "done"
    assert scene.sink.take() == [("room_note", "#foo", "*!*@a set by Bob on 2023-11-14 22:13 UTC")]
    await scene.finish()


async def test_the_errors_of_a_mode_order_go_to_whoever_wrote_it() -> None:
    scene = await a_room()
    receipt, broken = Receipt(), Receipt()
    scene.session.order("#foo", "/mode +o Bob", receipt)
    settle_all(scene, f":{NETWORK} 482 Nick #foo :You're not channel operator")
    assert receipt.why.condition is Condition.FORBIDDEN
    scene.session.order("#foo", "/mode :x y", broken)
    assert broken.why.condition is Condition.NOT_ACCEPTABLE
    await scene.finish()
