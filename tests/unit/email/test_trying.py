"""What ``causeway check`` says of the email bridge: every trouble with its fix, and nothing where all is well."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings
from bridges.email.receiving import replies
from bridges.email.receiving.lmtp import Limits, Listener, Offered
from bridges.email.receiving.replies import Reply
from gateway.bridge import Hint, Services
from gateway.clock import SystemClock
from gateway.playground.process import free_ports
from tests.unit.email.sending.scripted import Scripted


class Nobody:
    """``lmtp.Border``: what a check asks never comes so far."""

    async def sender(self, address: str) -> Reply:
        raise AssertionError("a mail was begun")

    async def recipient(self, sender: str, address: str) -> Reply:
        raise AssertionError("a recipient was named")

    async def mail(self, offered: Offered) -> Sequence[Reply]:
        return [replies.OUR_FAULT]


@pytest.fixture
async def smarthost() -> AsyncIterator[Scripted]:
    server = await Scripted(offers=("DSN", "SMTPUTF8")).start()
    yield server
    await server.stop()


WELL: dict[str, Any] = {
    "domains": ["example.org"],
    "alias_domain": "example.org",
    "postmaster": "ann@example.org",
    "trust": {"authserv_ids": ["mx.example.org"]},
}


async def tried(server: Scripted, listen: str | Path, **more: Any) -> tuple[list[str], list[str]]:
    """What fails, and what is hinted at."""
    lmtp = {"listen": str(listen), **more.pop("lmtp", {})}
    submission = {"host": "127.0.0.1", "port": server.port, "timeout": 10, **more.pop("smarthost", {})}
    settings = EmailSettings.model_validate(WELL | {"lmtp": lmtp, "smarthost": submission} | more)
    found = await EmailBridge(settings, Services(SystemClock(), random.Random(1), "1")).trial()
    return [each for each in found if isinstance(each, str)], [
        each.text for each in found if isinstance(each, Hint)
    ]


def free() -> str:
    return f"127.0.0.1:{free_ports(1)[0]}"


async def listener(name: str = "example.org", connections: int = 10) -> Listener:
    return Listener(Nobody(), name, Limits(connections=connections))


async def test_nothing_is_said_where_all_is_well_and_nothing_is_left(
    smarthost: Scripted, tmp_path: Path
) -> None:
    assert await tried(smarthost, free()) == ([], [])
    assert await tried(smarthost, tmp_path / "lmtp.sock") == ([], [])
    assert os.listdir(tmp_path) == []
    assert smarthost.received == []


async def test_a_gateway_that_runs_is_recognised(smarthost: Scripted, tmp_path: Path) -> None:
    running = await listener()
    port = await running.open_tcp()
    await running.open_unix(tmp_path / "lmtp.sock")
    assert await tried(smarthost, f"127.0.0.1:{port}") == ([], [])
    assert await tried(smarthost, tmp_path / "lmtp.sock") == ([], [])
    await running.close()


async def test_a_gateway_whose_connections_are_all_taken_is_no_failure(smarthost: Scripted) -> None:
    running = await listener(connections=1)
    port = await running.open_tcp()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    troubles, hints = await tried(smarthost, f"127.0.0.1:{port}")
    assert troubles == []
    assert hints == [
        f"The gateway on 127.0.0.1 port {port} has as many connections as `connections` of [bridges.email.lmtp] allows."
    ]
    writer.close()
    await running.close()


async def test_another_program_on_our_port_is_named_by_what_it_says(
    smarthost: Scripted, tmp_path: Path
) -> None:
    (trouble,), hints = await tried(smarthost, f"127.0.0.1:{smarthost.port}")
    assert trouble.startswith(
        f'Another program listens on 127.0.0.1 port {smarthost.port}, and says "220 scripted ESMTP": end it, or set '
    )
    other = await listener("other.example")
    await other.open_unix(tmp_path / "lmtp.sock")
    (trouble,), hints = await tried(smarthost, tmp_path / "lmtp.sock")
    assert trouble.startswith(
        f'Another program listens on {tmp_path}/lmtp.sock, and says "220 other.example '
    )
    assert hints == []
    await other.close()


async def test_noise_is_not_shown(smarthost: Scripted) -> None:
    async def noisy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x1b[31m" * 40_000 + b"\n")
        writer.close()

    server = await asyncio.start_server(noisy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (trouble,), _ = await tried(smarthost, f"127.0.0.1:{port}")
    assert trouble.startswith(
        f"Another program listens on 127.0.0.1 port {port}, and says nothing that can be read: "
    )
    server.close()


async def test_a_port_that_is_bound_and_silent_is_not_free(smarthost: Scripted) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        (trouble,), _ = await tried(smarthost, f"127.0.0.1:{port}")
    assert trouble == (
        f"Mail cannot be received on 127.0.0.1 port {port} (Address already in use): set `listen` of "
        "[bridges.email.lmtp] to a free port, and tell your mail server."
    )


async def test_an_address_of_another_machine_is_none_to_listen_on(smarthost: Scripted) -> None:
    (trouble,), _ = await tried(smarthost, "192.0.2.1:2424", lmtp={"allow_remote": True})
    assert "this machine has no such address" in trouble


async def test_a_file_in_the_place_of_the_socket_is_left_alone(smarthost: Scripted, tmp_path: Path) -> None:
    place = tmp_path / "lmtp.sock"
    place.write_text("mine")
    (trouble,), _ = await tried(smarthost, place)
    assert (
        trouble
        == f"{place} is there and is no socket: move it away, or correct `listen` of [bridges.email.lmtp]."
    )
    assert place.read_text() == "mine"


async def test_a_socket_that_was_left_behind_is_no_trouble(smarthost: Scripted, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "lmtp.sock"))
    assert await tried(smarthost, tmp_path / "lmtp.sock") == ([], [])
    assert (tmp_path / "lmtp.sock").is_socket()


async def test_the_directory_of_the_socket_has_to_be_there(smarthost: Scripted, tmp_path: Path) -> None:
    (trouble,), _ = await tried(smarthost, tmp_path / "no" / "lmtp.sock")
    assert trouble == (
        f"The directory {tmp_path}/no of the LMTP socket does not exist: create it, or correct `listen` of "
        "[bridges.email.lmtp]."
    )


async def test_the_directory_of_the_socket_has_to_let_us_write(
    smarthost: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    (trouble,), _ = await tried(smarthost, tmp_path / "lmtp.sock")
    assert trouble.startswith(
        f"The LMTP socket cannot be made in {tmp_path}: give the user that runs Causeway "
    )


async def test_a_name_that_no_socket_can_have_is_noticed_before_the_system_does(
    smarthost: Scripted, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * (103 - len(str(tmp_path)) - 1))
    (trouble,), _ = await tried(smarthost, long)
    assert trouble.endswith("set `listen` of [bridges.email.lmtp] to 102 bytes at most.")
    longest = tmp_path / ("x" * (102 - len(str(tmp_path)) - 1))
    assert await tried(smarthost, longest) == ([], [])
    running = await listener()
    await running.open_unix(longest)
    await running.close()


@pytest.mark.parametrize(
    ("mode", "said"), [("0666", "lets everybody"), ("0600", "lets nobody in but"), ("0660", "")]
)
async def test_a_socket_for_too_many_or_too_few_is_hinted_at(
    smarthost: Scripted, tmp_path: Path, mode: str, said: str
) -> None:
    troubles, hints = await tried(smarthost, tmp_path / "s", lmtp={"socket_mode": mode})
    assert troubles == []
    assert [said in each for each in hints] == ([True] if said else [])


async def test_what_makes_no_sense_is_said(smarthost: Scripted) -> None:
    troubles, hints = await tried(smarthost, free(), alias_domain="", postmaster="", trust={})
    assert troubles == [
        "Nobody can register: set `address_template` with `local_domains`, or `alias_domain`, in [bridges.email]."
    ]
    assert [each.partition(":")[0] for each in hints] == [
        "Every mail comes with a warning that its sender may be forged",
        "Nobody reads mail to postmaster@ and abuse@, which every mail domain has to have",
    ]
    _, (hint,) = await tried(smarthost, free(), postmaster="ann@elsewhere.example")
    assert hint.startswith("`postmaster` is ann@elsewhere.example, outside of `domains`")


async def test_the_login_at_the_smarthost_is_tried(smarthost: Scripted) -> None:
    troubles, _ = await tried(smarthost, free(), smarthost={"username": "gw", "password": "secret-word"})
    assert len(troubles) == 1
    assert "offers no login on this connection" in troubles[0]
    assert "secret-word" not in troubles[0]


async def test_a_smarthost_that_is_not_there_is_one_sentence(smarthost: Scripted) -> None:
    (port,) = free_ports(1)
    (trouble,), _ = await tried(smarthost, free(), smarthost={"port": port})
    assert trouble.startswith(f"127.0.0.1:{port} cannot be reached: Connection refused. ")


async def test_a_password_file_that_cannot_be_read_is_one_sentence(
    smarthost: Scripted, tmp_path: Path
) -> None:
    more = {"username": "gw", "password_file": str(tmp_path / "none")}
    (trouble,), _ = await tried(smarthost, free(), smarthost=more)
    assert trouble.startswith(
        "The file of the smarthost's password cannot be read (No such file or directory): "
    )


async def test_what_the_smarthost_lacks_is_hinted_at() -> None:
    poor = await Scripted(offers=("SIZE 1000",)).start()
    troubles, hints = await tried(poor, free())
    assert troubles == []
    assert [each.partition(":")[0] for each in hints] == [
        "It offers no delivery reports (DSN)",
        "It offers no SMTPUTF8",
        "It takes mails of 1000 bytes at most, and `message_size` of [bridges.email.limits] is 25000000",
    ]
    await poor.stop()


async def test_an_oauth_client_that_is_of_no_use_is_told(smarthost: Scripted, tmp_path: Path) -> None:
    client = {"google": {"client_id": "x", "client_secret_file": str(tmp_path / "no")}}
    (failure,), _ = await tried(smarthost, free(), account_mode=True, oauth=client)
    assert "client_secret_file" in failure
    _, (hint,) = await tried(smarthost, free(), oauth={"google": {"client_id": "x"}})
    assert "account_mode" in hint
