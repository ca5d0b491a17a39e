"""Whose conversations over a pool's number are, through the whole bridge."""

from pathlib import Path

from bridges.sms.traffic import Ways
from tests.fakes.sms_route import FakeRoute
from tests.unit.sms.stage import BOB, CAROL, OTHER, POOL, THEM, whole


async def test_whoever_was_never_texted_from_a_pool_answers_nobody(tmp_path: Path) -> None:
    numbers = [{"number": POOL, "routes": ["one"], "mode": "pool", "inbox": CAROL}]
    limits = {"new_people_per_day": 1}
    async with whole(tmp_path, numbers=numbers, limits=limits) as stage:
        alice, carol = await stage.user(), await stage.user(CAROL)
        await alice.sent(OTHER, "hello")
        assert "new numbers" in await alice.refused(THEM, "what does she write?")
        await stage.text("a secret", to=POOL)
        await carol.shown("a secret")
        # Of whom she knows, no refusal parts her.
        await stage.text("STOP", OTHER, to=POOL)
        await alice.shown("no more texts")
        assert "STOP" in await alice.refused(OTHER, "why?")
        await stage.text("because", OTHER, to=POOL)
        await alice.shown("because")


async def test_any_of_a_group_answers_the_pools_user_who_wrote_to_it(tmp_path: Path) -> None:
    numbers = [{"number": POOL, "routes": ["one"], "mode": "pool", "inbox": CAROL}]
    async with whole(tmp_path, FakeRoute("one", Ways(groups=True)), numbers=numbers) as stage:
        alice, bob = await stage.user(), await stage.user(BOB)
        await alice.sent(f"{THEM},{OTHER}", "hello all")
        await stage.text("hello from me", OTHER, to=POOL, others=(THEM,))
        await alice.shown("hello from me")
        assert "shared numbers" in await bob.refused(f"{OTHER},+12125550188", "and I?")
