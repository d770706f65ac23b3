"""How pages are rendered: one environment, everything escaped, names on one harmless line, links from any folder."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
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
    "drawing_script",
    "embedded_figure",
    "figure_height",
    "figure_title",
    "render",
    "service_file",
    "unpacked",
]

TEMPLATES: Final = Path(__file__).parent / "template"
VENDOR: Final = Path(__file__).parent / "vendor"
_TITLE: Final = 300
_SLUG: Final = 40
#: Height of a figure that names none.
_HEIGHT_PX: Final = 450


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
        embedded_figure=lambda figure: Markup(embedded_figure(figure)),  # noqa: S704 - letters and digits
        figure_height=figure_height,
        figure_title=figure_title,
        thousands=lambda number: f"{number:,}",
    )
    environment.globals["service_file"] = service_file
    return environment


def embedded_figure(figure: Mapping[str, Any]) -> str:
    """Return a figure as it stands in a page: packed, a quarter of its size; report.js unpacks it to draw it.

    What is packed holds letters, digits and ``+/=`` only, so that nothing in it can end the element that it stands in.
    """
    return _packed(json.dumps(figure, separators=(",", ":"), default=_plain))


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


@cache
def drawing_script() -> str:
    """Return the script that figures are drawn with: the library, packed as figures are, and what unpacks both.

    The library is 1.5 MB, packed 0.66 MB; its notice of copyright stays readable.
    """
    library = (VENDOR / "plotly.min.js").read_text(encoding="utf-8")
    notice = library[: library.index("*/") + 2]
    unpacking = (TEMPLATES / "figures.js").read_text(encoding="utf-8")
    return f'{notice}\nconst packedPlotly = "{_packed(library)}";\n\n{unpacking}'


def _plain(value: Any) -> Any:
    """Return an array or a number of numpy as JSON has it."""
    return value.tolist()


def unpacked(packed: str) -> dict[str, Any]:
    """Return the figure that stands in a page."""
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return found


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
