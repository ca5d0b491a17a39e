"""Templates and what they need at hand: read and compiled once, at the start. All escaping is done here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from gateway.page import phrases

_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str


class Renderer:
    """``assets`` by the names under which they are served; a name changes with what it names."""

    def __init__(self) -> None:
        self.assets: dict[str, Asset] = {}
        names: dict[str, str] = {}
        for path in sorted((_HERE / "assets").iterdir()):
            content = path.read_bytes()
            name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
            self.assets[name] = Asset(content, _TYPES[path.suffix])
            names[path.name] = f"assets/{name}"
        texts = {path.name: path.read_text(encoding="utf-8") for path in (_HERE / "templates").iterdir()}
        environment = jinja2.Environment(
            loader=jinja2.DictLoader(texts),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=phrases.seen,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(phrases.FILTERS)
        environment.globals["asset"] = names.__getitem__
        self._templates = {name: environment.get_template(name) for name in texts}

    def page(self, name: str, values: Mapping[str, object]) -> str:
        return self._templates[f"{name}.html"].render(values)
