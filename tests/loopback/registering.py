"""The loopback network behind a registration: what bridges to e-mail and telephone networks look like to the core."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway.bridge import Account, BadAddress, Capabilities
from gateway.model import Address, Condition, FieldKind, Refused
from gateway.model import Field as Setting
from tests.loopback import LoopbackBridge, LoopbackSettings


class RegisteringBridge(LoopbackBridge):
    """``gateway.bridge.Registering`` and ``LookingUp``. The password is the name backwards; ``slow`` never answers."""

    capabilities: Capabilities = replace(
        LoopbackBridge.capabilities,
        instructions=False,
        registration=True,
        lookup=True,
        prompt="Name on the loopback network",
        prompt_help="Write a name, or a room with its number sign.",
    )

    def __init__(self, settings: LoopbackSettings) -> None:
        super().__init__(settings)
        self.validated: list[Account] = []

    @property
    def home(self) -> str:
        return self.settings.network

    def registration_fields(self) -> Sequence[Setting]:
        return (
            Setting("username", "User name", required=True),
            Setting("password", "Password", FieldKind.SECRET, required=True),
            Setting("away", "Say that I am away", FieldKind.BOOLEAN, "false"),
        )

    async def validate(self, account: Account) -> Refused | None:
        self.validated.append(account)
        name, password = account.settings["username"], account.settings["password"]
        if not name.isalnum():
            return Refused(Condition.NOT_ACCEPTABLE, "User names are made of letters and digits.")
        if name == "slow":
            await asyncio.Event().wait()
        if name == "down":
            return Refused(Condition.REMOTE_SERVER_TIMEOUT, "The loopback network is down.")
        if password != name[::-1]:
            return Refused(
                Condition.NOT_AUTHORIZED, "The loopback network does not know this name and password."
            )
        return None

    def lookup(self, text: str) -> Address:
        if "@" in text:
            raise BadAddress("Names on the loopback network have no at sign.")
        return self.address(text.removeprefix("loop:"))
