"""Logins for Postfix's submission, in this process: as much of Dovecot's authentication protocol (version 1.1) as PLAIN and
LOGIN of one kind need. A real Dovecot is ``dovecot``'s."""

import asyncio
import base64
import os
from collections.abc import Mapping

from gateway.playground.peers import LOOPBACK

_HELLO = "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t{pid}\nCUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n"


class Logins:
    """Listens at ``place``, which is for ``Postfix.start(sasl=...)``. ``accounts``: passwords by user name."""

    def __init__(self, accounts: Mapping[str, str]) -> None:
        self.accounts = dict(accounts)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.place = ""

    async def start(self) -> "Logins":
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.place = f"inet:{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            writer.write(_HELLO.format(pid=os.getpid()).encode())
            while line := await reader.readline():
                words = line.decode().rstrip("\n").split("\t")
                if words[0] == "AUTH":
                    writer.write(self._answer(words).encode())
        except ConnectionError:
            return
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, words: list[str]) -> str:
        """``AUTH id mechanism ... resp=BASE64``: RFC 4616's identity, user and password, with NULs between."""
        response = next((word[5:] for word in words if word.startswith("resp=")), "")
        _, _, rest = base64.b64decode(response).decode().partition("\0")
        user, _, password = rest.partition("\0")
        if password and self.accounts.get(user) == password:
            return f"OK\t{words[1]}\tuser={user}\n"
        return f"FAIL\t{words[1]}\tuser={user}\n"
