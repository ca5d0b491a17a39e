"""Other settings while the bridge runs: what users may do is judged by them at once; what needs a restart is named."""

from pathlib import Path
from typing import Any

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings
from bridges.email.identity import Taken
from bridges.email.receiving.residents import FirstContact
from gateway.bridge import Services
from tests.unit.email.test_limits import finished, refused
from tests.unit.email.whole import BOB, bridge_of

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
        new = changed(bridge, html=True, window=5, limits={"message_size": 20_000})
        for _ in range(2):
            assert bridge.reconfigure(new) == ["window", "limits"]
        assert (bridge.settings.html, bridge.settings.window) == (True, 0)
