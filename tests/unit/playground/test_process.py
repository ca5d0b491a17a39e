"""Children: they get ready, fail readably, end when told, and never outlive whoever started them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.playground.process import Child, Missing, NotReady, free_ports, listening, require
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]


def python(name: str, code: str, directory: Path) -> Child:
    return Child(name, [sys.executable, "-u", "-c", code], directory)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def until_gone(pid: int) -> None:
    """Wait until a process that is not ours to wait for is gone."""
    await eventually(lambda: gone(pid), f"the end of process {pid}")


async def test_a_child_is_ready_when_its_log_says_so_and_stops_on_sigterm(tmp_path: Path) -> None:
    child = python("worker", "import time; print('open for business'); time.sleep(60)", tmp_path)
    child.start()
    await child.wait_ready(child.logged("open for business"))
    await child.stop()
    assert child.exit_status == -signal.SIGTERM


async def test_a_child_that_ends_early_shows_its_last_words(tmp_path: Path) -> None:
    child = python("worker", "print('no such file: x.conf'); raise SystemExit(3)", tmp_path)
    child.start()
    with pytest.raises(NotReady, match=r"(?s)worker ended with status 3.*no such file: x\.conf"):
        await child.wait_ready(child.logged("never"))


async def test_a_child_that_never_gets_ready_is_told_so(tmp_path: Path) -> None:
    child = python("worker", "import time; time.sleep(60)", tmp_path)
    child.start()
    with pytest.raises(NotReady, match=r"worker was not ready within 0\.1 s"):
        await child.wait_ready(child.logged("never"), within=0.1)
    await child.kill()


async def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('grandchild', subprocess.Popen(['sleep', '60']).pid); time.sleep(60)"
    )
    child = python("worker", code, tmp_path)
    child.start()
    await child.wait_ready(child.logged("grandchild"))
    grandchild = int(child.output().split()[1])
    await child.stop(grace=0.1)
    assert child.exit_status == -signal.SIGKILL
    await until_gone(grandchild)


async def test_readiness_after_a_restart_does_not_see_the_old_log(tmp_path: Path) -> None:
    child = python("worker", "import time; print('ready'); time.sleep(60)", tmp_path)
    child.start()
    await child.wait_ready(child.logged("ready"))
    await child.kill()
    child.start()
    await child.wait_ready(child.logged("ready"))
    assert child.output().count("ready") == 1
    assert child.log.read_text().count("ready") == 2
    await child.stop()


async def test_children_die_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from gateway.playground.process import Child\n"
        "async def main():\n"
        "    child = Child('worker', ['sleep', '60'], Path(sys.argv[1])); child.start()\n"
        "    print(child.pid, flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert not gone(pid)
    parent.kill()
    await parent.wait()
    await until_gone(pid)


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))


def test_a_port_that_was_given_is_not_given_again_while_nobody_listens_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = free_ports(200)
    asked = "from gateway.playground.process import free_ports; print(*free_ports(2000))"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = {int(port) for port in done.stdout.split()}
    assert len(theirs) == 2000
    assert theirs.isdisjoint(mine)


@pytest.mark.parametrize("cut", ["2", "20000", "20000 ", "20000 17"])
def test_a_list_of_ports_that_a_kill_cut_short_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    free_ports(1)
    (kept,) = tmp_path.iterdir()
    with kept.open("a") as file:
        file.write(cut)
    assert len(free_ports(2)) == 2
    assert len(kept.read_text().splitlines()) == 3


async def test_listening_tells_open_from_closed() -> None:
    (port,) = free_ports(1)
    assert not await listening("127.0.0.1", port)()
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    assert await listening("127.0.0.1", port)()
    server.close()
    await server.wait_closed()


def test_a_missing_program_comes_with_the_line_that_installs_it() -> None:
    with pytest.raises(Missing, match=r"nosuchircd is not installed.*apt-get install nosuchircd-server"):
        require("nosuchircd", ["nosuchircd-server"])
    assert os.path.isabs(require("sh", ["dash"]))
