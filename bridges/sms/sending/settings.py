"""What an operator can say of how messages are sent: ``[bridges.sms.sending]``."""

from pydantic import Field

from bridges.sms.sending.pace import Pace
from bridges.sms.sending.states import Receipts
from bridges.sms.settings import Table

_HOUR, _DAY = 3600.0, 24 * 3600.0


class SendingSettings(Table):
    receipts: Receipts = Field(
        default=Receipts.HANDSET,
        description='What people are told as "delivered". "handset": the phone has it. "network": or its carrier has it, '
        'where nobody will say more. "accepted": or the provider has taken it, on routes that never say more.',
    )
    give_up_hours: float = Field(
        default=24.0,
        gt=0,
        le=24 * 14,
        description="How long a message is tried while no route takes it. Then its sender gets an error.",
    )
    unknown_wait_minutes: float = Field(
        default=10.0,
        ge=0,
        le=24 * 60,
        description="How long a report is waited for when the connection was lost before the answer. Then the sender is "
        "told that the message may or may not have been sent; it is never sent again by itself.",
    )
    at_once: int = Field(
        default=200,
        ge=1,
        le=10_000,
        description="Messages that may be under way on one route at the same time.",
    )
    keep_days: float = Field(
        default=30.0,
        ge=1,
        le=400,
        description="How long it is remembered that a message was sent (without its text), for reports that come late.",
    )

    @property
    def pace(self) -> Pace:
        wait = self.unknown_wait_minutes * 60.0
        return Pace(
            sweep=min(60.0, max(1.0, wait)),
            receipts=self.receipts,
            expire=self.give_up_hours * _HOUR,
            unknown_wait=wait,
            at_once=self.at_once,
            keep=self.keep_days * _DAY,
        )
