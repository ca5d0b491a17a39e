"""What tests of the doors to the gateway say there, and what they wait for."""

from xml.etree.ElementTree import Element

from gateway.doors.access import AccessPolicy
from gateway.storage.owned import Owner
from gateway.xmpp.forms import DATA
from tests.component.stage import ALICE, JID, C, Stage
from tests.waiting import eventually

X = f"{{{DATA}}}"
R = "{jabber:iq:register}"
ADMIN = "admin@localhost/desk"
OPEN = AccessPolicy(admins=frozenset({"admin@localhost"}))
COMMANDS = "http://jabber.org/protocol/commands"
CMD = f"{{{COMMANDS}}}"


async def chat(stage: Stage, text: str, who: str = ALICE, to: str = JID, extra: str = "") -> str:
    """Write to the bot, and what it answers to that client."""
    stage.send(f"<message type='chat' from='{who}' to='{to}'{extra}><body>{text}</body></message>")
    answer = await stage.expect("message", to=who, from_=to, type="chat")
    return answer.findtext(f"{C}body") or ""


def query(
    namespace: str, content: str = "", *, kind: str = "get", who: str = ALICE, to: str = JID, id_: str = "q1"
) -> str:
    return f"<iq type='{kind}' id='{id_}' from='{who}' to='{to}'><query xmlns='{namespace}'>{content}</query></iq>"


def submission(**values: str) -> str:
    fields = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in values.items())
    return f"<x xmlns='{DATA}' type='submit'>{fields}</x>"


async def ask(stage: Stage, xml: str) -> Element:
    stage.send(xml)
    return await stage.expect("iq", id="q1")


async def register(stage: Stage, who: str = ALICE, name: str = "carol") -> None:
    form = submission(username=name, password=name[::-1])
    answer = await ask(stage, query("jabber:iq:register", form, kind="set", who=who))
    assert answer.get("type") == "result", "".join(answer.itertext())


async def run(
    stage: Stage, node: str, who: str, content: str = "", session: str = "", action: str = "execute"
) -> Element:
    attributes = f"node='{node}' action='{action}'" + (f" sessionid='{session}'" if session else "")
    stage.send(
        f"<iq type='set' id='q1' from='{who}' to='{JID}'><command xmlns='{COMMANDS}' {attributes}>{content}</command></iq>"
    )
    answer = await stage.expect("iq", id="q1")
    return answer if answer.get("type") == "error" else answer[0]


async def fill(stage: Stage, node: str, who: str, **values: str) -> Element:
    first = await run(stage, node, who)
    return await run(stage, node, who, submission(**values), first.get("sessionid") or "", "complete")


async def rows(stores, owner: str = "alice@localhost") -> int:
    whose = Owner("loopback", owner)
    tables = await stores.owned.read(whose)
    return sum(map(len, tables.values())) + len(await stores.owned.messages(whose, 0, 100))


async def until_rows(stores, number: int) -> None:
    async def so_many() -> bool:
        return await rows(stores) == number

    await eventually(so_many, f"{number} rows")
