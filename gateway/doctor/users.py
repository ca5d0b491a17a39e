"""How users of the running gateway get on at their networks, in numbers: whether one turns all of us away, or most."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Protocol

from gateway.accounts.breaker import Cut
from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Examination
from gateway.model import AccountState, AccountStatus

#: Users who are turned away at one network, from which on it may be for what they have in common.
_MANY = 3
_REASON = 200
_NETWORKS = 20  # that are told of
#: Wants to be there, and is not; who waits for a turn will be.
_AWAY = frozenset({AccountState.TRANSIENT_DISCONNECT, AccountState.STOPPED, AccountState.BAD_CREDENTIALS})


class Account(Protocol):
    @property
    def network(self) -> str: ...

    @property
    def status(self) -> AccountStatus: ...


def of_users(
    name: str, accounts: Callable[[], Iterable[Account]], cuts: Callable[[], Sequence[Cut]]
) -> Examination:
    """``name`` is the bridge's; ``cuts`` are the networks that nobody is logged in to at the moment."""
    return Examination(f"{name} users", lambda: _users(name, list(accounts()), cuts()))


async def _users(name: str, accounts: Sequence[Account], cuts: Sequence[Cut]) -> AsyncIterator[Finding]:
    for cut in cuts[:_NETWORKS]:
        yield Finding(
            Verdict.FAIL,
            f"{cut.network} turns away all users of this gateway ({cut.words[:_REASON]}): it has banned {cut.users}, and "
            f"nobody is logged in there for {_minutes(cut.seconds)}. Write to its staff; when they let you in, the admins' "
            "command network-bans tries at once.",
            f"{name} bans by {cut.network}",
        )
    wanted: Counter[str] = Counter()
    away: dict[str, Counter[str]] = {}
    for each in accounts:
        if each.status.state is not AccountState.IDLE:
            wanted[each.network] += 1
        if each.status.state in _AWAY:
            away.setdefault(each.network, Counter())[str(each.status.reason)] += 1
    told = {cut.network for cut in cuts}
    many = {
        network: reasons
        for network, reasons in sorted(away.items())
        if network not in told and reasons.total() >= _MANY and wanted[network] <= 2 * reasons.total()
    }
    for network, reasons in list(many.items())[:_NETWORKS]:
        ((reason, number),) = reasons.most_common(1)
        why = f"; {number} of them: {reason[:_REASON]}" if reason else ""
        yield Finding(
            Verdict.NOTE,
            f"{reasons.total()} of {wanted[network]} users who want to be on {network} are not{why}",
            f"{name} users of {network}",
        )
    if wanted and not told and not many:
        there = wanted.total() - sum(each.total() for each in away.values())
        text = f"{there} of {wanted.total()} users who want to be on a network are there, or on their way."
        yield Finding(Verdict.OK, text)


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
