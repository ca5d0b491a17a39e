"""A component's link to the XMPP server, as far as an examination needs it: that of the running gateway, or one opened for
the purpose and closed again within seconds.

Servers that take a second link of the same component (ejabberd) share the traffic between the two. So the first thing that
a visit does is to find out whether it is alone; if not, it hangs up.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.bridge import Clock
from gateway.xmpp.basics import PING
from gateway.xmpp.diagnosis import LinkState, LinkStatus, diagnose
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.privilege import read_advertisement
from gateway.xmpp.privileges import Privileges
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.stream import ComponentStream, Connector, Symptom, Trouble, tcp, trouble_of
from gateway.xmpp.text import attribute

#: Seconds for TCP and handshake.
_OPENING = 10.0
#: Seconds within which a volley of pings to ourselves is back.
_BACK = 2.5
#: Pings in a volley: the chance that one of two links gets them all is 1 in 65,536. They go to many local parts and
#: resources, for ejabberd may balance by any of them.
_VOLLEY = 16
#: Seconds after which a server has told what it grants (ejabberd does so in a process of its own).
_GRANTING = 1.0


@dataclass(frozen=True, slots=True)
class Wire:
    """``own`` is what the link is like; whatever else is here is of use only while that is up. ``live``: it is the running
    gateway's, so that users depend on it."""

    jid: str
    own: LinkStatus
    iq: IqTracker
    privileges: Privileges
    send: Callable[[str], bool]
    live: bool = False
    alone: bool = True  # no other gateway has the same name
    contacts: Sequence[str] = ()  # some users who let the gateway see them

    @property
    def up(self) -> bool:
        return self.own.state is LinkState.UP and self.alone


@dataclass(slots=True)
class _Visit:
    """What arrives while a link of ours is open."""

    jid: str
    iq: IqTracker
    privileges: Privileges
    send: Callable[[str], bool]
    granted: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, element: Element) -> None:
        stanza = Stanza(element)
        if stanza.kind == "iq" and stanza.type in ("result", "error"):
            self.iq.accept(stanza)
        elif (
            stanza.kind == "iq"
            and stanza.sender.domain == self.jid
            and element.find(f"{{{PING}}}ping") is not None
        ):
            self.send(
                f"<iq type='result' id='{attribute(stanza.id)}' from='{attribute(stanza.to.full)}' "
                f"to='{attribute(stanza.sender.full)}'/>"
            )
        elif stanza.kind == "message" and read_advertisement(element) is not None:
            try:
                self.privileges.learn(stanza)
            except RefusedError:
                return  # whoever it was, no server of ours
            self.granted.set()
        # Everything else is for the gateway, which is not there: users get no answer now either way.


@asynccontextmanager
async def visiting(
    jid: str,
    secret: str,
    host: str,
    port: int,
    clock: Clock,
    connect: Connector = tcp,
    *,
    granting: float = _GRANTING,
) -> AsyncIterator[Wire]:
    """A wire of our own, for as long as the block lasts. ``granting`` is how many seconds a server
    has to grant something. What is wrong with the link is in ``Wire.own``, and not raised."""
    up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(element: Element) -> None:
        visit.hear(element)

    stream = ComponentStream(
        jid,
        secret,
        monotonic=time.monotonic,
        on_up=lambda: up.set_result(None),
        on_stanza=hear,
        on_writable=lambda writable: None,
    )

    def send(stanza: str) -> bool:
        stream.write(stanza.encode())
        return not stream.closing

    iq = IqTracker(send, clock)
    visit = _Visit(jid, iq, Privileges(jid, iq, clock), send)
    trouble: Trouble | None = None
    try:
        try:
            async with asyncio.timeout(_OPENING):
                await connect(lambda: stream, host, port)
                futures: set[asyncio.Future[Trouble] | asyncio.Future[None]] = {up, stream.ended}
                await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            trouble = Trouble(
                Symptom.CONNECT_TIMEOUT if stream.transport is None else Symptom.HANDSHAKE_TIMEOUT
            )
        except (OSError, UnicodeError) as error:
            trouble = trouble_of(error)
        if not up.done():
            diagnosis = diagnose(trouble or stream.ended.result(), jid=jid, host=host, port=port)
            yield Wire(jid, LinkStatus(diagnosis.state, diagnosis.reason), iq, visit.privileges, send)
            return
        status = LinkStatus(LinkState.UP, f"The server on {host} port {port} accepts {jid}.")
        back = await asyncio.gather(*(_ping(jid, iq) for _ in range(_VOLLEY)))
        if not any(back):
            reason = f"The server on {host} port {port} accepts {jid} and then says nothing more: look into its log."
            status = LinkStatus(LinkState.DOWN, reason)
        alone = not _elsewhere(back)
        if not alone:
            await _hung_up(stream)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(granting):
                    await visit.granted.wait()
        yield Wire(jid, status, iq, visit.privileges, send, alone=alone)
    finally:
        iq.fail_all("The examination is over.")
        await _hung_up(stream)


async def _hung_up(stream: ComponentStream) -> None:
    if stream.transport is not None and not stream.ended.done():
        stream.write(stream.stream_footer.encode())
        await asyncio.wait({stream.ended}, timeout=1.0)
        stream.abort()
        await stream.ended


def _elsewhere(back: Sequence[bool]) -> bool:
    """Whether somebody else got some of our pings. A stream is processed in order: what is missing before one that came back
    went elsewhere; what is missing behind it is late."""
    last = max((at for at, each in enumerate(back) if each), default=0)
    return not all(back[:last])


async def _ping(jid: str, iq: IqTracker) -> bool:
    nonce = secrets.token_hex(6)
    us = f"doctor-{nonce}@{jid}/{nonce}"
    try:
        await iq.request(f"{nonce}-doctor@{jid}/{nonce}", f"<ping xmlns='{PING}'/>", sender=us, timeout=_BACK)
    except RefusedError:
        return False
    return True
