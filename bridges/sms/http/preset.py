"""What a provider is, as data: how texts are sent to it, how it answers, what its callbacks mean.

Presets (``presets/*.toml``) and what an operator writes for ``generic`` are the same tables, of the models here. They hold
nothing that runs: templates (``filling``), paths (``picking``), and names from fixed lists.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from bridges.sms.http import filling, picking
from bridges.sms.http.bodies import Format
from bridges.sms.http.failings import Meaning
from bridges.sms.http.signatures import Scheme
from bridges.sms.settings import Table
from bridges.sms.traffic import Alphabet, Coverage, Stage

#: What templates of requests can name besides the values and secrets of the preset.
VARIABLES = frozenset(
    {
        "sender",
        "recipient",
        "recipients",
        "others",
        "piece",
        "group",
        "place",
        "text",
        "media",
        "reference",
        "report_url",
        "inbound_url",
        "validity",
        "coding",
        "udh",
        "now",
    }
)


def _template(value: Any) -> Any:
    for _ in filling.names(value):
        pass
    return value


def _path(value: str) -> str:
    picking.parsed(value.removeprefix("$"))
    return value


Template = Annotated[str, AfterValidator(_template)]
Document = Annotated[dict[str, Any], AfterValidator(_template)]
Path = Annotated[str, AfterValidator(_path)]


class Case(StrEnum):
    """What kind of message it is; the first that holds, and of groups with files both."""

    GROUP_MEDIA = "group-media"
    GROUP = "group"
    MEDIA = "media"
    LONG = "long"
    TEXT = "text"


class Spelling(StrEnum):
    """How a provider writes E.164 numbers. Short codes and names are left as they are."""

    PLUS = "plus"
    BARE = "bare"  # without the plus
    NATIONAL = "national"  # ten digits, +1 only
    ZEROS = "zeros"  # 00 for the plus


class AuthKind(StrEnum):
    """How we show who we are."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    HEADER = "header"
    QUERY = "query"
    JWT_RS256 = "jwt-rs256"
    JWT_HS256 = "jwt-hs256"


class TimeFormat(StrEnum):
    """How a provider writes times; those without a zone are UTC."""

    ISO = "iso"
    UNIX = "unix"
    MILLISECONDS = "unix-ms"
    SPACED = "spaced"  # 2026-11-21 12:00:00
    COMPACT = "compact"  # YYMMDDHHMM, and seconds if any
    RFC2822 = "rfc2822"


class Encoding(StrEnum):
    """How a provider writes octets."""

    HEX = "hex"
    BASE64 = "base64"
    PERCENT = "percent"  # of a query, undecoded


class Given(Table):
    """Something that the operator fills in: a value or a secret."""

    about: str = Field(description="What it is and where to find it, in a phrase.")
    default: str | None = Field(default=None, description="None: it has to be filled in.")


class Auth(Table):
    """``[auth]``."""

    kind: AuthKind = AuthKind.NONE
    user: Template = ""  # basic
    password: Template = ""
    name: str = "Authorization"  # of the header, or query parameter
    value: Template = ""  # bearer, header, query; the key of the two JWT kinds
    claims: dict[str, Template] = Field(default={})
    seconds: int = 300  # a token is good for


class Each(StrEnum):
    """What there is a request for."""

    MESSAGE = "message"
    RECIPIENTS = "recipients"  # one after the other; ``{others}`` are the rest of the group
    SEGMENTS = "segments"  # one after the other; ``{text}`` is its part, ``{udh}`` the header that links them


class Send(Table):
    """``[[send]]``: one request. The first whose ``when`` has the case is made; without ``when`` it fits all. ``each``
    recipient has one where the provider wants that and makes one group of it, never for copies; each segment where it
    would else report on one of them alone."""

    when: tuple[Case, ...] = ()
    each: Each = Each.MESSAGE
    method: str = Field(default="POST", pattern="GET|POST|PUT")
    url: Template
    headers: dict[str, Template] = Field(default={})
    query: dict[str, Template] = Field(default={})
    form: dict[str, Template | tuple[Template, ...]] = Field(default={})
    document: Document = Field(default={})  # JSON

    @model_validator(mode="after")
    def _one_body(self) -> "Send":
        if self.form and self.document:
            raise ValueError("has both form and document; a request has one body")
        return self


class Place(Table):
    """``[place]``: what a group has to have at the provider before it can be sent to: made once, which sends nothing, under
    ``{group}``, our name for it. Its id is ``{place}``, where ``[[send]]`` fills that in."""

    make: Send
    find: Send  # where it is there already
    there: tuple[str, ...] = ()  # codes that say so
    gone: tuple[str, ...] = ()  # codes of a refused text that say that it has to be made again
    members: Send  # who is who in ``{place}``, for reports
    items: Path
    member: Path
    number: Path


class Answer(Table):
    """``[answer]``: what a request is answered with. Paths lead into the body."""

    format: str = Field(default="json", pattern="json|text")
    taken: tuple[int, ...] = (200, 201, 202)
    definite: tuple[int, ...] = ()  # of 500 and more: those after which nothing was sent for certain
    id: Path = ""
    own: Template = ""  # the id that reports will bring, where the provider gives none: {reference}, {piece}
    status: Path = ""  # where success is said in the body
    good: tuple[str, ...] = ()  # its values then
    code: Path = ""
    words: Path = ""


class Numbers(Table):
    """``[numbers]``: how they are spelt, in requests and in callbacks."""

    send: Spelling = Spelling.PLUS
    receive: Spelling = Spelling.PLUS
    withheld: tuple[str, ...] = ()  # what stands for a sender that nobody is to know


class Media(Table):
    """Files of a message: ``items`` leads to a list of addresses, or of things with a ``url``; or fields are numbered."""

    items: tuple[Path, ...] = ()
    separator: str = ""  # of addresses in one text
    url: Path = ""  # within an item; empty: it is the address
    type: Path = ""
    numbered: str = ""  # "MediaUrl{n}", n from 0
    numbered_type: str = ""
    first: int = 0


class Event(Table):
    """``[[event]]``: something that a callback says. The first whose ``when`` holds counts; ``each`` leads to a list of
    which every item is one. Paths lead on from the item, those that begin with ``$`` from the whole."""

    kind: str = Field(pattern="message|report|optout|ignore")
    each: Path = ""
    when: dict[Path, tuple[str, ...]] = Field(default={})  # values; none: the field is there at all
    id: Path = ""
    reference: Path = ""  # ours; without it the one in the address counts
    sender: Path = ""
    recipient: Path = ""
    others: tuple[Path, ...] = ()  # lists of all recipients of a group
    recipients: Path = ""  # list of phones that a report is about, if it is one for several
    place: Path = ""  # of a group, and who in it a report is about, where that is no phone: see ``Place``
    member: Path = ""
    text: Path = ""
    subject: Path = ""
    time: Path = ""
    time_format: TimeFormat = TimeFormat.ISO
    data: Path = ""
    data_encoding: Encoding = Encoding.HEX
    udh: Path = ""  # user data header
    udh_encoding: Encoding = Encoding.HEX
    alphabet: Path = ""
    alphabets: dict[str, Alphabet] = Field(default={})
    part_reference: Path = ""
    part_total: Path = ""
    part_number: Path = ""
    media: Media | None = None
    status: Path = ""
    stages: dict[str, Stage] = Field(default={})
    code: Path = ""
    good: tuple[str, ...] = ()  # codes that are none
    words: Path = ""
    errors: dict[str, Meaning] = Field(default={})  # go before those of the preset
    optout: Path = ""
    stopped: tuple[str, ...] = ()
    started: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "Event":
        needed = {
            "message": ("sender", "recipient"),
            "report": ("status",),
            "optout": ("sender", "recipient", "optout"),
        }
        missing = [name for name in needed.get(self.kind, ()) if not getattr(self, name)]
        if missing:
            raise ValueError(f"is of kind {self.kind} and lacks {', '.join(missing)}")
        return self


class Signature(Table):
    """``[signature]``."""

    scheme: Scheme = Scheme.NONE
    secret: Template = ""
    shared: Template = ""  # Twilio's other kind
    account: Template = ""  # Vonage's api_key, if it is to be compared
    missing: int = Field(default=401, ge=400, le=599)  # what an unsigned callback is answered


class Webhook(Table):
    """``[webhook]``: how callbacks come and are answered."""

    methods: tuple[str, ...] = ("POST",)
    format: Format = Format.ANY
    status: int = Field(default=200, ge=200, le=299)
    body: str = ""
    type: str = "text/plain"


class Abilities(Table):
    """``[ways]``: see ``traffic.Ways``."""

    coverage: Coverage = Coverage.HANDSET
    media: bool = False
    media_types: tuple[str, ...] = ()
    media_size: int = 0
    media_count: int = 10
    groups: bool = False
    group_size: int = 0
    groups_with: str = ""  # a value; once it is set there are groups
    alphanumeric: bool = True
    longest: int = 0
    answers_stop: bool = False
    idempotent: bool = False


class Downloads(Table):
    """``[downloads]``: where files that came are fetched: ``hosts``, with ``*.`` for all below; ``auth``: as ourselves."""

    hosts: tuple[str, ...] = ()
    auth: bool = False


class Preset(Table):
    """A provider."""

    title: str = Field(description="What people call it.")
    values: dict[str, Given] = Field(default={})
    secrets: dict[str, Given] = Field(default={})
    auth: Auth = Auth()
    send: tuple[Send, ...] = Field(min_length=1)
    short: int = Field(
        default=0, ge=0, description="Code points beyond which a text is a `long` one. 0: none is."
    )
    coding: dict[str, str] = Field(
        default={}, description="`gsm` and `ucs2`: what {coding} is, by what the text needs."
    )
    probe: Send | None = Field(
        default=None, description="A request that costs nothing and shows whether the credentials are good."
    )
    place: Place | None = None
    answer: Answer = Answer()
    errors: dict[str, Meaning] = Field(default={})
    numbers: Numbers = Numbers()
    ways: Abilities = Abilities()
    downloads: Downloads = Downloads()
    signature: Signature = Signature()
    webhook: Webhook = Webhook()
    event: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _known_names(self) -> "Preset":
        known = VARIABLES | self.values.keys() | self.secrets.keys()
        for name in self._names():
            if name not in known:
                raise ValueError(f"fills in {{{name}}}, which is no value, secret or variable")
        if twice := (VARIABLES & (self.values.keys() | self.secrets.keys())) or (
            self.values.keys() & self.secrets.keys()
        ):
            raise ValueError(f"has two meanings for {{{min(twice)}}}")
        if self.ways.groups_with and self.ways.groups_with not in self.values:
            raise ValueError(f"has groups with {self.ways.groups_with}, which is no value")
        if self.place is None and (
            any("place" in filled(each) for each in self.send) or any(each.member for each in self.event)
        ):
            raise ValueError("sends to a {place}, or hears of its members, and has no [place]")
        if self.coding and self.coding.keys() != {"gsm", "ucs2"}:
            raise ValueError("has a coding without both gsm and ucs2")
        return self

    @model_validator(mode="after")
    def _apart(self) -> "Preset":
        for each in self.send:
            if each.each is Each.MESSAGE:
                continue
            names = set(filled(each))
            if each.each is Each.SEGMENTS:
                if not names >= {"text", "udh"} or not self.answer.own:
                    raise ValueError(
                        "has a request for each segment: fill in {text} and {udh}, and set answer.own"
                    )
                continue
            if not names >= {"recipient", "others"}:
                raise ValueError(
                    "has a request for each recipient that does not fill in {recipient} and {others}"
                )
            if self.ways.idempotent and "piece" not in names:
                raise ValueError(
                    "is idempotent, and the requests for each recipient have one reference: fill in {reference}-{piece}"
                )
        return self

    def _names(self) -> Iterator[str]:
        auth, signature = self.auth, self.signature
        for template in (auth.user, auth.password, auth.value, auth.claims):
            yield from filling.names(template)
        for template in (signature.secret, signature.shared, signature.account):
            yield from filling.names(template)
        place = (self.place.make, self.place.find, self.place.members) if self.place else ()
        for each in (*self.send, *place, *([self.probe] if self.probe else [])):
            yield from filled(each)


def filled(send: Send) -> Iterator[str]:
    """The names that a request fills in."""
    parts: tuple[str | Mapping[str, Any], ...] = (send.url, send.headers, send.query, send.form)
    for part in (*parts, send.document):
        yield from filling.names(part)
