from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.channels import Channels
from bridges.irc.standing import Standing
from gateway.model import Affiliation, Role

NAMES = st.sampled_from(["a[", "A{", "b", "B", "c^", "C~", "d"])
ROOMS = st.sampled_from(["#x", "#X", "#[y]", "#{Y}"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "leave", "add", "remove", "quit", "rename", "mode", "refold"]),
        ROOMS,
        NAMES,
        NAMES,
    )
)


def act(channels: Channels, standing: Standing, step: tuple[str, str, str, str]) -> None:
    what, room, name, other = step
    channel = channels.get(room)
    match what:
        case "enter":
            channels.enter(room, 0.0)
        case "leave":
            channels.leave(room)
        case "quit":
            channels.quit(name)
        case "rename":
            ghost = channels.user(other)
            if ghost is not channels.user(name):
                channels.quit(other)
            channels.rename(name, other)
        case "refold":
            standing.told(["Nick", f"CASEMAPPING={'ascii' if name < 'b' else 'rfc1459'}", "are supported"])
            standing.refold()
            channels.refold()
        case "add" if channel is not None:
            channels.add(channel, name, "o")
        case "remove" if channel is not None:
            channels.remove(channel, name)
        case "mode" if channel is not None:
            channels.change_mode(channel, name, "v", name < "b")


@given(STEPS)
def test_people_and_channels_agree_about_who_is_where(steps: list[tuple[str, str, str, str]]) -> None:
    standing = Standing("me")
    channels = Channels(standing)
    for step in steps:
        act(channels, standing, step)
        for channel in channels:
            assert channels.get(channel.name) is channel
            occupants = channels.occupants(channel)
            assert len(occupants) == len(channel.members)
            for occupant in occupants:
                user = channels.user(occupant.nick)
                assert user is not None
                assert channel in channels.shared_with(occupant.nick)
                assert channels.occupant(channel, user) == occupant


def test_the_highest_rank_counts() -> None:
    standing = Standing("me")
    standing.told(["me", "PREFIX=(Yqaohv)!~&@%+", "are supported"])
    channels = Channels(standing)
    channel = channels.enter("#x", 0.0)
    assert channel is not None
    user = channels.add(channel, "Bob", "v")
    assert user is not None
    for letter, rank in [
        ("o", (Affiliation.ADMIN, Role.MODERATOR)),
        ("q", (Affiliation.OWNER, Role.MODERATOR)),
        ("Y", (Affiliation.OWNER, Role.MODERATOR)),
    ]:
        assert channels.change_mode(channel, "bob", letter, True) is user
        occupant = channels.occupant(channel, user)
        assert (occupant.affiliation, occupant.role) == rank
    assert channels.change_mode(channel, "bob", "q", True) is None
    channels.change_mode(channel, "bob", "q", False)
    assert channels.occupant(channel, user).affiliation is Affiliation.ADMIN


def test_somebody_in_no_channel_with_us_is_forgotten() -> None:
    channels = Channels(Standing("me"))
    one, two = channels.enter("#one", 0.0), channels.enter("#two", 0.0)
    assert one is not None
    assert two is not None
    channels.add(one, "Bob")
    channels.add(two, "Bob")
    channels.remove(one, "bob")
    assert channels.user("Bob") is not None
    channels.leave("#two")
    assert channels.user("Bob") is None


def test_a_server_cannot_make_us_remember_without_end() -> None:
    channels = Channels(Standing("me"), max_users=3, max_channels=1)
    channel = channels.enter("#x", 0.0)
    assert channel is not None
    assert channels.enter("#y", 0.0) is None
    added = [channels.add(channel, str(number)) for number in range(5)]
    assert [user is not None for user in added] == [True, True, True, False, False]
    assert len(channels.occupants(channel)) == 3
