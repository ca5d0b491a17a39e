import struct
import zlib

import pytest

from gateway.media.spool import Spool
from tests.fakes.web import WebServer


@pytest.fixture
async def web():
    async with WebServer() as server:
        yield server


@pytest.fixture
async def spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    await spool.prepare()
    return spool


def png(width: int, height: int, rows: int | None = None) -> bytes:
    """A grey picture; fewer ``rows`` of it than it claims make a small file of a large picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = height if rows is None else rows
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress((b"\x00" + b"\x80" * width) * rows))
        + chunk(b"IEND", b"")
    )
