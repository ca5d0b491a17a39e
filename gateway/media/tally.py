"""What is counted of the files of one bridge: how many, how large, how long each took, and why others were not carried.

Whoever carries adds to plain numbers; what they are called outside is others' to know. Names no user and no file.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from gateway.bridge import MediaError
from gateway.media.refusals import Cause, cause_of
from gateway.ops.traffic import Latency


class Place(StrEnum):
    """Who made a file public."""

    COMPONENT = "component"  # the upload service of the XMPP server, asked by the gateway
    USER = "user"  # the same, asked in the user's name
    STORE = "store"  # the gateway itself


class Flow:
    """Files in one direction, since the start."""

    def __init__(self, otherwise: Cause) -> None:
        """``otherwise``: why a file is refused, where nobody says."""
        self._otherwise = otherwise
        self.files = self.octets = 0
        self.under_way = 0  # now, those included that wait for their turn
        self.took = Latency()  # from the wish for a file to its being there
        self.refused = dict.fromkeys(Cause, 0)

    @contextmanager
    def one(self, monotonic: Callable[[], float]) -> Iterator[Callable[[int], None]]:
        """Around one file; what it gives is to be called with the file's octets once it is carried. Whatever else ends it is
        counted as far as it is a refusal."""
        began = monotonic()

        def carried(octets: int) -> None:
            self.files += 1
            self.octets += octets
            self.took.add(monotonic() - began)

        self.under_way += 1
        try:
            yield carried
        except MediaError as error:
            self.refuse(cause_of(error, self._otherwise))
            raise
        finally:
            self.under_way -= 1

    def refuse(self, cause: Cause, files: int = 1) -> None:
        self.refused[cause] += files


class Carried:
    """Of one bridge."""

    def __init__(self) -> None:
        self.fetched = Flow(Cause.LINK)  # users' files, for the foreign side
        self.published = Flow(Cause.NO_PLACE)  # files of the foreign side, for users
        self.tried: dict[tuple[Place, bool], int] = {
            (place, taken): 0 for place in Place for taken in (True, False)
        }  # how often each was tried, and took the file or not
