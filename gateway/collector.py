"""The garbage collector's habits: it looks rarely, and never again at what is there to stay."""

import gc

#: When it looks: at the young after so many new objects, at the middle-aged after so many such looks, and so on. Messages
#: leave no cycles, and what sessions and rooms are made of stays, so looking is mostly in vain: with Python's own 700 a
#: thousand logins take a fifth longer. A look at 50,000 takes 8 ms; one at everything (60 ms with 200,000 occupants) comes
#: only when there is a quarter more than at the last. Sessions are not frozen: theirs are the cycles.
_COLLECT = (50_000, 20, 50)


def rest() -> None:
    """Look rarely from now on."""
    gc.set_threshold(*_COLLECT)


def settle() -> None:
    """What exists now stays: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    rest()


def thaw() -> None:
    """Some of what was to stay is about to go."""
    gc.unfreeze()
