"""What an operator can set about people who do not want to be texted: ``[bridges.sms.consent]``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bridges.sms.consent.words import plain
from bridges.sms.settings import Table


def _word(value: str) -> str:
    word = plain(value)
    if not 0 < len(word) <= 40:
        raise ValueError("is no word; write one like STOP, of at most 40 characters")
    return word


Word = Annotated[str, AfterValidator(_word)]


class ConsentSettings(Table):
    """``[bridges.sms.consent]``."""

    stop: Literal["block", "notify", "off"] = Field(
        default="block",
        description="What follows when somebody texts STOP: nobody can text them from that number until they text START "
        '("block"), the user is told and nothing else ("notify"), or nothing at all ("off"; only where people write to '
        "people and the provider does not mind).",
    )
    stop_words: tuple[Word, ...] = Field(
        default=(), max_length=100, description="Further words that mean STOP, if a text is nothing else."
    )
    start_words: tuple[Word, ...] = Field(
        default=(), max_length=100, description="Further words that mean START."
    )
    ordinary_words: tuple[Word, ...] = Field(
        default=(),
        max_length=100,
        description="Words that are not to mean STOP or START here, such as END where people text each other.",
    )
    stop_answer: str = Field(
        default="",
        max_length=300,
        description="What is texted to somebody who texted STOP, on routes whose provider does not answer by itself. Empty: "
        "nothing.",
    )
    start_answer: str = Field(
        default="", max_length=300, description="The same for START, of those who had texted STOP."
    )
