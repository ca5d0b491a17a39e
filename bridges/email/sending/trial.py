"""Try the smarthost without sending anything: for whoever sets it up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridges.email.sending.faults import SmarthostTrouble
from bridges.email.sending.smarthost import Connection, Cut, Smarthost

#: Nobody's (RFC 2606). Only whether it would be sent on at all matters, and nothing is sent.
_FAR = "postmaster@example.com"
_WANTS_LOGIN, _POLICY = 530, "5.7."


@dataclass(frozen=True, slots=True)
class Trial:
    """``good``: mail can be sent. ``text`` is one sentence, with what to do where it is not good; ``notes`` are what works
    less well than it could. The rest is only there where there was a connection: ``offers`` are what the server said after
    EHLO, ``name`` what it calls itself, ``certificate`` the one it showed (DER)."""

    good: bool
    text: str
    notes: tuple[str, ...] = ()
    offers: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    certificate: bytes | None = field(default=None, repr=False)


async def trial(
    smarthost: Smarthost, return_path: str, message_size: int, senders: Sequence[str] = ()
) -> Trial:
    """Connect, secure, log in, and name ``return_path`` as a sender, and ``senders`` too. ``message_size``: octets of the
    largest mail that users may send."""
    try:
        connection = await Connection.open(smarthost)
    except SmarthostTrouble as trouble:
        return Trial(False, f"{trouble}.")
    try:
        reply, relayed = await connection.tries(return_path, _FAR)
        refused = [each for each in senders if not (await connection.tries(each, _FAR))[0].accepted]
    except Cut as cut:
        return Trial(False, f"{smarthost.place} broke off when mail was to begin ({cut}). Look into its log.")
    finally:
        await connection.quit()
    if not reply.accepted:
        again = "Try again later" if reply.temporary else "Let it take senders of `bounce_domain` from us"
        return Trial(
            False,
            f"{smarthost.place} refuses our return addresses like {return_path}: {reply.code} {reply.text}. {again}.",
        )
    if relayed is not None and (relayed.code == _WANTS_LOGIN or relayed.status.startswith(_POLICY)):
        how = "let that account send" if smarthost.username else "set `username` and `password`"
        return Trial(
            False,
            f"{smarthost.place} does not send mail to the world for us: {relayed.code} {relayed.text}. In "
            f"[bridges.email.smarthost], use its port for submission (587 or 465) and {how}, or let the server trust "
            "this machine's address.",
        )
    notes = _notes(connection, message_size)
    if refused:
        notes.append(
            f"It refuses mails from {', '.join(refused)}, as which users may write: let it take all `domains` from us."
        )
    return Trial(
        True,
        f"{smarthost.place} takes mail from us.",
        tuple(notes),
        connection.offers.keywords,
        connection.name,
        connection.certificate,
    )


def _notes(connection: Connection, message_size: int) -> list[str]:
    notes = []
    offers = connection.offers
    if "dsn" not in offers:
        notes.append(
            "It offers no delivery reports (DSN): only that it took a mail, or that one came back, is known."
        )
    if "smtputf8" not in offers:
        notes.append(
            "It offers no SMTPUTF8: addresses with letters beyond ASCII before the @ cannot be written to."
        )
    if 0 < offers.largest < message_size:
        notes.append(
            f"It takes mails of {offers.largest} bytes at most, and `message_size` of [bridges.email.limits] is "
            f"{message_size}: lower that, so that users hear of it when they attach a file."
        )
    return notes
