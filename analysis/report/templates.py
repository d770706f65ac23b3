"""How pages are rendered: one environment, everything escaped, names on one harmless line, links from any folder."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis._wording import counted, duration, percent, plain

__all__ = [
    "TEMPLATES",
    "VENDOR",
    "embedded",
    "embedded_figure",
    "figure_height",
    "figure_title",
    "render",
    "service_file",
]

TEMPLATES: Final = Path(__file__).parent / "template"
VENDOR: Final = Path(__file__).parent / "vendor"
_TITLE: Final = 300
_SLUG: Final = 40
#: Texts from this length on are written once.
_LONG: Final = 40
#: Height of a figure that names none.
_HEIGHT_PX: Final = 450
#: Begins a reference to a text: no name of telemetry keeps it, it is a control character.
_MARK: Final = "\x01"


def render(template: str, **context: Any) -> str:
    """Render a template of this package."""
    return _environment().get_template(template).render(**context)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        counted=counted,
        percent=percent,
        duration=duration,
        plain=plain,
        name=lambda text: plain(str(text), _TITLE),
        embedded_figure=lambda figure: Markup(embedded_figure(figure)),  # noqa: S704 - escaped for where it stands
        figure_height=figure_height,
        figure_title=figure_title,
        thousands=lambda number: f"{number:,}",
    )
    environment.globals["service_file"] = service_file
    return environment


def embedded(value: Any) -> str:
    """Return a value as JSON that can stand in an HTML script element: it cannot end the element or open another."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def embedded_figure(figure: Mapping[str, Any]) -> str:
    """Return a figure as JSON for a page; report.js puts it together again.

    Texts that stand in it more than once, such as what a bar and its row say when they are pointed at, are written
    once: they are most of a figure.
    """
    seen: Counter[str] = Counter()
    _count(figure, seen)
    places = {text: place for place, text in enumerate(text for text, times in seen.items() if times > 1)}
    return embedded({"texts": list(places), "figure": _referring(figure, places)})


def _count(value: Any, seen: Counter[str]) -> None:
    if isinstance(value, str):
        if len(value) >= _LONG:
            seen[value] += 1
    elif isinstance(value, Mapping):
        for item in value.values():
            _count(item, seen)
    elif isinstance(value, list | tuple):
        for item in value:
            _count(item, seen)


def _referring(value: Any, places: Mapping[str, int]) -> Any:
    if isinstance(value, str):
        return f"{_MARK}{places[value]}" if value in places else value.removeprefix(_MARK)
    if isinstance(value, Mapping):
        return {name: _referring(item, places) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_referring(item, places) for item in value]
    return value


def figure_height(figure: Mapping[str, Any]) -> int:
    """Return the height of a figure in pixels: the room that is kept for it until it is drawn."""
    return round(figure.get("layout", {}).get("height") or _HEIGHT_PX)


def figure_title(figure: dict[str, Any]) -> str:
    """Return the title of a figure as plain text: what a screen reader says of it."""
    title = figure.get("layout", {}).get("title", {})
    text = title.get("text", "") if isinstance(title, dict) else str(title)
    return re.sub(r"<[^>]*>", " ", text).strip() or "Figure"


def service_file(service: str) -> str:
    """Return where the page of a service is: a name that every file system takes, different for each service."""
    slug = re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-")[:_SLUG]
    if slug != service:
        slug = f"{slug or 'service'}-{hashlib.blake2b(service.encode(), digest_size=4).hexdigest()}"
    return f"services/{slug}.html"
