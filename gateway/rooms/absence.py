"""What a room has to know to go on with a client that could not be reached: where it stopped, and who was there then.

The link to the server can die with messages in it. ``Marks`` tells which message of a room was the first in each epoch of
the barrier (``gateway.xmpp.barrier``), so that after a loss each client is shown exactly what may have been lost.
"""

from gateway.rooms.history import History

#: (epoch, number of the first message written in it), oldest first
Marks = list[tuple[int, int]]

#: Epochs remembered; they last a second or more each, and are confirmed two later.
_EPOCHS = 64


def mark(marks: Marks, epoch: int, history: History) -> None:
    """The next message of ``history`` is written in ``epoch``."""
    if not marks or marks[-1][0] != epoch:
        if len(marks) >= _EPOCHS:
            del marks[0]
        marks.append((epoch, history.total))


def first_since(marks: Marks, epoch: int, history: History) -> int:
    """The number of the first message that was written in ``epoch`` or later."""
    return next((number for each, number in marks if each >= epoch), history.total)
