"""The way out: whether the smarthost sends for us, how safely it is spoken to, and whether it is the one that we believe."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bridges.email.addresses import ascii_domain
from bridges.email.config import EmailSettings
from bridges.email.sending.smarthost import Smarthost
from bridges.email.sending.trial import Trial, trial
from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Shown

_SUBJECT = "smarthost"
_TOLD = {
    "size": "SIZE",
    "dsn": "DSN",
    "smtputf8": "SMTPUTF8",
    "8bitmime": "8BITMIME",
    "pipelining": "PIPELINING",
}
_SENDERS = 20


async def smarthost(
    settings: EmailSettings, find: Callable[[], Smarthost], seconds: float, now: float
) -> tuple[Sequence[Finding], Trial | None]:
    """What there is to say, and what came of the trial, if there was one. ``find`` raises OSError where the password's file
    cannot be read; ``seconds`` is for one answer."""
    try:
        place = find()
    except OSError as error:
        text = (
            f"The file of the smarthost's password cannot be read ({error.strerror}): correct `password_file`, or let "
            "the user "
            "that runs Causeway read it."
        )
        return [Finding(Verdict.FAIL, text, _SUBJECT)], None
    senders = [f"postmaster@{ascii_domain(each)}" for each in settings.domains[:_SENDERS]]
    path = f"b+trial@{settings.return_domain}"
    hurried = replace(place, timeout=min(place.timeout, seconds))
    tried = await trial(hurried, path, settings.limits.message_size, senders)
    if not tried.good:
        return [Finding(Verdict.FAIL, tried.text, _SUBJECT)], tried
    has = ", ".join(word for keyword, word in _TOLD.items() if keyword in tried.offers) or "nothing besides"
    login = f", as {place.username}" if place.username else ""
    found = [Finding(Verdict.OK, f"{place.place} takes mail from us{login}; it offers {has}.", _SUBJECT)]
    found += [Finding(Verdict.NOTE, each, f"{_SUBJECT} offers") for each in tried.notes]
    found.append(_secured(place, tried, now))
    if (differing := _believed(settings, place, tried)) is not None:
        found.append(differing)
    return found, tried


def _secured(place: Smarthost, tried: Trial, now: float) -> Finding:
    subject = f"tls of the {_SUBJECT}"
    shown = Shown.of(tried.certificate) if tried.certificate is not None else None
    if shown is None:
        if place.local:
            return Finding(
                Verdict.OK, f"{place.place} is on this machine, and spoken to without TLS.", subject
            )
        text = (
            f"{place.place} is spoken to without TLS: whoever is on the way can read all mail. Set `tls` of "
            '[bridges.email.smarthost] to "starttls", or "tls" at port 465.'
        )
        return Finding(Verdict.NOTE, text, subject)
    if not place.verify:
        text = (
            f"The certificate of {place.place} is not checked, so anybody on the way could be that server: set "
            "`tls_verify`, and `ca_file` where its authority is your own."
        )
        return Finding(Verdict.NOTE, text, subject)
    verdict = Verdict.NOTE if shown.soon(now) else Verdict.OK
    more = " After that no mail goes out: renew it." if shown.soon(now) else ""
    return Finding(verdict, f"{place.place}: its certificate {shown.end(now)}.{more}", subject)


def _believed(settings: EmailSettings, place: Smarthost, tried: Trial) -> Finding | None:
    """A mail server on this machine is the one at the border mostly, and signs its results with the name that it has."""
    ids = {each.lower() for each in settings.trust.authserv_ids}
    if not ids or not place.local or not tried.name or tried.name.lower() in ids:
        return None
    text = (
        f"The mail server on this machine calls itself {tried.name}, and `authserv_ids` has {', '.join(sorted(ids))}: if "
        "it is "
        "the one that checks senders, compare with Authentication-Results in a mail that came in, or nobody is believed."
    )
    return Finding(Verdict.NOTE, text, "authserv_ids")
