"""How much of a mail is read at most. What lies beyond is left out and named in ``Letter.defects``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets where bytes are meant, code points for texts."""

    size: int = 64 * 1024 * 1024
    header: int = 64 * 1024
    fields_of_a_name: int = 100
    depth: int = 20
    parts: int = 200
    body: int = 1024 * 1024  # of one text part, decoded
    html: int = 512 * 1024
    text: int = 200_000  # of the whole letter
    spans: int = 2_000
    files: int = 100
    read_html: bool = True  # not where it already was too much for a worker
    read_calendars: bool = True


DEFAULT = Limits()
