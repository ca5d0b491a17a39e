"""The operator's page of the playground's gateway: where it is, what opens it, and asking it as monitoring does."""

import secrets
from dataclasses import dataclass, field

import aiohttp

from gateway.playground.expect import Unmet
from gateway.playground.peers import LOOPBACK

_PATIENCE = aiohttp.ClientTimeout(total=20)


@dataclass(frozen=True, slots=True)
class OperatorPage:
    """``[operator]`` of a gateway. ``token`` is made anew for each."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def listen(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.listen}/"

    async def ask(self, path: str) -> str:
        """What is answered at ``path``, such as ``metrics``. Raises ``Unmet`` if that is not 200."""
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=_PATIENCE) as session,
                session.get(self.url + path, headers=headers) as response,
            ):
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unmet(f"the operator's page does not answer at {self.url}{path}: {error}") from error
        if response.status != 200:
            raise Unmet(f"{self.url}{path} answered {response.status}: {text}")
        return text
