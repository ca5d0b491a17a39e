"""What of a phone number may stand in a log. Knows nothing of what else is private."""

_SHORTEST = 5  # of fewer characters, three would be nearly all


def shown(number: str) -> str:
    """The last three digits of a number or short code, the last three letters of an alphanumeric sender; nothing of shorter
    ones, nor of what is none."""
    if not number:
        return "withheld"
    end = number[-3:]
    return f"...{end}" if len(number) >= _SHORTEST and end.isascii() and end.isalnum() else "..."
