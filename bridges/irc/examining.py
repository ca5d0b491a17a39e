"""``causeway doctor`` for IRC: puts together what is examined (``visiting``, ``impressions``)."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from functools import partial

from bridges.irc import impressions, visiting
from bridges.irc.addresses import server_name
from bridges.irc.config import IrcSettings
from bridges.irc.crowd import Crowd
from bridges.irc.dial import LoopDialer, Resolver, resolve_name
from bridges.irc.identd import Identd
from bridges.irc.link import IrcReactor
from bridges.irc.manners import Manners
from bridges.irc.network_config import NetworkSettings
from bridges.irc.visiting import Network
from gateway.bridge import Clock, Finding, Verdict
from gateway.bridge.examining import Examination, side_by_side

#: In the place of a user's token, by which addresses of an ``ipv6_prefix`` are chosen.
_NOBODY = "doctor"


async def examine(
    settings: IrcSettings,
    networks: Mapping[str, NetworkSettings],
    crowd: Crowd,
    identd: Identd,
    clock: Clock,
    bridge: str,
    *,
    resolve: Resolver = resolve_name,
) -> AsyncIterator[Finding]:
    """``networks`` are those that the operator has named, ``bridge`` is what the bridge is called."""
    manners = Manners.of(settings)
    own = {server_name(name): each.model_fields_set for name, each in settings.networks.items()}
    places = [
        Network(name, each, manners.origin(_NOBODY, each), bridge, own.get(name))
        for name, each in networks.items()
    ]
    presence = impressions.Presence(settings, places, crowd, identd, resolve, bridge)
    async with aclosing(side_by_side(list(_examinations(presence, places, clock)))) as found:
        async for finding in found:
            yield finding
    if not places:
        yield _chosen_by_users(crowd, bridge)


def _chosen_by_users(crowd: Crowd, bridge: str) -> Finding:
    """Where the operator has named no network."""
    how = (
        f'To have one tried, add the line [bridges.{bridge}.networks."irc.libera.chat"], or another, to config.toml: '
        "after `causeway reload`, `causeway doctor` calls there."
    )
    there = crowd.hosts()
    if there:
        many = f"{there} network{'' if there == 1 else 's'}"
        return Finding(Verdict.OK, f"Users choose the networks, and are on {many} now. {how}", "networks")
    text = f"Users choose the networks, and nobody is on one now; none is called unasked. {how}"
    return Finding(Verdict.UNKNOWN, text, "networks")


def _examinations(
    presence: impressions.Presence, places: list[Network], clock: Clock
) -> Iterator[Examination]:
    reactor = IrcReactor(LoopDialer(resolve=presence.resolve))
    for place in places:
        calls = partial(visiting.network, place, reactor, presence.resolve, presence.crowd, clock)
        yield Examination(place.name, calls, visiting.SECONDS)
        yield Examination(f"users of {place.name}", partial(impressions.crowd, presence, place))
    yield Examination("source address", partial(impressions.origins, presence))
    yield Examination("identd", partial(impressions.identd, presence))
    yield Examination("contact for networks", partial(impressions.contact, presence))
