"""When a network bans everybody: nobody runs into it again and again, and the admins know."""

from gateway.accounts.breaker import Breaker, BreakerPolicy
from tests.unit.clock import ManualClock

KLINE = "k-lined: open proxy"


class Scene:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[tuple[str, str, int, float]] = []
        self.breaker = Breaker(BreakerPolicy(), self.clock, lambda *news: self.told.append(news))

    def banned(self, *owners: str, ban: str = KLINE, network: str = "net") -> None:
        for owner in owners:
            self.breaker.ended(network, owner, ban)

    @property
    def barred(self) -> bool:
        return self.breaker.bar("net") is not None


async def test_the_same_ban_for_three_users_cuts_the_network_off_and_tells_once() -> None:
    scene = Scene()
    scene.banned("ann", "ann", "ann", "bob")
    assert not scene.barred
    scene.banned("eve")
    assert scene.told == [("net", KLINE, 3, 600.0)]
    why = scene.breaker.bar("net")
    assert why is not None
    assert why.retry
    assert why.delay == 600.0
    assert KLINE in why.refused.text
    scene.banned("joe")  # was under way
    assert len(scene.told) == 1
    assert scene.breaker.bar("other") is None


async def test_different_bans_and_bans_long_ago_are_the_users_own() -> None:
    scene = Scene()
    scene.banned("ann")
    scene.banned("bob", ban="k-lined: flooding")
    scene.banned("eve", ban="banned: spam")
    scene.banned("bob", network="other")
    await scene.clock.advance(601)
    scene.banned("joe")
    scene.banned("jim", ban="")
    assert not scene.barred


async def test_one_user_tries_while_the_others_wait() -> None:
    scene = Scene()
    scene.banned("ann", "bob", "eve")
    await scene.clock.advance(600)
    assert not scene.barred
    scene.breaker.trying("net")
    assert scene.barred
    scene.breaker.ended("net", "joe", "")  # it came to nothing
    assert not scene.barred
    scene.breaker.trying("net")
    await scene.clock.advance(120)
    assert not scene.barred
    scene.breaker.trying("net")
    scene.breaker.welcomed("net")
    assert not scene.barred
    scene.banned("ann", "bob")
    assert not scene.barred


async def test_a_try_that_is_banned_makes_it_longer_up_to_a_limit() -> None:
    scene = Scene()
    scene.banned("ann", "bob", "eve")
    for _ in range(8):
        await scene.clock.advance(scene.told[-1][3])
        scene.breaker.trying("net")
        scene.banned("joe")
    assert [seconds for *_, seconds in scene.told[:4]] == [600, 1200, 2400, 4800]
    assert scene.told[-1][3] == 6 * 3600


async def test_networks_that_users_make_up_do_not_pile_up() -> None:
    scene = Scene()
    for number in range(1200):
        for owner in ("ann", "bob", "eve"):
            scene.banned(owner, network=f"net{number}")
            scene.banned(owner, network=f"other{number}", ban=owner)
    assert len(scene.breaker._open) <= 500
    assert len(scene.breaker._bans) <= 501
