"""The tour: alice on XMPP, carol on IRC, dora with her mail, dave and erin with their telephones do what people do with a
gateway; every line has to arrive.

It runs against the real servers through the gateway, prints what is sent and what arrives as it happens, and stops at the
first thing that does not come.
"""

import time
from collections.abc import Sequence

from gateway.playground.cast import Cast, Print, Step
from gateway.playground.expect import Unmet
from gateway.playground.rig import Playground
from gateway.playground.tour_contacts import ContactsTour
from gateway.playground.tour_doors import DoorsTour
from gateway.playground.tour_mail import MailTour
from gateway.playground.tour_rooms import RoomsTour
from gateway.playground.tour_sms import KannelTour, SmsTour


class Tour:
    """One walk through everything. The people log in anew for it."""

    def __init__(self, playground: Playground, say: Print) -> None:
        self._rig = playground
        self._print = say

    async def run(self) -> bool:
        """Walk; True if every line arrived."""
        started = time.monotonic()
        cast = await Cast.gather(self._rig, self._print)
        try:
            rooms = RoomsTour(cast)
            walked = [*DoorsTour(cast).steps, *rooms.coming, *ContactsTour(cast).steps, *rooms.staying]
            walked += MailTour(cast, self._rig.post).steps
            walked += SmsTour(cast, self._rig.carrier).steps
            if self._rig.kannel is not None:
                walked += KannelTour(cast, self._rig.kannel).steps
            else:
                self._print(f"Nothing goes through Kannel: {self._rig.without_kannel}")
            if not await self._walk(walked):
                return False
        finally:
            await cast.dismiss()
        self._print(f"Every line arrived. {len(walked)} steps in {time.monotonic() - started:.1f} s.")
        return True

    async def _walk(self, steps: Sequence[Step]) -> bool:
        for number, (name, step) in enumerate(steps, 1):
            self._print(f"{number:2}. {name}")
            try:
                await step()
            except Unmet as unmet:
                self._print(f"    FAILED at step {number} ({name}):\n    {unmet}")
                return False
        return True
