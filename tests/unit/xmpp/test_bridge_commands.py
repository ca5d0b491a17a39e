"""Commands of a bridge's own, behind the gateway's doors: offered where they belong, run in the words of ``steps``."""

from collections.abc import Sequence
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.bridge import Ask, AskAgain, BadAddress, BridgeCommand, Capabilities, Finish, Invocation
from gateway.model import GATEWAY, Address, AddressKind, Field
from gateway.xmpp.bridge_commands import BridgeCommands
from gateway.xmpp.stanza import parse_jid
from gateway.xmpp.steps import Again, Category, Done, Execution, NoteType, Outcome, Page

USER = parse_jid("ann@localhost/phone")
NET = Address(AddressKind.NETWORK, "net.example")
THEN: list[str] = []


class TwoCommands:
    """A bridge that notes what it was asked."""

    def __init__(self, *, commands: bool = True, networks: bool = True) -> None:
        self.capabilities = Capabilities("x", "X", commands=commands, networks=networks)
        self.seen: list[Invocation] = []

    def address(self, text: str) -> Address:
        if text == "net.example":
            return NET
        if text.startswith("#"):
            return Address(AddressKind.ROOM, "net.example", text)
        if text == "bob":
            return Address(AddressKind.CONTACT, "net.example", text)
        if text:
            raise BadAddress("No such place.")
        return GATEWAY

    def commands(self, address: Address) -> Sequence[BridgeCommand]:
        if address.kind is AddressKind.GATEWAY:
            return (BridgeCommand("all", "All", self.at_once, admins_only=True),)
        if address.kind is AddressKind.NETWORK:
            return (BridgeCommand("one", "One", self.asking, "Helps."),)
        return ()

    async def asking(self, invocation: Invocation) -> Ask | AskAgain | Finish:
        self.seen.append(invocation)
        if invocation.stage == 0:
            return Ask("Title", (Field("a", "A"),), "Do.", last=False, memo="m")
        if invocation.text("a") == "bad":
            return AskAgain("Not that.")
        return Finish("Done.", failed=True, result="more", then=lambda: THEN.append("then"))

    def at_once(self, invocation: Invocation) -> Finish:
        self.seen.append(invocation)
        return Finish("Fine.")


class World:
    def __init__(self, **options: Any) -> None:
        self.bridge = TwoCommands(**options)
        self.session = object()
        account = SimpleNamespace(network="net.example", connected=True, session=self.session)
        accounts = SimpleNamespace(of=lambda owner: [account], find=lambda owner, network: account)
        book = SimpleNamespace(address=lambda local: self.bridge.address(local or ""))
        self.commands = BridgeCommands(
            self.bridge,  # type: ignore[arg-type]
            book,  # type: ignore[arg-type]
            accounts,  # type: ignore[arg-type]
            lambda jid: True,
            lambda jid: False,
        )

    def nodes(self, target: str) -> list[str] | None:
        found = self.commands.available(parse_jid(target), USER)
        return None if found is None else [each.node for each in found]

    async def run(self, target: str, node: str, *answers: dict[str, str], memo: str = "") -> Outcome:
        jid = parse_jid(target)
        (command,) = [each for each in self.commands.available(jid, USER) or () if each.node == node]
        values = {name: (value,) for page in answers for name, value in page.items()}
        outcome = command.run(Execution(USER, jid, node, len(answers), values, memo))
        return await outcome if isawaitable(outcome) else outcome


async def test_commands_are_offered_where_they_belong() -> None:
    world = World()
    assert world.nodes("net.example@gw") == ["one"]
    assert world.nodes("gw") == ["all", "one-network"]
    assert world.nodes("#x@gw") is None
    assert world.nodes("bob@gw") is None
    assert world.nodes("odd@gw") is None
    assert world.nodes("net.example@gw/x") is None
    assert World(networks=False).nodes("gw") == ["all"]
    assert World(commands=False).nodes("gw") is None


async def test_a_step_becomes_a_page_and_an_end() -> None:
    world = World()
    page = await world.run("net.example@gw", "one")
    assert isinstance(page, Page)
    assert (page.form.title, page.form.instructions, page.last, page.memo) == ("Title", "Do.", False, "m")
    assert await world.run("net.example@gw", "one", {"a": "bad"}) == Again("Not that.")
    done = await world.run("net.example@gw", "one", {"a": "x"}, memo="m")
    assert isinstance(done, Done)
    assert (done.note, done.note_type, done.result) == ("Done.", NoteType.ERROR, "more")
    assert done.then is not None
    assert world.bridge.seen[-1] == Invocation(
        "ann@localhost",
        NET,
        world.session,
        1,
        {"a": ("x",)},
        "m",  # type: ignore[arg-type]
    )


async def test_at_the_gateway_the_network_is_asked_for_first() -> None:
    world = World()
    page = await world.run("gw", "one-network")
    assert isinstance(page, Page)
    assert [(each.name, each.default) for each in page.form.fields] == [("network", "net.example")]
    assert isinstance(await world.run("gw", "one-network", {"network": "odd"}), Again)
    assert isinstance(await world.run("gw", "one-network", {"network": "#x"}), Again)
    assert world.bridge.seen == []
    page = await world.run("gw", "one-network", {"network": " net.example "}, memo="not ours")
    assert isinstance(page, Page)
    assert page.form.title == "Title"
    assert world.bridge.seen[-1].address == NET
    assert (world.bridge.seen[-1].stage, world.bridge.seen[-1].memo) == (0, "")
    done = await world.run("gw", "one-network", {"network": "net.example"}, {"a": "x"}, memo="m")
    assert isinstance(done, Done)
    assert (world.bridge.seen[-1].stage, world.bridge.seen[-1].memo) == (1, "m")


@pytest.mark.parametrize(("node", "category"), [("all", Category.ADMIN), ("one-network", Category.ACCOUNT)])
async def test_admins_have_commands_of_their_own(node: str, category: Category) -> None:
    (command,) = [
        each for each in World().commands.available(parse_jid("gw"), USER) or () if each.node == node
    ]
    assert command.category is category
    assert command.allowed(USER) == (category is Category.ACCOUNT)
