"""How users get on, in numbers: networks that turn all of us away are faults, those where most are not are told."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from gateway.accounts.breaker import Cut
from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import side_by_side
from gateway.doctor.users import of_users
from gateway.model import AccountState, AccountStatus

ON, OFF, IDLE = AccountState.CONNECTED, AccountState.TRANSIENT_DISCONNECT, AccountState.IDLE


@dataclass(frozen=True)
class One:
    network: str
    status: AccountStatus


def some(network: str, state: AccountState, number: int, reason: str = "") -> list[One]:
    return [One(network, AccountStatus(state, reason))] * number


async def told(accounts: Sequence[One], cuts: Sequence[Cut] = ()) -> list[Finding]:
    return [each async for each in side_by_side([of_users("irc", lambda: accounts, lambda: cuts)])]


async def test_a_network_that_bans_us_all_is_a_fault_and_told_once() -> None:
    accounts = some("libera", OFF, 5, "K-Lined: proxies")
    (fault,) = await told(accounts, [Cut("libera", "K-Lined: proxies", 3, 590.0)])
    assert fault == Finding(
        Verdict.FAIL,
        "libera turns away all users of this gateway (K-Lined: proxies): it has banned 3, and nobody is logged in there "
        "for 10 minutes. Write to its staff; when they let you in, the admins' command network-bans tries at once.",
        "irc bans by libera",
    )


async def test_a_network_where_most_are_not_is_told_with_the_reason_most_have() -> None:
    accounts = [
        *some("oftc", ON, 3),
        *some("oftc", OFF, 2, "Too many connections from your host"),
        *some("oftc", AccountState.STOPPED, 1, "G-lined"),
        *some("oftc", IDLE, 50),
    ]
    (note,) = await told(accounts)
    assert note.verdict is Verdict.NOTE
    assert note.subject == "irc users of oftc"
    assert note.text == (
        "3 of 6 users who want to be on oftc are not; 2 of them: Too many connections from your host"
    )


@pytest.mark.parametrize(
    "accounts",
    [
        [*some("oftc", ON, 4), *some("oftc", OFF, 3)],  # the lesser part
        [*some("oftc", ON, 1), *some("oftc", OFF, 2)],  # too few to say anything
        [*some("one", OFF, 2), *some("two", OFF, 2), *some("oftc", ON, 1), *some("oftc", IDLE, 9)],
    ],
)
async def test_troubles_of_a_few_are_theirs(accounts: Sequence[One]) -> None:
    (finding,) = await told(accounts)
    assert finding.verdict is Verdict.OK
    there = sum(each.status.state is ON for each in accounts)
    assert finding.text.startswith(f"{there} of ")


async def test_where_nobody_wants_anything_there_is_nothing_to_tell() -> None:
    assert await told(some("oftc", IDLE, 9)) == []
