"""A web server that does what a test says, byte for byte: right, wrong or never."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

Handler = Callable[["Exchange"], Awaitable[None]]


@dataclass(slots=True)
class Exchange:
    """One request, its body not yet read."""

    method: str
    path: str
    headers: Mapping[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: str = ""

    async def body(self) -> bytes:
        return await self.reader.readexactly(int(self.headers.get("content-length", "0")))

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(self, status: str, body: bytes = b"", **headers: str) -> None:
        lines = {"Content-Length": str(len(body)), "Connection": "close"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        self.writer.transport.abort()


@dataclass
class WebServer:
    """Listens on 127.0.0.1; ``routes`` by path, ``asked`` is every (method, path) that came."""

    routes: dict[str, Handler] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> "WebServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def says(self, path: str, status: str, body: bytes = b"", **headers: str) -> str:
        """Answer requests for ``path`` so; gives its URL."""

        async def handler(exchange: Exchange) -> None:
            exchange.answer(status, body, **headers)

        self.routes[path] = handler
        return self.url(path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            method, target, _ = first.split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
            path = target.partition("?")[0]
            self.asked.append((method, path))
            handler = self.routes.get(path)
            exchange = Exchange(method, path, headers, reader, writer)
            if handler is None:
                exchange.answer("404 Not Found")
            else:
                await handler(exchange)
            await writer.drain()
        except (OSError, EOFError):
            return  # the client went away, as some tests want
        finally:
            self._open.discard(writer)
            writer.close()
