"""What we answer a server that brings mail: SMTP replies with enhanced status codes (RFC 5321 §4.2, RFC 3463).

Servers put these sentences into bounces, so people read them. Whatever goes wrong here is temporary to the server: it
keeps the mail and comes again.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """``code`` as in SMTP, ``status`` as in RFC 3463; ``text`` is ASCII, of one line."""

    code: int
    status: str
    text: str

    @property
    def line(self) -> str:
        return f"{self.code} {self.status} {self.text}"

    @property
    def positive(self) -> bool:
        return self.code < 400


SENDER_FINE = Reply(250, "2.1.0", "Sender fine")
RECIPIENT_FINE = Reply(250, "2.1.5", "Recipient fine")
KEPT = Reply(250, "2.0.0", "Kept")
KEPT_BEFORE = Reply(250, "2.0.0", "Kept before: this mail was here already")
OUR_FAULT = Reply(451, "4.3.0", "Something is wrong here; try again later")
NOT_NOW = Reply(451, "4.3.0", "This gateway cannot look it up just now; try again later")
NO_ROOM = Reply(452, "4.3.1", "This gateway has no room to keep mail just now; try again later")
OVER_QUOTA = Reply(452, "4.2.2", "Too much mail waits for this user; try again later")
TOO_FAST = Reply(452, "4.7.1", "Too much mail in too short a time; try again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients; send the mail again for the others")
NOBODY = Reply(550, "5.1.1", "There is no such user here")
NO_ADDRESS = Reply(553, "5.1.3", "This is no address that anybody here can have")
BLOCKED = Reply(550, "5.7.1", "This user does not accept mail from this sender")
STRANGER = Reply(550, "5.7.1", "This user accepts mail only from people whom they have written to")
TOO_BIG = Reply(552, "5.3.4", "This mail is larger than this gateway accepts")
LOOP = Reply(554, "5.4.6", "This mail went through too many servers: it is in a loop")
