"""What is told of files and of requests over HTTP as metrics. Every series exists from the start, as in ``metrics``."""

from collections.abc import Iterator, Mapping

from gateway.bridge import Measure
from gateway.media.service import MediaService
from gateway.ops.exposition import Histogram, counter, gauge
from gateway.ops.status import Direction, FilesView
from gateway.web.tally import CLASSES, PAGE, Listeners
from gateway.xmpp.component import Component


class Transfers:
    """Of one gateway."""

    def __init__(self, media: MediaService, listeners: Listeners) -> None:
        self._media = media
        self._listeners = listeners

    def files(self, bridge: str) -> Mapping[Direction, FilesView]:
        """Of the bridge of that name, for people."""
        carried = self._media.carried(bridge)
        return {
            way: FilesView(flow.files, flow.octets, sum(flow.refused.values()), flow.under_way)
            for way, flow in ((Direction.IN, carried.published), (Direction.OUT, carried.fetched))
        }

    def of_files(self, component: Component) -> Iterator[Measure | Histogram]:
        """Of one bridge."""
        if component.bridge.capabilities.web:
            self._listeners.web.know(component.bridge.capabilities.gateway_type)
        carried = self._media.carried(component.settings.name)
        for way, flow in ((Direction.OUT, carried.fetched), (Direction.IN, carried.published)):
            label = "direction", way.value
            yield counter("files_total", "Files carried.", flow.files, label)
            yield counter("file_bytes_total", "Bytes of files carried.", flow.octets, label)
            yield gauge(
                "files_under_way", "Files on their way, or waiting for their turn.", flow.under_way, label
            )
            yield Histogram("file_seconds", "Seconds that a file took, with its turn.", flow.took, (label,))
            for cause, count in flow.refused.items():
                help_ = "Files that were not carried, by why."
                yield counter("files_refused_total", help_, count, label, ("cause", cause.value))
        for (place, taken), count in carried.tried.items():
            labels = ("place", place.value), ("outcome", "taken" if taken else "refused")
            yield counter(
                "file_uploads_total", "Attempts to make a file public, by who was asked.", count, *labels
            )

    def of_listeners(self) -> Iterator[Measure | Histogram]:
        """After ``of_files`` of all bridges."""
        for name, tally in (("web", self._listeners.web), ("page", self._listeners.page)):
            for (part, status), count in tally.answered.items():
                if status in CLASSES:
                    labels = ("part", part), ("status", status)
                    yield counter(
                        "web_requests_total", "Requests over HTTP, by what they are for.", count, *labels
                    )
            for part, took in tally.took.items():
                yield counter(
                    "web_bytes_total", "Bytes of answers, as announced.", tally.octets[part], ("part", part)
                )
                if part != PAGE:  # which has streams that never end
                    help_ = "Seconds from the head of a request to the end of its answer."
                    yield Histogram("web_request_seconds", help_, took, (("part", part),))
            label = "listener", name
            yield gauge("web_connections", "Connections over HTTP.", tally.open, label)
            for why, count in tally.cut.items():
                help_ = "Connections over HTTP that were cut, by why."
                yield counter("web_connections_cut_total", help_, count, label, ("why", why.value))
