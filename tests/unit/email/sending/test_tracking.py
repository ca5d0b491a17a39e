"""Where a mail is, by each of its ids."""

import random
from pathlib import Path

from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.store import Sendings
from bridges.email.tracking import passages
from gateway.bridge import Services
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
