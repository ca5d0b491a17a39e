"""What the service manager hears, by a socket as it makes one."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ops.service_manager import ServiceManager
from tests.fakes.clock import ManualClock


@pytest.fixture(params=["path", "abstract"])
def heard(request, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@causeway-{os.getpid()}-{id(request)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name if name[0] != "@" else "\0" + name[1:])
        listening.settimeout(5)
        yield name, listening


def test_each_word_is_a_datagram(heard):
    name, listening = heard
    manager = ServiceManager.of({"NOTIFY_SOCKET": name}, ManualClock())
    manager.ready()
    manager.reloading()
    manager.status("all\nis well")
    manager.alive()
    manager.stopping()
    said = [listening.recv(4096).decode() for _ in range(5)]
    assert said == [
        "READY=1",
        "RELOADING=1\nMONOTONIC_USEC=1000000000",
        "STATUS=all is well",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=Saying goodbye",
    ]


def test_without_a_manager_or_with_one_that_is_gone_nothing_happens(tmp_path):
    ServiceManager.of({}, ManualClock()).ready()
    ServiceManager.of({"NOTIFY_SOCKET": str(tmp_path / "gone")}, ManualClock()).ready()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "often"}, 0.0),
        ({}, 0.0),
    ],
)
def test_signs_of_life_are_given_to_who_asks_us_for_them(environ, seconds):
    assert ServiceManager.of(environ, ManualClock()).watchdog == seconds
