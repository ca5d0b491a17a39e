"""What our mails carry so that we know them again, and so that an operator can say whose they are, and nobody else can.

Both are HMACs under a key that never leaves the gateway.
"""

import hashlib
import hmac

LOOP_HEADER, ORIGIN_HEADER = "X-Causeway-Loop", "X-Causeway-Origin"
_LONGEST_ID = 64


class Seals:
    """``key`` is at least 16 octets, made once for an installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def loop(self, mail_id: str) -> str:
        """The loop header's value: an inbound mail with it is ours, on its way back."""
        return f"{mail_id} {self._sign('loop', mail_id)}"

    def looped(self, value: str) -> str | None:
        """The id of our mail whose loop header this is; None for everything that is none."""
        mail_id, _, signature = value.strip().partition(" ")
        if not mail_id.isascii() or not signature.isascii() or len(mail_id) > _LONGEST_ID:
            return None
        return mail_id if hmac.compare_digest(self._sign("loop", mail_id), signature.strip()) else None

    def origin(self, owner: str) -> str:
        """The name under which an operator finds a user again (complaints); the same in all mails of that user."""
        return self._sign("origin", owner)

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()[:32]
