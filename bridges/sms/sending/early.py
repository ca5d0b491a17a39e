"""Reports that came before the answers they belong to, or of which nobody knows what they are about. Without I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

from bridges.sms.sending.matching import bounded, party, rule, spellings, stripped
from bridges.sms.traffic import Report

Key = tuple[str, str, str, str]  # route, id, recipient, stage


@dataclass(frozen=True, slots=True)
class Early:
    report: Report
    came: float

    @property
    def key(self) -> Key:
        """The same report again has the same."""
        report = self.report
        return report.route, bounded(report.id), bounded(report.recipient), report.stage.value


class EarlyReports:
    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._kept: dict[Key, Early] = {}
        self._by_id: dict[tuple[str, str], list[Key]] = {}
        self._by_party: dict[tuple[str, str], list[Key]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, early: Early) -> list[Key]:
        """Keep it; gives what had to go for it. What is kept already stays as it was."""
        if early.key in self._kept:
            return []
        gone = [next(iter(self._kept))] if len(self._kept) >= self._most else []
        for key in gone:
            self.remove(key)
        self._kept[early.key] = early
        for index, place in self._places(early):
            index.setdefault(place, []).append(early.key)
        return gone

    def remove(self, key: Key) -> None:
        early = self._kept.pop(key, None)
        if early is None:
            return
        for index, place in self._places(early):
            index[place].remove(key)
            if not index[place]:
                del index[place]

    def of_answer(self, route: str, id: str, parties: tuple[str, ...]) -> list[Early]:
        """What has been reported of a piece that the route has just accepted under ``id``."""
        found = []
        for spelling in spellings(id):
            for early in self._at(self._by_id, (route, spelling)):
                phone = party(early.report.recipient)
                if rule(id, bounded(early.report.id)) is not None and (not phone or phone in parties):
                    found.append(early)
        return found

    def of_party(self, route: str, phone: str, since: float) -> list[Early]:
        """What has come since then of somebody (``party``)."""
        return [each for each in self._at(self._by_party, (route, phone)) if each.came >= since]

    def before(self, time: float) -> list[Key]:
        return [key for key, early in self._kept.items() if early.came < time]

    def _at(self, index: dict[tuple[str, str], list[Key]], place: tuple[str, str]) -> Iterator[Early]:
        return (self._kept[key] for key in index.get(place, ()))

    def _places(self, early: Early) -> Iterator[tuple[dict[tuple[str, str], list[Key]], tuple[str, str]]]:
        report = early.report
        yield self._by_id, (report.route, stripped(bounded(report.id)))
        yield self._by_party, (report.route, party(report.recipient))
