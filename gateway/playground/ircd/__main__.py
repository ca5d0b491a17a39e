"""``python -m gateway.playground.ircd``: the scripted server as a process of its own."""

import argparse
import asyncio
import signal

from gateway.playground.ircd.server import Ircd


async def _serve(host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ircd = await Ircd().start(host, port)
    print(f"listening on {ircd.host}:{ircd.port}", flush=True)
    await stop.wait()
    await ircd.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="A small IRC server for trying things out.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6667)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
