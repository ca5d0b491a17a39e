"""The log of a gateway through which much has gone, on real servers, at the level that tells most."""

import re
from pathlib import Path

from gateway.playground.carrier import NUMBERS
from gateway.playground.rig import Playground
from gateway.playground.tour import Tour

#: As long as it takes one to be said by somebody.
_SAID = re.compile(r"PRIVMSG \S+ :(.{8,})|^ +[←→] \S+ +to \S+: (.{8,})", re.MULTILINE)
#: Where what came in is given our id.
_TAKEN = re.compile(r" message taken message=\S+ bridge=(\w+) .*network_id=(\S+)")
_STEP = re.compile(r" message (\w[\w ]*?) message=(\S+) bridge=(\w+)")
#: What is said of a message of each way that there is, in this order, whatever else.
_WAYS = {
    "irc": (
        ("taken", "written to the network", "confirmed by the network", "accepted"),
        ("heard", "shown"),
        ("taken", "given to the network", "written to the network", "confirmed by the network", "accepted"),
    ),
    "email": (
        (
            "taken",
            "given to the network",
            "accepted",
            "became a mail",
            "written to the network",
            "delivered",
        ),
        ("heard",),
    ),
    "sms": (
        ("taken", "given to the network", "accepted", "written to the network", "delivered"),
        ("heard",),
    ),
}
_ADDRESS = re.compile(r"\b[\w.+-]{2,}(?:@|\\40)(?!localhost|irc\.|mail\.|sms\.)[\w-]+\.[\w.-]+")
_FULL_NUMBER = re.compile(r"\+?\d{10,15}(?!\d|~|\.)")


async def test_a_log_at_debug_holds_no_text_password_number_or_address_and_follows_each_message(
    directory: Path,
) -> None:
    said: list[str] = []
    playground = await Playground.start(directory, level="debug")
    try:
        assert await Tour(playground, said.append).run(), "\n".join(said)
        passwords = [user.password for user in playground.users.values()]
    finally:
        await playground.stop()
    log = (directory / "gateway" / "gateway.log").read_text(encoding="utf-8")
    bodies = {text for pair in _SAID.findall("\n".join(said)) for text in pair if text}
    assert len(bodies) > 10
    assert [text for text in bodies if text in log] == []
    assert [password for password in passwords if password in log] == []
    assert [number for number in NUMBERS if number.lstrip("+") in log] == []
    messages = [line for line in log.splitlines() if "[gateway.messages]" in line]
    others = [line for line in log.splitlines() if "[gateway.messages]" not in line]
    assert _ADDRESS.findall(log) == []
    assert _FULL_NUMBER.findall("\n".join(others)) == []
    steps: dict[tuple[str, str], list[str]] = {}
    for line in messages:
        found = _STEP.search(line)
        assert found is not None, line
        steps.setdefault((found[3], found[2]), []).append(found[1])
    for bridge in ("irc", "email", "sms"):
        own = [each for (of, _), each in steps.items() if of == bridge]
        assert any({"taken", "written to the XMPP server"} <= set(each) for each in own), bridge
        taken = {id_ for line in messages for of, id_ in _TAKEN.findall(line) if of == bridge}
        assert any("heard" in steps.get((bridge, id_), ()) for id_ in taken), bridge
        for way in _WAYS[bridge]:
            assert any(tuple(step for step in each if step in way) == way for each in own), (way, own)
