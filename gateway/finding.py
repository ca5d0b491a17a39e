"""What ``causeway check`` has to say of one thing."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` is one sentence, with the fix unless all is well."""

    verdict: Verdict
    text: str
