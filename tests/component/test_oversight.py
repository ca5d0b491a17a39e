"""What admins do when a network complains, from the wire."""

from gateway.doors.access import AccessPolicy
from tests.component.doorstep import ADMIN, CMD, OPEN, X, chat, fill, run
from tests.component.stage import ALICE, JID, MUC, ROOM, C, condition, staged


def told(answer) -> str:
    return "".join(answer.itertext())


async def test_admins_find_out_who_somebody_is(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        await stage.join()
        token = stage.component.host.token("alice@localhost")
        for wanted in (
            token[:10],
            f"~{token[:10]}",
            f"alice!~{token[:10]}@gw.example",
            "ALICE",
            "alice@localhost",
        ):
            found = told(await fill(stage, "identify", ADMIN, subject=wanted))
            assert "alice@localhost: on loop as alice, connected" in found
            assert token in found
        for wanted in (token[:5], "zzzzzzzzzz", "bob", "localhost"):
            assert "Nobody known here" in told(await fill(stage, "identify", ADMIN, subject=wanted))
        await fill(stage, "disconnect-user", ADMIN, jids="alice@localhost")
        await stage.expect("presence", to=ALICE, type="unavailable")


async def test_who_is_gone_is_found_too(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        await stage.join()
        token = stage.component.host.token("alice@localhost")
    policy = AccessPolicy(admins=OPEN.admins, denied=frozenset({"alice@localhost"}))
    async with staged(tmp_path, server=server, access=policy) as stage:
        assert stage.component.host.token("alice@localhost") == token  # survives restarts
        for account in list(stage.component.accounts):
            account.abandon("")
        found = told(await fill(stage, "identify", ADMIN, subject=token))
        assert "alice@localhost: on loop as alice" in found


async def test_tokens_say_nothing_and_differ(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        tokens = {stage.component.host.token(f"user{number}@localhost") for number in range(100)}
        assert len({token[:10] for token in tokens}) == 100
        assert all(len(token) == 26 and token.isalnum() and token == token.lower() for token in tokens)


async def test_a_network_that_bans_everybody_is_tried_again_at_an_admins_word(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        assert "No network bans" in told(await run(stage, "network-bans", ADMIN))
        for user in ("bob", "carol", "dave"):
            stage.component.host.breaker.ended("loop", f"{user}@localhost", "k-lined: proxies")
        stage.send(f"<presence from='{ALICE}' to='{ROOM}/alice' id='j'>{MUC}</presence>")
        assert condition(await stage.expect("presence", to=ALICE, type="error")) == "service-unavailable"
        form = await run(stage, "network-bans", ADMIN)
        (option,) = form.iter(f"{X}option")
        assert "k-lined: proxies (3 users; next try in 10 minutes)" in (option.get("label") or "")
        assert "log in again to: loop" in told(await fill(stage, "network-bans", ADMIN, networks="loop"))
        await stage.join()


async def test_admins_write_to_everybody(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        assert "Nobody was written to" in told(await fill(stage, "announce", ADMIN, message="x"))
        await stage.join()
        assert "Users written to: 1" in told(
            await fill(stage, "announce", ADMIN, message="Away at noon.\nBack at one.")
        )
        message = await stage.expect("message", to="alice@localhost", from_=JID)
        assert message.findtext(f"{C}body") == "Away at noon.\nBack at one."


async def test_only_admins_see_any_of_it(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        for node in ("identify", "network-bans", "announce"):
            assert condition(await run(stage, node, ALICE)) == "forbidden"
            assert "I do not know that" in await chat(stage, node)
        assert (await run(stage, "identify", ADMIN)).find(f"{CMD}note") is None
