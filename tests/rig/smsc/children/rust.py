"""``smpp34``'s Server as an SMSC: ``python rust.py HOST PORT CONTROL``. It takes any password."""

import asyncio
import sys
from typing import Any

import smpp34
from lines import Lines


class Smsc:
    """``refuse``: statuses for the next messages, one each."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._bound: dict[str, Any] = {}
        self._refuse: list[int] = []
        self._numbers = iter(range(0x1A2B3C00, 0x7FFFFFFF))
        self.lines = Lines({"set": self._set, "deliver": self._deliver, "unbind": self._unbind})

    async def run(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self._bound[event.session_id] = event
                self.lines.tell(event="bound", session=event.session_id, receives=event.can_receive)
            elif isinstance(event, smpp34.Unbound):
                self._bound.pop(event.session_id, None)
                self.lines.tell(event="unbound", session=event.session_id)
            else:
                self._submitted(event)

    def _submitted(self, event: Any) -> None:
        number = format(next(self._numbers), "x")
        status = self._refuse.pop(0) if self._refuse else 0
        if status:
            event.reject(status)
        else:
            event.accept(number)
        self.lines.tell(
            event="pdu",
            command="submit_sm",
            id=number,
            source_addr=event.source_addr,
            source_addr_ton=event.source_addr_ton,
            destination_addr=event.destination_addr,
            esm_class=event.esm_class,
            data_coding=event.data_coding,
            registered_delivery=event.registered_delivery,
            octets=event.short_message.hex(),
        )

    async def _set(self, refuse: list[int]) -> None:
        self._refuse = refuse

    async def _deliver(self, octets: str, tlvs: list[tuple[int, str]], **fields: Any) -> int:
        esme = [each for each in self._bound.values() if each.can_receive][-1]
        answer = await esme.deliver_sm(
            fields.pop("destination_addr"),
            bytes.fromhex(octets),
            tlvs=[smpp34.Tlv(tag, bytes.fromhex(value)) for tag, value in tlvs],
            **fields,
        )
        return int(answer.command_status)

    async def _unbind(self) -> None:
        for each in list(self._bound.values()):
            await each.unbind()


async def main(host: str, port: int, control: int) -> None:
    server = smpp34.Server(host, port, system_id="RUSTSMSC")
    await server.start()
    smsc = Smsc(server)
    async with await smsc.lines.listen(host, control):
        await smsc.run()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
