"""What admins decide at run time, and what everybody can do with their own data, from the wire."""

import json
from dataclasses import fields

import pytest

from gateway.accounts.directory import AccountLimits
from gateway.doors.limits import LIMITS
from gateway.limits import LimitPolicy
from tests.component.doorstep import (
    ADMIN,
    CMD,
    OPEN,
    X,
    ask,
    chat,
    fill,
    query,
    register,
    rows,
    run,
    submission,
    until_rows,
)
from tests.component.stage import ALICE, BOB, JID, MUC, ROOM, C, condition, staged
from tests.waiting import eventually


async def test_admins_shut_out_and_let_in(registering):
    await registering.join()
    done = await fill(registering, "block", ADMIN, subject="alice@localhost", reason="tests")
    assert "shut out" in (done.findtext(f"{CMD}note") or "")
    await registering.expect("presence", to=ALICE, type="unavailable")
    await eventually(lambda: not registering.bridge.people)
    registering.send(f"<presence from='{ALICE}' to='{ROOM}/alice' id='j'>{MUC}</presence>")
    assert condition(await registering.expect("presence", to=ALICE, type="error")) == "forbidden"
    assert condition(await ask(registering, query("jabber:iq:register"))) == "forbidden"
    registering.send(f"<message type='chat' from='{ALICE}' to='{JID}'><body>help</body></message>")
    assert condition(await registering.expect("message", to=ALICE, type="error")) == "forbidden"
    assert condition(await run(registering, "ping", ALICE)) == "forbidden"
    await fill(registering, "access", ADMIN, lift="alice@localhost")
    await registering.join()


async def test_admins_are_told_of_a_network_that_bans_everybody_and_users_are_refused(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        for user in ("bob", "carol", "dave"):
            stage.component.host.breaker.ended("loop", f"{user}@localhost", "k-lined: proxies")
        told = await stage.expect("message", to="admin@localhost")
        assert "k-lined: proxies" in (told.findtext(f"{C}body") or "")
        stage.send(f"<presence from='{ALICE}' to='{ROOM}/alice' id='j'>{MUC}</presence>")
        refused = await stage.expect("presence", to=ALICE, type="error")
        assert condition(refused) == "service-unavailable"
        assert "proxies" in "".join(refused.itertext())


async def test_rules_outlive_a_restart(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        await fill(stage, "block", ADMIN, subject="localhost")
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        assert condition(await run(stage, "ping", ALICE)) == "forbidden"
        assert (await run(stage, "ping", ADMIN)).findtext(f"{CMD}note") == "Pong"
        await fill(stage, "allow", ADMIN, subject="alice@localhost")
        assert (await run(stage, "ping", ALICE)).findtext(f"{CMD}note") == "Pong"


async def test_limits_are_changed_at_run_time_and_kept(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        await fill(stage, "limits", ADMIN, **{"rooms_per_account": "1"})
        await stage.join()
        stage.send(f"<presence from='{ALICE}' to='#two@{JID}/alice' id='j'>{MUC}</presence>")
        assert condition(await stage.expect("presence", type="error")) == "resource-constraint"
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        form = await run(stage, "limits", ADMIN)
        shown = {field.get("var"): field.findtext(f"{X}value") for field in form.iter(f"{X}field")}
        assert shown["rooms_per_account"] == "1"


def test_every_limit_is_in_the_form_of_admins():
    shown = {limit.attribute or limit.name for limit in LIMITS}
    kept = {field.name for policy in (AccountLimits, LimitPolicy) for field in fields(policy)}
    assert shown == kept - {"history"}  # how much of a room is remembered limits nobody


async def test_changing_nicks_all_the_time_is_refused_in_the_users_language(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        await fill(stage, "limits", ADMIN, commands_per_minute="2")
        await stage.join()
        for number in range(3):
            stage.send(f"<presence xml:lang='de' from='{ALICE}' to='{ROOM}/nick{number}'/>")
        error = await stage.expect("presence", type="error")
        assert condition(error) == "resource-constraint"
        text = error.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text")
        assert text.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
        assert "Bitte warten Sie" in text.text


@pytest.mark.parametrize("value", ["-1", "0", "many", "1" * 30, "１"])
async def test_a_limit_is_a_number(tmp_path, server, value):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        answer = await fill(stage, "limits", ADMIN, max_accounts_total=value)
        assert answer.get("status") == "executing"
        assert answer.find(f"{CMD}note").get("type") == "error"


async def test_admins_commands_are_for_admins_only(registering):
    for node in ("block", "allow", "access", "limits", "registrations", "disconnect-user", "all-connections"):
        assert condition(await run(registering, node, ALICE)) == "forbidden"
        assert "I do not know that" in await chat(registering, node)


async def test_an_admin_ends_the_connections_of_a_user(registering):
    await registering.join()
    await fill(registering, "disconnect-user", ADMIN, jids="alice@localhost", **{"quit-message": "Enough."})
    gone = await registering.expect("presence", to=ALICE, type="unavailable")
    assert "Enough." in "".join(gone.itertext())
    await eventually(lambda: not registering.bridge.people)


async def test_a_user_sees_everything_and_only_their_own(registering):
    await register(registering)
    await registering.join()
    await registering.join(BOB, nick="bob")
    registering.send(
        f"<message type='groupchat' id='m' from='{ALICE}' to='{ROOM}'><body>remember</body></message>"
    )
    await registering.expect("message", to=BOB, type="groupchat")
    done = await run(registering, "export-my-data", ALICE)
    lines = [json.loads(value.text) for value in done.iter(f"{X}value")]
    assert lines[0] == {"gateway": "loopback", "user": "alice@localhost"}
    tables = {line["table"] for line in lines[1:]}
    assert {"accounts", "rooms", "joined_resources", "registrations", "account_settings", "archive"} <= tables
    assert "bob@localhost" not in "".join(done.itertext())
    assert any(line.get("body") == "remember" for line in lines)
    assert "lorac" not in "".join(done.itertext())
    assert not any(str(line.get("value", "")).startswith("v1.") for line in lines), "no sealed secrets either"


async def test_an_export_that_is_too_much_for_one_page_comes_in_parts(stage):
    await stage.join()
    head = f"<message type='groupchat' from='{ALICE}' to='{ROOM}'"
    for number in range(60):
        stage.send(f"{head} id='m{number}'><body>{number} {'x' * 2000}</body></message>")
    page = await run(stage, "export-my-data", ALICE)
    texts = []
    while page.get("status") == "executing":
        texts += [value.text or "" for value in page.iter(f"{X}value")]
        page = await run(stage, "export-my-data", ALICE, "", page.get("sessionid") or "", "next")
    texts += [value.text or "" for value in page.iter(f"{X}value")]
    bodies = [json.loads(text)["body"].split()[0] for text in texts if '"table": "archive"' in text]
    assert bodies == [str(number) for number in range(60)]


async def test_erasing_leaves_everything_and_deletes_everything(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    first = await run(stage, "erase-my-data", ALICE)
    session = first.get("sessionid") or ""
    done = await run(stage, "erase-my-data", ALICE, submission(sure="1"), session, "complete")
    assert "erased" in (done.findtext(f"{CMD}note") or "")
    again = await run(stage, "erase-my-data", ALICE, submission(sure="1"), session, "complete")
    assert again.get("type") == "error", "a client that answers twice"
    await stage.expect("presence", to=ALICE, type="unavailable")
    await eventually(lambda: set(stage.bridge.people) == {"bob"})
    await until_rows(stage.component.stores, 0)
    assert await rows(stage.component.stores, "bob@localhost") > 0


async def test_erasing_has_to_be_meant(stage):
    await stage.join()
    done = await fill(stage, "erase-my-data", ALICE, sure="0")
    assert done.findtext(f"{CMD}note") == "Nothing was erased."
    assert await rows(stage.component.stores) > 0
