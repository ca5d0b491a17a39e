"""Where a mail is, by each of its ids."""

import random
from pathlib import Path

import pytest

from bridges.email.composing.drafts import LINES
from bridges.email.composing.threads import Mail, Threads
from bridges.email.mime.letter import Person
from bridges.email.receiving.arrivals import RAWS, Arrival, Arrivals, Raw, State
from bridges.email.receiving.arrivals import Kind as Of
from bridges.email.receiving.originals import place
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.store import Sendings
from bridges.email.tracking import passages
from gateway.bridge import Passage, Services
from gateway.storage.bridge_tables import BridgeTables
from tests.fakes.clock import ManualClock
from tests.unit.email.sending.conftest import Office

NOW = 1_700_000_000.0


async def test_a_mail_is_found_by_its_id_its_message_id_its_rows_and_its_lines(
    tables: BridgeTables, tmp_path: Path
) -> None:
    store = Sendings(tables, "mail")
    mail = Office(tables, tmp_path, 1).finished("bob@example.com", "carol@example.com", time=NOW)
    await store.take(mail, ["a" * 12, "b" * 12], "", ())
    await store.reach("a" * 12, Outcome(Kind.ACCEPTED, "", 250, "2.0.0", "queued for bob@example.com"))
    services = Services(ManualClock(), random.Random(1), "1", name="mail", tables=tables)
    found = await passages(services, mail.mail_id)
    assert [each.step for each in found] == ["became a mail", "recipient: accepted", "recipient: waiting"]
    assert found[1].detail == "recipient 1 of 2, answer 250 2.0.0"
    assert "example.com" not in str(found[1:])
    for id_ in (mail.message_id, mail.message_id.strip("<>"), *mail.line_ids):
        assert await passages(services, id_) == found
    assert [each.step for each in await passages(services, "b" * 12)] == [
        "became a mail",
        "recipient: waiting",
    ]
    assert await passages(services, "%") == []


@pytest.mark.parametrize("state", [State.ACCEPTED, State.HELD, State.DROPPED, State.SHOWN])
async def test_a_mail_from_outside_is_found_by_its_message_id_shown_or_not(
    tables: BridgeTables, tmp_path: Path, state: State
) -> None:
    services = Services(ManualClock(), random.Random(1), "1", name="mail", tables=tables, directory=tmp_path)
    arrivals, threads = Arrivals(tables, "mail"), Threads(tables, "mail")
    head = b"Received: x\r\nmessage-id: <%d@far.example>\r\n\r\nMessage-ID: <no@far.example>\r\n"
    place(tmp_path).mkdir()
    (place(tmp_path) / "r2.eml").write_bytes(head % 2)
    for number, raw in ((1, Raw("r1", NOW, head % 1)), (2, Raw("r2", NOW, None, "r2.eml"))):
        arrival = Arrival(f"m{number}", "o", Of.USER, "o@x", raw.id, "", f"a{number}", NOW, 9)
        await arrivals.keep([(raw, [arrival])])
        await tables.write(arrivals.settling(arrival.id, state))
        if state is State.SHOWN:
            shown = Mail(
                arrival.id, "o", f"<{number}@far.example>", "t", "", Person("", "f@far.example"), (), NOW
            )
            await threads.remember(shown)
            await tables.write((RAWS.delete(), None))
    for number in (1, 2):
        for id_ in (f"{number}@far.example", f"<{number}@far.example>", f"m{number}"):
            found = await passages(services, id_)
            assert [each.step for each in found] == ["taken from the mail server", f"mail {state}"]
            assert found[0].known_as == f"m{number}"
    assert await passages(services, "3@far.example") == await passages(services, "no@far.example") == []


async def test_a_line_is_found_before_it_is_a_mail(tables: BridgeTables) -> None:
    line = {"bridge": "mail", "reference": "r1", "owner": "o", "id": "l1", "draft": "d", "number": 1}
    line |= dict.fromkeys(("corrects", "text", "details", "files", "news", "condition"), "")
    await tables.write((LINES.insert(), line | {"state": "open", "time": NOW}))
    services = Services(ManualClock(), random.Random(1), "1", name="mail", tables=tables)
    waits = Passage(NOW, "a line of a mail: waits for its mail to be finished", "", "r1")
    assert await passages(services, "r1") == await passages(services, "l1") == [waits]
