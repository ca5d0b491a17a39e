"""Times in words that fit a column."""

import time

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def lasting(seconds: float) -> str:
    """``3 d 4 h``, ``12 min``, ``5 s``: the two largest units, or the largest alone below an hour."""
    whole = max(0, int(seconds))
    for place, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            count, rest = divmod(whole, size)
            text = f"{count} {unit}"
            if place < 2:
                smaller, name = _UNITS[place + 1]
                if rest >= smaller:
                    text += f" {rest // smaller} {name}"
            return text
    return f"{whole} s"


def briefly(seconds: float | None) -> str:
    """Of messages on their way: ``850 us``, ``12 ms``, ``1.5 s``, ``3 min``."""
    if seconds is None:
        return "-"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else lasting(seconds)


def moment(seconds: float) -> str:
    """A time as the machine's clock shows it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
