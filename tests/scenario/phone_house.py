"""Phones around a stage: an SMSC that nobody of this project wrote, and users of the gateway who each have a number."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.playground.clients import XmppClient
from tests.rig.smsc import NodeSmsc
from tests.rig.smsc.steered import heard as decoded
from tests.scenario.post_house import logins
from tests.scenario.stage import Company, Play, Stage
from tests.waiting import DEADLINE, eventually

SMS = "sms.localhost"  # the gateway's JID
NUMBERS = tuple(f"+1212555{each:04}" for each in range(1, 31))
TEAM = "+12125550099"

_MORE = """\
[bridges.sms.routes.centre]
kind = "smpp"
host = "127.0.0.1"
port = {port}
system_id = "causeway"
password = "secret"
{route}
[bridges.sms.limits]
segments_per_minute = 1000

[media]
directory = "{media}"
trusted_hosts = ["127.0.0.1"]

"""


@dataclass(slots=True)
class House:
    stage: Stage
    smsc: NodeSmsc
    _phones: int = 0

    def phone(self, *, last: int = 1) -> str:
        """A number that no other test knows; those that end with 9 are refused by their network, late."""
        self._phones += 1
        return f"+1310555{self._phones:03}{last}"

    async def texts(self, to: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for ``count`` segments to a phone."""
        return await self.smsc.control.pdus("submit_sm", count, destination_addr=to.removeprefix("+"))

    async def reads(self, to: str, count: int = 1) -> str:
        """What a phone shows after ``count`` segments."""
        return decoded(await self.texts(to, count))

    async def text(self, sender: str, to: str, words: str | bytes, **fields: Any) -> int:
        """Somebody's phone to one of our numbers; the status that the network is answered with."""
        return await self.smsc.deliver(
            words,
            source_addr=sender.removeprefix("+"),
            destination_addr=to.removeprefix("+"),
            **fields,
        )


@asynccontextmanager
async def opened(directory: Path, xmpp: str, *, route: str = "", **keys: str) -> AsyncIterator[House]:
    place = directory / "smsc"
    place.mkdir()
    async with AsyncExitStack() as stack:
        smsc = await NodeSmsc.start(place)
        stack.push_async_callback(smsc.stop)
        stage = await Stage.start(directory, xmpp, _play(directory, smsc.port, route, keys))
        stack.push_async_callback(stage.stop)
        await smsc.session()
        yield House(stage, smsc)


def _play(directory: Path, port: int, route: str, keys: dict[str, str]) -> Play:
    settings = {"region": '"US"', "countries": '["US"]', "registration": '"free"', **keys}
    more = _MORE.format(port=port, route=route, media=directory / "media")
    more += "".join(f'[[bridges.sms.numbers]]\nnumber = "{each}"\nroutes = ["centre"]\n' for each in NUMBERS)
    more += (
        f'[[bridges.sms.numbers]]\nnumber = "{TEAM}"\nroutes = ["centre"]\nmode = "team"\nname = "Support"\n'
        'users = ["tina@localhost", "tom@localhost"]\n'
    )
    return Play({}, {"sms": settings}, kinds={"sms": "sms"}, more=more)


async def resident(company: Company, stem: str = "alice", *, exactly: bool = False) -> XmppClient:
    """A new user who has registered."""
    user = await company.user(stem, exactly=exactly)
    answer = await user.iq(SMS, "<query xmlns='jabber:iq:register'/>", type="set", within=DEADLINE)
    assert answer.get("type") == "result"
    await eventually(lambda: logins(company, user) == 1, f"{user.bare} is there")
    user.inbox.clear()
    return user


async def number_of(house: House, user: XmppClient) -> str:
    """The number that a user writes from: it stands in what arrives."""
    phone = house.phone()
    user.send(f"<message to='{contact(phone)}' type='chat'><body>who am I</body></message>")
    [text] = await house.texts(phone)
    user.inbox.clear()
    return f"+{text['source_addr']}"


def contact(number: str) -> str:
    return f"{number}@{SMS}"
