"""Whom one can text, as people write them, as networks name them, and as local parts of JIDs.

A *party* is the name of a contact, always in one form:

* ``+15551234567``: a number of the world (E.164);
* ``46645;phone-context=+1``: a short code, which means something in the country with that code only (RFC 3966 §5.1.5);
* ``mybank;sender=alpha``: an alphanumeric sender, which nobody can answer;
* ``anonymous``: somebody who withholds the number;
* ``+15551234567,+15557654321``: several numbers in order, a group, as Cheogram writes them.

A room is ``group-ID``. National numbers need a country; which one, is the operator's setting. Numbers are judged by whether
they are possible, not whether they are in use: the tables of those are always behind.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import shortnumberinfo

from gateway.bridge import BadAddress
from gateway.model import GATEWAY, Address, AddressKind

#: The one network that there is; its name is never part of an address.
HOME = "phone"

ANONYMOUS = "anonymous"
_CONTEXT, _ALPHA = ";phone-context=+", ";sender=alpha"
GROUP_MOST = 20  # numbers in one address

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT = re.compile(r"[0-9]{3,8}")
_CODED = re.compile(r"([0-9]{3,8});phone-context=\+([1-9][0-9]{0,2})")
_ROOM = re.compile(r"group-[a-z0-9]{4,40}")
# What people write between digits; the rest of Unicode's dashes and spaces is folded before.
_DIGITS = re.compile(r"[0-9 ()./\-]+")
_MOST = 300  # characters of anything that is to be an address
_ALPHA_MOST = 20  # TS 23.040 has 11 GSM characters; networks with more are known
_OLD_MEXICO = re.compile(r"\+521([0-9]{10})")
# phonenumbers takes 50 to 150 us for a number, and every message asks several times.
_REMEMBERED = 8192
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
_WITH_COUNTRY = 11  # digits; national numbers that have more are few


@dataclass(frozen=True, slots=True)
class Place:
    """A country, as numbers need it: its region code (``US``) and its calling code (``1``)."""

    region: str

    @property
    def calling(self) -> int:
        return phonenumbers.country_code_for_region(self.region)


@lru_cache(maxsize=_REMEMBERED)
def region_of(number: str) -> str:
    """The region code of a number in E.164; ``001`` or empty where it belongs to no country."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    # Numbers that nobody has (+1 555 ...), or that the tables do not have yet, count for the country with the code.
    code = phonenumbers.region_code_for_number(parsed)
    return code or phonenumbers.region_code_for_country_code(parsed.country_code or 0) or ""


def is_number(party: str) -> bool:
    return _E164.fullmatch(party) is not None


def is_short(party: str) -> bool:
    return _CODED.fullmatch(party) is not None


def is_group(party: str) -> bool:
    return "," in party


def members(party: str) -> tuple[str, ...]:
    """The numbers of a group; of anybody else the one there is."""
    return tuple(party.split(","))


def group(numbers: "list[str] | tuple[str, ...]") -> str:
    """The party of several numbers in E.164: the same for every order."""
    return ",".join(sorted(set(numbers)))


# -- what people write -----------------------------------------------------------------------------------------------


def read(text: str, place: Place) -> Address:
    """The address behind the (unescaped) local part of a JID. Raises ``BadAddress``."""
    if not text:
        return GATEWAY
    if _ROOM.fullmatch(text) is not None:
        return Address(AddressKind.ROOM, HOME, text)
    return Address(AddressKind.CONTACT, HOME, party(text, place))


def party(text: str, place: Place) -> str:
    """The party that a person means. Raises ``BadAddress`` with one sentence for whoever wrote it."""
    if len(text) > _MOST:
        raise BadAddress("That is longer than a phone number can be.")
    if _E164.fullmatch(text) is not None:
        return _possible(text)
    if text == ANONYMOUS or text.endswith(_ALPHA):
        return _named(text)
    written = _plain(text)
    if "," in written:
        return _several(written, place)
    coded = _CODED.fullmatch(written.replace(" ", ""))
    if coded is not None:
        _refuse_emergency(coded[1], place)
        _refuse_emergency(coded[1], Place(phonenumbers.region_code_for_country_code(int(coded[2]))))
        return coded[0]
    return _one(written, place)


def _plain(text: str) -> str:
    """Digits of every script, dashes and spaces of every width, without ``tel:`` and ``sms:``."""
    folded = unicodedata.normalize("NFKC", text).strip()
    lower = folded.lower()
    for scheme in ("tel:", "sms:", "smsto:"):
        if lower.startswith(scheme):
            folded = folded[len(scheme) :]
    kept = []
    for each in folded:
        category = unicodedata.category(each)
        if category == "Nd":
            kept.append(str(unicodedata.decimal(each)))
        elif category == "Pd":
            kept.append("-")
        elif category == "Zs":
            kept.append(" ")
        elif category not in ("Cf", "Cc"):  # numbers that were pasted bring marks of direction along
            kept.append(each)
    return "".join(kept).strip()


def _several(written: str, place: Place) -> str:
    numbers = [party(each, place) for each in written.split(",") if each.strip()]
    if len(set(numbers)) > GROUP_MOST:
        raise BadAddress(f"A group has at most {GROUP_MOST} numbers.")
    if not numbers or not all(map(is_number, numbers)):
        raise BadAddress("A group is made of whole phone numbers, like +15551234567,+15557654321.")
    return group(numbers)


def _one(written: str, place: Place) -> str:
    if written.startswith("+"):
        number = "+" + re.sub(r"[ ()./\-]", "", written.partition(";")[0][1:])
        if _E164.fullmatch(number) is None:
            raise BadAddress(f"{_shown(written)} is no phone number: write one like +15551234567.")
        return _possible(number)
    digits = re.sub(r"[ ()./\-]", "", written)
    if _DIGITS.fullmatch(written) is None or not digits:
        raise BadAddress(f"{_shown(written)} is no phone number: write one like +15551234567.")
    # Short numbers first: 112 would pass for a number of Germany.
    if _SHORT.fullmatch(digits) is not None:
        _refuse_emergency(digits, place)
        if _is_short(digits, place):
            return f"{digits}{_CONTEXT}{place.calling}"
    try:
        parsed = phonenumbers.parse(written, place.region)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise BadAddress(
            f"{_shown(written)} is no phone number of {place.region}: write it with its country, like +15551234567."
        )
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if _E164.fullmatch(number) is None:  # possible, for somebody who dials; not for a text
        raise BadAddress(f"{_shown(written)} is no phone number: write one like +15551234567.")
    return number


def _is_short(digits: str, place: Place) -> bool:
    parsed = phonenumbers.PhoneNumber(country_code=place.calling, national_number=int(digits))
    return len(digits) < 7 or (
        shortnumberinfo.is_valid_short_number_for_region(parsed, place.region)
        and not phonenumbers.is_possible_number(parsed)
    )


@lru_cache(maxsize=_REMEMBERED)
def _possible(number: str) -> str:
    # Mexico gave its mobile numbers' 1 up in 2019; telephones' address books have it still.
    number = _OLD_MEXICO.sub(r"+52\1", number)
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        raise BadAddress(f"{number} is no phone number: there is no country with that code.") from None
    if not phonenumbers.is_possible_number(parsed):
        raise BadAddress(f"{number} is no phone number: it has too few digits or too many.")
    # Where people keep the zero that is for calls at home ("+44 (0)20"), it is not part of the number.
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _emergency(digits: str, place: Place) -> bool:
    return digits in ("112", "911", "999") or shortnumberinfo.connects_to_emergency_number(
        digits, place.region
    )


def _refuse_emergency(digits: str, place: Place) -> None:
    if _emergency(digits, place):
        raise BadAddress(
            f"{digits} is an emergency number. Texts through this gateway do not reach emergency services: "
            "call it from a telephone."
        )


def _named(text: str) -> str:
    name = text.removesuffix(_ALPHA)
    if text != ANONYMOUS and (not name or name != _alpha(name)):
        raise BadAddress(f"{_shown(text)} is nobody's name.")
    return text


# -- what networks say -----------------------------------------------------------------------------------------------


def sender(text: str, place: Place) -> str:
    """The party behind a sender as a route tells it (``Inbound.sender``); never fails. ``place`` is that of our number."""
    written = _plain(text[:_MOST])
    if not written or written.lower() in ("anonymous", "unknown", "restricted", "private", "unavailable"):
        return ANONYMOUS
    if _DIGITS.fullmatch(written.removeprefix("+")) is None:
        return f"{_alpha(written) or 'unknown'}{_ALPHA}"
    digits = re.sub(r"[^0-9]", "", written)
    if not digits:
        return ANONYMOUS
    if not written.startswith("+") and len(digits) <= 6 and not _emergency(digits.zfill(3), place):
        return f"{digits.zfill(3)}{_CONTEXT}{place.calling}"
    number = _likeliest(written, digits, place)
    if number:
        return number
    # Not possible, but somebody: what network codes look like beyond the tables.
    if not written.startswith("+") and 7 <= len(digits) <= 8 and not _emergency(digits, place):
        return f"{digits}{_CONTEXT}{place.calling}"
    return f"{digits[:_ALPHA_MOST]}{_ALPHA}"


def _likeliest(written: str, digits: str, place: Place) -> str:
    """The number in E.164 that somebody has whom a network calls so; empty if there is none. Without a plus it is the
    world's or the country's, and networks do not say which: the number of a mobile phone before other numbers that are in
    use somewhere, and those before what is only long enough."""
    international = f"+{digits.removeprefix('00')}"
    if written.startswith("+") or digits.startswith("00"):
        readings = [international]
    elif digits.startswith(str(place.calling)) or len(digits) >= _WITH_COUNTRY:
        readings = [international, written]
    else:
        readings = [written, international]
    found = ((_likelihood(each, place.region), each) for each in readings)
    best, reading = max(found, key=lambda each: each[0])  # of equals the first
    if not best:
        return ""
    parsed = phonenumbers.parse(reading, place.region)
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    number = _OLD_MEXICO.sub(r"+52\1", number)
    try:
        return number if _possible(number) == number and _E164.fullmatch(number) is not None else ""
    except BadAddress:
        return ""


def _likelihood(reading: str, region: str) -> int:
    try:
        parsed = phonenumbers.parse(reading, region)
    except phonenumbers.NumberParseException:
        return 0
    if not phonenumbers.is_possible_number(parsed):
        # Mexico's mobile numbers as they were until 2019 are still on the way.
        return 1 if _OLD_MEXICO.fullmatch(reading) is not None else 0
    if not phonenumbers.is_valid_number(parsed):
        return 1
    return 3 if phonenumbers.number_type(parsed) in _MOBILE else 2


def alphanumeric(text: str) -> str:
    """As people are shown it: the sender's name as it came, without what nobody sees."""
    return "".join(each for each in text if each.isprintable())[:40].strip()


def _alpha(text: str) -> str:
    """One form for all spellings, left unchanged by servers' folding (RFC 8265)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(each for each in folded if each.isprintable() and each not in ";,")
    return kept.strip()[:_ALPHA_MOST].strip()


# -- on the way out --------------------------------------------------------------------------------------------------


def wire(party_: str) -> str:
    """What a message to this one person is addressed to (``Submission.recipients``). Raises ``BadAddress`` for those whom
    nobody can answer."""
    if is_number(party_):
        return party_
    coded = _CODED.fullmatch(party_)
    if coded is not None:
        return coded[1]
    if party_ == ANONYMOUS:
        raise BadAddress("Whoever wrote this withholds the number, so it cannot be answered.")
    raise BadAddress("This sender is a name, not a number: it cannot be answered.")


def context_of(party_: str) -> int:
    """The calling code in a short code; 0 for all others."""
    coded = _CODED.fullmatch(party_)
    return int(coded[2]) if coded is not None else 0


def answerable(party_: str) -> bool:
    return not party_.endswith(_ALPHA) and party_ != ANONYMOUS


@lru_cache(maxsize=_REMEMBERED)
def label(party_: str) -> str:
    """For people: ``+1 555-123-4567``, ``46645``, ``mybank``."""
    if is_group(party_):
        return ", ".join(map(label, members(party_)))
    if is_number(party_):
        try:
            parsed = phonenumbers.parse(party_)
        except phonenumbers.NumberParseException:
            return party_
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    if party_ == ANONYMOUS:
        return "Number withheld"
    return party_.partition(";")[0]


def fold(name: str, place: Place) -> str:
    """The key of a contact's or room's name."""
    try:
        return read(name, place).name
    except BadAddress:
        return name.lower()


def _shown(text: str) -> str:
    """Somebody else's text in a sentence: short, and nothing in it that is not seen."""
    seen = "".join(each if each.isprintable() else "?" for each in text)
    return f'"{seen[:60]}{"..." if len(seen) > 60 else ""}"'
