"""A callback that was written down, looked at again: whether it would have been taken, and what its preset makes of it.
Nothing comes of it: no text appears anywhere, and nothing is remembered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bridges.sms.http.preset import Preset
from bridges.sms.http.reading import News, OfMember, Reader, Trouble, Unread
from bridges.sms.http.signatures import Scheme, Verdict, same_password, verify
from bridges.sms.http.webhooks import Terms
from bridges.sms.traffic import Inbound, OptOut
from gateway.bridge import WebRequest

_LONGEST = 300


def replayed(route: str, preset: Preset, terms: Terms, request: WebRequest, now: float) -> Sequence[str]:
    """In sentences, in the order in which it is dealt with. ``request.path`` begins with the route."""
    return list(_told(route, preset, terms, request, now))


def _told(route: str, preset: Preset, terms: Terms, request: WebRequest, now: float) -> Iterator[str]:
    yield f"For the route {route} ({preset.title})."
    if request.method not in preset.webhook.methods:
        yield f"Refused: it comes with {request.method}, and {' and '.join(preset.webhook.methods)} are taken."
    if terms.password and not same_password(request, terms.user, terms.password):
        yield "Refused: it has not the login of `webhook_user` and `webhook_password`."
    if terms.sources:
        yield "Taken from some addresses only (`sources`); from where it came is not in a file."
    yield _signed(preset, terms, request, now)
    reference = request.path.split("/", 2)[2] if request.path.count("/") > 1 else ""
    try:
        news = Reader(route, preset).read(request, reference)
    except Unread as error:
        yield f"It cannot be read: {error}. If the provider has changed something, its preset has to follow."
        return
    if not news:
        yield "It says nothing of interest, and is answered as if it were taken."
    for each in news:
        yield _about(each)


def _signed(preset: Preset, terms: Terms, request: WebRequest, now: float) -> str:
    if preset.signature.scheme is Scheme.NONE:
        return "It is not signed, and has not to be."
    url = f"{terms.base}/{request.path}" + (f"?{request.query}" if request.query else "")
    match verify(preset.signature.scheme, request, url, terms.secrets, now).verdict:
        case Verdict.GENUINE:
            return "Its signature is right."
        case Verdict.STALE:
            return "Its signature is right, of another time than now: that is what happens to a callback in a file."
        case Verdict.MISSING:
            return "Refused: it has no signature."
        case _:
            place = f"{terms.base}/{request.path.partition('/')[0]}/..."
            return (
                f"Refused: its signature is wrong. It is made with the secret and the address, which is {place} here: "
                "compare "
                "both with what the provider has."
            )


def _about(news: News | OfMember | Trouble) -> str:
    match news:
        case Inbound():
            shown = replace(news, text=news.text[:_LONGEST])
            files = f", {len(shown.media)} files" if shown.media else ""
            part = news.concatenation
            piece = f", piece {part.number} of {part.total}" if part is not None else ""
            others = f", and {len(news.others)} others" if news.others else ""
            said = repr(shown.text) if shown.text else f"{len(news.data)} octets ({news.alphabet})"
            return (
                f"A text of {news.sender or 'a withheld number'} to {news.recipient}{others}: {said}{files}{piece} (id "
                f"{news.id})."
            )
        case OptOut():
            return f"{news.theirs} {'wants no more texts' if news.stopped else 'wants texts again'} from {news.ours}."
        case OfMember():
            return f"A report about a member of a group: {news.report.stage} (id {news.report.id})."
        case Trouble():
            return f"The operator is told: {news.text}"
        case _:
            why = f", {news.why.text}" if news.why is not None else ""
            about = f" to {news.recipient}" if news.recipient else ""
            code = f", code {news.code}" if news.code else ""
            return f"A report of the text{about}: {news.stage}{code}{why} (id {news.id or news.reference})."
