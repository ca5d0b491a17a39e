"""News of mails, for users who leave while they are to be told."""

from typing import cast

import pytest

from bridges.email.addresses import parse
from bridges.email.news import MailNews
from bridges.email.people import People
from bridges.email.sending.outcome import Kind, Outcome
from gateway.model import DeliveryState, Refused

DORA = parse("dora@post.test")


class Leaving:
    """``People`` and ``Progress`` of one user, whose session ends while the tables are read, if ``leaves``."""

    def __init__(self, kind: Kind, *, leaves: bool) -> None:
        self._kind = kind
        self._leaves = leaves
        self._here = True
        self.told: list[DeliveryState] = []

    def session(self, _owner: str) -> object | None:
        return self if self._here else None

    def sink(self, owner: str) -> object | None:
        return self.session(owner)

    def tell(
        self, _owner: str, _lines: tuple[str, ...], state: DeliveryState, _why: Refused | None = None
    ) -> bool:
        if self._here:
            self.told.append(state)
        return self._here

    async def states(self, _mail: str) -> list[Kind]:
        self._here = not self._leaves
        return [self._kind]

    async def subject(self, _mail: str) -> str:
        self._here = not self._leaves
        return "Tea"

    async def direct_committed(self, _message: object) -> None:
        """The chat has it."""


@pytest.mark.parametrize("kind", [Kind.ACCEPTED, Kind.FAILED, Kind.DELAYED])
@pytest.mark.parametrize("leaves", [True, False])
async def test_news_for_somebody_who_leaves_meanwhile_is_still_owed(kind: Kind, leaves: bool) -> None:
    house = Leaving(kind, leaves=leaves)
    news = MailNews(cast("People", house), house, "accepted")

    told = await news.outcome("alice", "mail", ("line",), DORA, Outcome(kind, "key", 250))

    assert told is not leaves
    if leaves:
        assert house.told == []
