"""How long something lasted, for people: rounded, in a unit of which there are at least two."""

from gateway.texts import Text

_DAY, _HOUR, _MINUTE = 86_400, 3600, 60


def lasting(seconds: float) -> Text:
    if seconds >= 2 * _DAY:
        return Text("{number} days", number=round(seconds / _DAY))
    if seconds >= 2 * _HOUR:
        return Text("{number} hours", number=round(seconds / _HOUR))
    if seconds >= 2 * _MINUTE:
        return Text("{number} minutes", number=round(seconds / _MINUTE))
    return Text("{number} seconds", number=round(seconds))
