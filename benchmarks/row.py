"""What a row of the table is: a piece of work, what is measured of it, and how large it is made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from benchmarks.rig import Rig


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of every load: numbers of things, and seconds that bound them."""

    messages: int  # deliveries in a flood, at most
    flood_seconds: float  # a flood ends then, however far it is
    paced_seconds: float
    straggle_seconds: float  # what paced messages may still take to arrive after the last was sent
    occupants: int
    sessions: int
    idle_seconds: float
    split: int
    split_rounds: int
    crash_seconds: tuple[float, float]  # how long lines are said before a kill -9 and after it


FULL = Scale(
    messages=150_000,
    flood_seconds=2.5,
    paced_seconds=4.0,
    straggle_seconds=6.0,
    occupants=10_000,
    sessions=1_000,
    idle_seconds=4.0,
    split=500,
    split_rounds=3,
    crash_seconds=(2.0, 4.0),
)
QUICK = Scale(
    messages=40_000,
    flood_seconds=0.8,
    paced_seconds=1.2,
    straggle_seconds=4.0,
    occupants=10_000,
    sessions=1_000,
    idle_seconds=1.5,
    split=500,
    split_rounds=1,
    crash_seconds=(1.0, 3.0),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a row: ``key`` in the sample, its wording, its decimals, and which way is better."""

    key: str
    text: str
    digits: int = 1
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one row: figures by the keys of its measures, and the share of its core that the load used itself."""

    values: Mapping[str, float]
    load_share: float


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of work. ``archive`` lists the settings it is measured with."""

    name: str
    title: str
    users: Callable[[Scale], int]
    measures: tuple[Measure, ...]
    run: Callable[[Rig, Scale], Awaitable[Sample]]
    archive: tuple[bool, ...] = (False,)
