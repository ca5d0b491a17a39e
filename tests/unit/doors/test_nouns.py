"""Commands are worded for the network that they are about."""

from types import SimpleNamespace
from typing import cast

import pytest

from bridges.email.bridge import CAPABILITIES as EMAIL
from bridges.irc.bridge import CAPABILITIES as IRC
from gateway.accounts.directory import Accounts
from gateway.bridge import Bridge, Capabilities
from gateway.doors.disconnecting import Disconnecting
from gateway.doors.registrations import Registrations


@pytest.mark.parametrize(
    ("can", "disconnecting", "staying"),
    [
        (IRC, "Disconnect from the selected IRC servers", "Stay logged in while I am offline"),
        (EMAIL, "Pause mail", "Show me mail also while I am offline"),
    ],
)
def test_nobody_logs_in_to_mail(can: Capabilities, disconnecting: str, staying: str) -> None:
    bridge = cast("Bridge", SimpleNamespace(capabilities=can))
    found = Disconnecting(bridge, cast("Accounts", ()), lambda who: True, lambda who: False).commands()
    assert str(found[0].name) == disconnecting
    doors = SimpleNamespace(_context=SimpleNamespace(bridge=bridge))
    assert str(Registrations.staying(cast("Registrations", doors))[0]) == staying
