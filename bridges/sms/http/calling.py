"""Requests to a provider, by its preset: made from submissions, and what came back judged. Sans-I/O.

The judgement is careful: only what says definitely that nothing will be sent is a refusal, and all else leaves it open.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bridges.sms.http import bodies, filling, jwt, picking, spelling
from bridges.sms.http.failings import Meaning, one_line, rejected
from bridges.sms.http.preset import AuthKind, Case, Each, Preset, Send, filled
from bridges.sms.text import udh
from bridges.sms.text.decoding import decode
from bridges.sms.text.gsm import septets
from bridges.sms.text.segments import segments
from bridges.sms.traffic import Accepted, Outcome, Submission, Unfit, Unknown
from gateway.model import Condition, Refused

_STATUSES: Mapping[int, Meaning] = {
    401: Meaning.CREDENTIALS,
    403: Meaning.CREDENTIALS,
    402: Meaning.MONEY,
    404: Meaning.OTHER,
    413: Meaning.MEDIA,
    415: Meaning.MEDIA,
    420: Meaning.THROTTLED,
    429: Meaning.THROTTLED,
}
#: Statuses that look like refusals and leave open whether an earlier attempt is still under way.
_OPEN = frozenset({408, 409})
_MOST_LATER = 86_400.0
_BASE = re.compile(r"\{([a-z_]*base)\}")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request, ready to be written."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer; ``body`` may have been cut."""

    status: int
    body: bytes
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the provider is to tell us what it has: without ``reports`` nowhere. To ``reports`` a reference is added."""

    inbound: str = ""
    reports: str = ""

    def report(self, reference: str) -> str:
        return f"{self.reports}/{reference}" if self.reports else ""


class Caller:
    """Speaks to the provider of ``preset`` as the account that ``values`` and ``secrets`` are of. ``broken`` says in a
    sentence why it cannot, if it cannot."""

    def __init__(self, preset: Preset, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self._preset = preset
        self._own: dict[str, str] = {**values, **secrets}
        self._key: RSAPrivateKey | None = None
        self.broken = ""
        if preset.auth.kind is AuthKind.JWT_RS256:
            try:
                self._key = jwt.rsa_key(filling.text(preset.auth.value, self._own))
            except jwt.BadKey as error:
                self.broken = f"`secrets.{preset.auth.value.strip('{}')}` {error}"

    # -- out ---------------------------------------------------------------------------------------------------

    def check(self, submission: Submission) -> None:
        """Raises ``Unfit`` for what this provider can never be given."""
        ways, title = self._preset.ways, self._preset.title

        def unfit(text: str, condition: Condition = Condition.NOT_ACCEPTABLE) -> Unfit:
            return Unfit(Refused(condition, text))

        if len(submission.recipients) > 1 and not ways.groups:
            raise unfit(f"{title} sends no group texts.", Condition.FEATURE_NOT_IMPLEMENTED)
        if ways.group_size and len(submission.recipients) > ways.group_size:
            raise unfit(f"{title} takes at most {ways.group_size} people in a group text.")
        if submission.media and not ways.media:
            raise unfit(f"{title} carries no files.", Condition.FEATURE_NOT_IMPLEMENTED)
        if len(submission.media) > ways.media_count:
            raise unfit(f"{title} takes at most {ways.media_count} files in one message.")
        if ways.longest and len(submission.text) > ways.longest:
            raise unfit(
                f"{title} takes at most {ways.longest} characters in one text; shorten it, or send two."
            )
        send = self._send(submission)
        if send is None:
            raise unfit(
                f"{title} has no way to send this kind of message.", Condition.FEATURE_NOT_IMPLEMENTED
            )
        if submission.media and not {"media"} & set(filled(send)):
            raise unfit(f"{title} carries no files in group texts; write their address instead.")

    def requests(self, submission: Submission) -> int:
        """How many there are for ``submission``. Raises ``Unfit``."""
        self.check(submission)
        send = self._send(submission)
        match send.each if send is not None else Each.MESSAGE:
            case Each.RECIPIENTS:
                return len(submission.recipients)
            case Each.SEGMENTS:
                return len(_parts(submission)[0])
            case _:
                return 1

    def placed(self, submission: Submission) -> bool:
        """Whether it is sent to a place that has to be there."""
        send = self._send(submission)
        return send is not None and "place" in filled(send)

    def group(self, submission: Submission) -> str:
        """Our name for the sender's number and these recipients, whatever their order."""
        text = "\n".join((submission.sender, *sorted(submission.recipients)))
        return base64.b32encode(hashlib.sha256(text.encode()).digest())[:32].decode().lower()

    def about(self, send: Send, now: float, submission: Submission | None = None, place: str = "") -> Call:
        """A request that sends nothing: of a place, for those whom ``submission`` is for."""
        values: filling.Values = {**self._own, "reference": place, "now": int(now), "place": place}
        if submission is not None:
            values = self._values(submission, Addresses(), now, 0, place)
        return self._call(send, values, now)

    def call(
        self, submission: Submission, addresses: Addresses, now: float, piece: int = 0, place: str = ""
    ) -> Call:
        """One of the requests for ``submission``, which was checked."""
        send = self._send(submission)
        if send is None:
            raise filling.Unfilled("there is no request for this kind of message")
        if send.each is not Each.SEGMENTS:
            return self._call(send, self._values(submission, addresses, now, piece, place), now)
        texts, headers = _parts(submission)
        part: filling.Values = {"piece": piece + 1, "text": texts[piece], "udh": headers[piece]}
        return self._call(send, {**self._values(submission, addresses, now, 0, place), **part}, now)

    def probe(self, now: float) -> Call | None:
        """A request that sends nothing, to see whether we are let in; None where there is no such."""
        if self._preset.probe is None:
            return None
        return self._call(self._preset.probe, {**self._own, "reference": "probe", "now": int(now)}, now)

    def _call(self, send: Send, values: filling.Values, now: float) -> Call:
        headers = {name: filling.text(each, values) for name, each in send.headers.items()}
        query = filling.fields(send.query, values)
        self._authorise(headers, query, values, now)
        body = b""
        if send.form:
            body = urlencode(filling.fields(send.form, values)).encode()
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif send.document:
            filled = filling.value(send.document, values) or {}
            body = json.dumps(filled, ensure_ascii=False).encode("utf-8", "replace")
            headers.setdefault("Content-Type", "application/json")
        url = self._url(send.url, values)
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        headers.setdefault("Accept", "application/json")
        if any(_CONTROLS.search(each) for each in headers.values()):
            # Nobody shall write headers of his own into what is ours.
            raise filling.Unfilled("a header would have a control character in it")
        return Call(send.method, url, headers, body)

    def basic(self) -> str:
        """The Authorization header of HTTP Basic; empty for providers that want another."""
        auth = self._preset.auth
        if auth.kind is not AuthKind.BASIC:
            return ""
        pair = f"{filling.text(auth.user, self._own)}:{filling.text(auth.password, self._own)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _url(self, template: str, values: filling.Values) -> str:
        """All is quoted that is filled in, but for an address at the beginning."""
        match = _BASE.match(template)
        base = self._own.get(match[1], "").rstrip("/") if match else ""
        rest = template[match.end() :] if match else template
        return base + filling.text(rest, values, quote=lambda each: quote(each, safe=""))

    def _send(self, submission: Submission) -> Send | None:
        cases = self._cases(submission)
        return next((each for each in self._preset.send if not each.when or cases & set(each.when)), None)

    def _cases(self, submission: Submission) -> set[Case]:
        if len(submission.recipients) > 1:
            return {Case.GROUP, Case.GROUP_MEDIA} if submission.media else {Case.GROUP}
        if submission.media:
            return {Case.MEDIA}
        if self._preset.short and len(submission.text) > self._preset.short:
            return {Case.LONG}
        return {Case.TEXT}

    def _values(
        self, submission: Submission, addresses: Addresses, now: float, piece: int, place: str
    ) -> filling.Values:
        written = self._preset.numbers.send
        recipients = tuple(spelling.outgoing(each, written) for each in submission.recipients)
        coding = self._preset.coding
        # Numbers of people first: what they write shall never be taken for a name of ours.
        return {
            **self._own,
            "sender": spelling.outgoing(submission.sender, written),
            "recipient": recipients[piece] if recipients else "",
            "recipients": recipients,
            "others": recipients[:piece] + recipients[piece + 1 :],
            "piece": piece + 1,
            "group": self.group(submission),
            "place": place,
            "text": picking.clean(submission.text),
            "media": tuple(each.url for each in submission.media if each.url),
            "reference": submission.reference,
            "report_url": addresses.report(submission.reference),
            "inbound_url": addresses.inbound,
            "validity": int(submission.validity),
            "coding": coding["ucs2" if septets().missing(submission.text) else "gsm"] if coding else "",
            "udh": "",
            "now": int(now),
        }

    def _authorise(
        self, headers: dict[str, str], query: list[tuple[str, str]], values: filling.Values, now: float
    ) -> None:
        auth = self._preset.auth
        match auth.kind:
            case AuthKind.BASIC:
                headers["Authorization"] = self.basic()
            case AuthKind.BEARER:
                headers["Authorization"] = f"Bearer {filling.text(auth.value, values)}"
            case AuthKind.HEADER:
                headers[auth.name] = filling.text(auth.value, values)
            case AuthKind.QUERY:
                query.append((auth.name, filling.text(auth.value, values)))
            case AuthKind.JWT_RS256 | AuthKind.JWT_HS256:
                claims: dict[str, Any] = {
                    "iat": int(now),
                    "exp": int(now) + auth.seconds,
                    "jti": f"{values['reference']}-{values.get('piece', 0)}-{int(now)}",
                    **{name: filling.text(each, values) for name, each in auth.claims.items()},
                }
                token = (
                    jwt.signed_rs256(claims, self._key)
                    if self._key is not None
                    else jwt.signed_hs256(claims, filling.text(auth.value, values))
                )
                headers["Authorization"] = f"Bearer {token}"
            case _:
                return

    # -- back --------------------------------------------------------------------------------------------------

    def named(self, outcome: Outcome, submission: Submission, piece: int) -> Outcome:
        """With the id by which reports will know it, where the provider has given none."""
        own = self._preset.answer.own
        if not own or outcome != Accepted(""):
            return outcome
        return Accepted(filling.text(own, {"reference": submission.reference, "piece": piece + 1}))

    def said(self, answered: Answered) -> picking.Value:
        """What an answer holds."""
        return self._document(answered)

    def judged(self, answered: Answered, now: float) -> Outcome:
        """What became of it, by the answer."""
        answer, title = self._preset.answer, self._preset.title
        document = self._document(answered)
        code = picking.text(document, answer.code) if answer.code else ""
        words = picking.text(document, answer.words) if answer.words else ""
        if isinstance(document, str):
            words = document
        if answered.status in answer.taken:
            return self._taken(document, code, words)
        meaning = self._meaning(code, answered.status)
        later = _later(answered.retry_after, now)
        if (
            answered.status >= 500
            and answered.status not in answer.definite
            and code not in self._preset.errors
        ):
            return Unknown(f"{title} answered {answered.status}, which does not say whether it was sent.")
        if answered.status < 400 or answered.status in _OPEN:
            return Unknown(f"{title} answered {answered.status}, which this gateway does not know.")
        return rejected(meaning, title, code or str(answered.status), words, later)

    def _taken(self, document: picking.Value, code: str, words: str) -> Outcome:
        answer, title = self._preset.answer, self._preset.title
        statuses = picking.texts(document, answer.status) if answer.status else []
        if answer.status:
            good = [each in answer.good for each in statuses]
            if not good:
                return Unknown(f"{title} took the request, but its answer does not say what became of it.")
            if not any(good):
                bad = code or statuses[0]
                return rejected(self._meaning(bad, 0), title, bad, words)
            if not all(good):
                return Unknown(
                    f"{title} took some parts of it, and refused others: {one_line(words)}".rstrip(": ")
                )
        id = picking.text(document, answer.id) if answer.id else ""
        if answer.id and not id:
            return Unknown(f"{title} took the request, but gave it no id.")
        return Accepted(id)

    def _document(self, answered: Answered) -> picking.Value:
        text = answered.body.decode("utf-8", "replace")
        if self._preset.answer.format == "text":
            return text
        try:
            return bodies.document(answered.body)
        except bodies.BadBody:
            return text

    def _meaning(self, code: str, status: int) -> Meaning:
        found = self._preset.errors.get(code) or self._preset.errors.get(str(status))
        if found is not None:
            return found
        if status >= 500:
            return Meaning.PROVIDER
        return _STATUSES.get(status, Meaning.OTHER)


def _parts(submission: Submission) -> tuple[list[str], list[str]]:
    """The texts of all segments, and their headers (3GPP TS 23.040 §9.2.3.24) with an octet a character. The reference has
    seven bits of the eight, so that a query has an octet for each, too."""
    cut = segments(picking.clean(submission.text))
    texts = [decode(each, cut.alphabet) for each in cut.data]
    total = len(texts)
    if total == 1:
        return texts, [""]
    reference = submission.concatenation & 0x7F
    linked = [udh.write(udh.concatenated(reference, total, number + 1)) for number in range(total)]
    return texts, [each.decode("latin-1") for each in linked]


def _later(text: str, now: float) -> float:
    """RFC 9110 §10.2.3: seconds or a date."""
    try:
        seconds = float(text) if text.strip().isdigit() else parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), _MOST_LATER)
