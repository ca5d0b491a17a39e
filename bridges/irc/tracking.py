"""Where a message is that a session has in its hands: it waits for the pace of its network, or for the server's word.

IRC remembers no message, and neither does the bridge once its fate is known: the rest is in the ledger, in rooms and in
archives, which know messages by the network's ids too (msgid). Names nobody and quotes nothing.
"""

from collections.abc import Iterator

from bridges.irc.labels import Claim, Labels
from bridges.irc.sendqueue import Parcel, SendQueue
from bridges.irc.unproven import Unproven
from bridges.irc.utterances import Utterance
from gateway.bridge import Clock, Passage


def passages(
    id_: str, network: str, queue: SendQueue, labels: Labels, unproven: Unproven, clock: Clock
) -> Iterator[Passage]:
    """Of the message with that ``Ticket.reference``, in one session."""
    now = clock.now()
    said = unproven.since(id_)
    if said is not None:
        step = "written to the network, which confirms nothing"
        yield Passage(now - (clock.monotonic() - said), step, network)
    waiting = [number for number, parcel in enumerate(queue.parcels) if _means(parcel, id_)]
    if waiting:
        detail = f"{network}, {waiting[0]} before it, {len(waiting)} of its own"
        yield Passage(now, "its lines wait for the pace of the network", detail)
    unanswered = sum(_means(claim, id_) for claim in labels.claims)
    if unanswered:
        detail = f"{network}, {unanswered} lines"
        yield Passage(now, "written to the network, waits to be confirmed", detail)


def _means(whose: Parcel | Claim | None, id_: str) -> bool:
    return isinstance(whose, Utterance) and not whose.withdrawn and whose.ticket.reference == id_
