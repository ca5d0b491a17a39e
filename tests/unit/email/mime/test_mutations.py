"""A few of the mails of ``python -m tests.fuzz.email``, which reads as many as one likes; what it finds becomes a test."""

import random

import pytest

from bridges.email.mime.reading import read
from tests.fuzz.email.mutations import mutated
from tests.unit.email.mime import corpora
from tests.unit.email.mime.test_hostile import checked

_MAILS = 60  # of each seed


@pytest.mark.parametrize("seed", range(4))
def test_mails_made_worse_are_letters(seed: int) -> None:
    rng = random.Random(seed)
    mails = [raw[:20_000] for _, raw in corpora.mails()]
    for _ in range(_MAILS):
        checked(read(mutated(rng, mails)))
