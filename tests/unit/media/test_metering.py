"""What files cost their users."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.bridge import Blob, MediaError
from gateway.limits import Kind, LimitPolicy, Limits
from gateway.media.metering import Metered, metered
from gateway.media.refusals import Cause
from gateway.media.tally import Flow
from gateway.model import Attachment, Condition, Message, Refused
from tests.unit.clock import ManualClock

ANN = "ann@example.org"


@pytest.fixture
def limits() -> Limits:
    return Limits(LimitPolicy(media_bytes_per_day=3_000_000), ManualClock())


@pytest.fixture
def flow() -> Flow:
    return Flow(Cause.LINK)


class Fetches:
    """``Media`` that has one file."""

    def __init__(self, path: Path, size: int | None) -> None:
        self.path = path
        self.size = size

    async def fetch(self, attachment: Attachment, user: str, headers=None) -> Blob:
        if self.size is None:
            raise MediaError(Refused(Condition.ITEM_NOT_FOUND, "It is not there."))
        self.path.write_bytes(b"x")
        return Blob(self.path, "a.bin", "application/octet-stream", self.size, "")


def left(limits: Limits) -> int:
    return round(limits.left(ANN, Kind.MEDIA))


@pytest.mark.parametrize("claimed", [None, 10, 2_000_000])
async def test_a_fetched_file_costs_its_size_whatever_was_claimed(
    tmp_path: Path, limits: Limits, flow: Flow, claimed: int | None
) -> None:
    media = Metered(Fetches(tmp_path / "file", 1_500_000), limits, ManualClock(), flow)
    with await media.fetch(Attachment(size=claimed, url="https://example.org/a"), ANN):
        assert left(limits) == 1_500_000


async def test_a_file_beyond_the_limit_is_refused_and_deleted(
    tmp_path: Path, limits: Limits, flow: Flow
) -> None:
    media = Metered(Fetches(tmp_path / "file", 2_000_000), limits, ManualClock(), flow)
    (await media.fetch(Attachment(), ANN)).path.unlink()
    with pytest.raises(MediaError, match="Your files of today"):
        await media.fetch(Attachment(), ANN)
    assert not (tmp_path / "file").exists()
    with pytest.raises(MediaError, match="more than this gateway carries at all"):
        await media.fetch(Attachment(size=4_000_000), ANN)
    assert (flow.files, flow.octets, flow.took.count, flow.under_way) == (1, 2_000_000, 1, 0)
    assert flow.refused[Cause.TOO_MANY] == sum(flow.refused.values()) == 2


async def test_a_file_that_does_not_come_costs_what_it_claimed(
    tmp_path: Path, limits: Limits, flow: Flow
) -> None:
    media = Metered(Fetches(tmp_path / "file", None), limits, ManualClock(), flow)
    with pytest.raises(MediaError, match="not there"):
        await media.fetch(Attachment(size=500_000), ANN)
    assert left(limits) == 2_500_000
    assert flow.refused[Cause.MISSING] == sum(flow.refused.values()) == 1


async def test_files_from_the_foreign_side_cost_their_user_too_and_their_text_is_kept(
    tmp_path: Path, limits: Limits, flow: Flow
) -> None:
    published: list[Message] = []

    async def publish(user: str, message: Message) -> Sequence[Message]:
        published.append(message)
        return [message]

    file = tmp_path / "file"
    counted = metered(publish, limits, flow)
    attachments = (
        Attachment(data=b"x" * 1000),
        Attachment(path=file),
        Attachment(size=9, url="https://example.org"),
    )
    file.write_bytes(b"y" * 500)
    message = Message("carol", "look", attachments=attachments)
    assert list(await counted(ANN, message)) == [message]
    assert left(limits) == 3_000_000 - 1500
    big = Message(
        "carol",
        "look at this",
        attachments=(Attachment("film.mp4", data=b"z" * 2_999_999),),
    )
    (said,) = await counted(ANN, big)
    assert len(published) == 1
    assert not said.attachments
    assert "look at this" in said.text
    assert "Your files of today" in said.text
    assert flow.refused[Cause.TOO_MANY] == sum(flow.refused.values()) == 1
