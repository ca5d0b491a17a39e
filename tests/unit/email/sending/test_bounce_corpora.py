"""Bounces of decades, as if each came to the return address of one of our mails: none is lost, and most say what became
of it. ``scripts/corpora`` fetches them."""

from bridges.email.addresses import parse
from bridges.email.mime.reading import read
from bridges.email.sending.outcome import Kind
from bridges.email.sending.returned import about
from bridges.email.sending.rows import Sent
from tests.unit.email.mime import corpora

SENT = Sent("a" * 12, "alice", "m", parse("somebody@elsewhere.example"), Kind.ACCEPTED, "<1@x>", "", ())


def test_bounces_of_decades_are_read_as_what_became_of_a_mail() -> None:
    understood = total = 0
    for path in corpora.paths():
        if not {"flufl.bounce", "bounceparser"} & set(path.parts):
            continue
        outcome = about(read(path.read_bytes()), SENT)
        total += 1
        if outcome is not None:
            understood += 1
            assert outcome.kind is not Kind.WAITING
            assert "\n" not in outcome.text
    assert total > 200
    assert understood > 0.7 * total  # the others are shown as returned mail
