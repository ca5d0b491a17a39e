"""What a user sets: who they are in mail, and how their mail is made and shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridges.email.composing.places import Quotes
from bridges.email.receiving.residents import FirstContact
from gateway.bridge import BadAddress
from gateway.model import Field, FieldKind

_WINDOW_MOST = 600
_NAME_MOST = 100
_CHOICES_OF = {
    "first_contact": (
        ("", "as the gateway does"),
        (FirstContact.OPEN, "show it"),
        (FirstContact.ASK, "ask me"),
        (FirstContact.CLOSED, "refuse it"),
    ),
    "quotes": (
        (Quotes.REPLIES, "when I reply to a message"),
        (Quotes.ALWAYS, "always"),
        (Quotes.NEVER, "never"),
    ),
    "html": (("", "as the gateway does"), ("true", "yes"), ("false", "no")),
    "read_receipts": (("never", "never"), ("asked", "if the sender asks for it")),
}


@dataclass(frozen=True, slots=True)
class Personal:
    """A user's own settings; None and empty stand for what holds for all."""

    name: str = ""
    address: str = ""
    window: float | None = None
    html: bool | None = None
    quotes: Quotes = Quotes.REPLIES
    first_contact: FirstContact | None = None
    asks_for_receipts: bool = False  # of those who are written to
    gives_receipts: bool = False  # to those who ask (RFC 8098)

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> "Personal":
        """As ``fields`` are filled in; what makes no sense counts as not set."""
        window = settings.get("window", "").strip()
        html, contact = settings.get("html", ""), settings.get("first_contact", "")
        quotes = settings.get("quotes", "")
        return cls(
            name=" ".join(settings.get("nick", "").split())[:_NAME_MOST],
            address=settings.get("username", "").strip().lower(),
            window=float(window) if window.isascii() and window.isdigit() else None,
            html={"true": True, "false": False}.get(html),
            quotes=Quotes(quotes) if quotes in list(Quotes) else Quotes.REPLIES,
            first_contact=FirstContact(contact) if contact in list(FirstContact) else None,
            asks_for_receipts=settings.get("ask_for_receipts", "") == "true",
            gives_receipts=settings.get("read_receipts", "") == "asked",
        )


def registration_fields(domain: str, elsewhere: Sequence[Field] = ()) -> tuple[Field, ...]:
    """``domain``: where users can choose an address; empty: they cannot. ``elsewhere``: asked of those who
    have a mailbox. Named as in XEP-0077 §14.1, for clients without forms."""
    choice = Field(
        "username",
        f"Your mail address, before @{domain}",
        help="One to forty letters a to z, digits, dots, dashes and underscores. Empty: one is made for you.",
    )
    name = Field("nick", "Your name, as people see it in mail", help="Empty: the address stands alone.")
    return (choice, name, *elsewhere) if domain else (name, *elsewhere)


def fields() -> tuple[Field, ...]:
    """What can be set besides."""
    return (
        Field(
            "window",
            "Seconds of silence after which what I wrote is sent as one mail",
            help="0: at once. Empty: as the gateway does. .send in the chat sends it now, .cancel drops it.",
        ),
        _choice("html", "Send an HTML version too"),
        _choice("quotes", "Put the mail that I answer below my answer"),
        _choice("first_contact", "Mail of somebody who has not written to me before, nor I to them"),
        Field(
            "ask_for_receipts",
            "Ask people to confirm that they have read my mail",
            FieldKind.BOOLEAN,
            "false",
        ),
        _choice("read_receipts", "Tell senders that I have read their mail"),
    )


def check(values: Mapping[str, str]) -> None:
    """Raises ``BadAddress`` with one sentence."""
    window = values.get("window", "").strip()
    if window and not (window.isascii() and window.isdigit() and int(window[:9]) <= _WINDOW_MOST):
        raise BadAddress(f"The seconds of silence are a whole number from 0 to {_WINDOW_MOST}.")
    name = values.get("nick", "")
    if not name.isprintable() or len(name) > _NAME_MOST:
        raise BadAddress(f"Your name in mail is one line of at most {_NAME_MOST} characters.")


def _choice(name: str, label: str) -> Field:
    options: Sequence[tuple[str, str]] = _CHOICES_OF[name]
    return Field(
        name, label, FieldKind.CHOICE, str(options[0][0]), options=tuple((str(k), v) for k, v in options)
    )
