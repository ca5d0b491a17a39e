"""Other settings while the bridge runs: what users may do is judged by them at once; what needs a restart is named."""

from pathlib import Path
from typing import Any

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings
from bridges.email.identity import Taken
from bridges.email.receiving.residents import FirstContact
from gateway.bridge import Services
from gateway.model import Refused
from tests.unit.email.test_limits import finished, refused
from tests.unit.email.whole import BOB, CAROL, bridge_of, bring, session, told
from tests.waiting import eventually

FOR_ALL = {"newcomer_days": 0}


def changed(bridge: EmailBridge, **values: Any) -> EmailSettings:
    """What is in force, with other values."""
    return EmailSettings.model_validate(bridge.settings.model_dump(mode="json") | values)


async def test_more_mails_an_hour_are_allowed_at_once_and_what_was_sent_counts(services: Services) -> None:
    def mail() -> Any:
        return finished(Path(services.directory), BOB)

    async with bridge_of(services, limits={"mails_per_hour": 2, **FOR_ALL}) as bridge:
        parts = await bridge.office.opened()
        sent = 0
        for most in (2, 3, 5, 1):
            assert bridge.reconfigure(changed(bridge, limits={"mails_per_hour": most, **FOR_ALL})) == []
            while not (why := await refused(parts, mail())):
                sent += 1
            assert f"at most {most} mails an hour" in why
        assert sent == 5


async def test_strangers_and_names_are_treated_by_the_new_settings(services: Services) -> None:
    async with bridge_of(services) as bridge:
        await bridge.office.opened()
        assert bridge.office.people.policy("ann") is FirstContact.OPEN
        assert bridge.reconfigure(changed(bridge, first_contact="closed", reserved=["boss"])) == []
        assert bridge.office.people.policy("ann") is FirstContact.CLOSED
        with pytest.raises(Taken):
            await bridge.office.identities.settle("ann", "ann@localhost", "boss")


async def test_what_needs_a_restart_is_named_each_time_and_stays_as_it_was(services: Services) -> None:
    async with bridge_of(services) as bridge:
        limits = {"message_size": 20_000, "recipients": 3}
        new = changed(bridge, html=True, receipts="off", lmtp={"listen": "127.0.0.1:1"}, limits=limits)
        for _ in range(2):
            assert bridge.reconfigure(new) == ["receipts", "lmtp.listen", "limits.message_size"]
        now = bridge.settings
        assert (now.html, now.receipts, now.limits.recipients) == (True, "accepted", 3)
        assert now.limits.message_size == 25_000_000


async def test_the_next_mail_has_the_new_footer_and_window_and_what_comes_the_new_rates(
    services: Services,
) -> None:
    async with bridge_of(services, window=600, window_longest=600) as bridge, session(bridge) as (one, _):
        parts = await bridge.office.opened()
        assert (
            bridge.reconfigure(changed(bridge, window=0, footer="Written afar", limits={"recipients": 1}))
            == []
        )
        await told(one, BOB, "Hello")
        mails = services.directory / "outbound"
        await eventually(
            lambda: any(b"Written afar" in each.read_bytes() for each in mails.glob("*")), "the mail with it"
        )
        refused = await told(one, f"{BOB},{CAROL}", "Hello both")
        assert isinstance(refused, Refused), refused
        assert await bring(parts, "One") == 250
        trust = {"authserv_ids": ["other.example"]}
        assert bridge.reconfigure(changed(bridge, limits={"received_per_hour": 1}, trust=trust)) == []
        assert await bring(parts, "Two") == 452
