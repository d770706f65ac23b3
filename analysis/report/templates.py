"""How pages are rendered: one environment, everything escaped, names on one harmless line, links from any folder."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis._wording import counted, duration, percent, plain

__all__ = ["TEMPLATES", "VENDOR", "embedded", "figure_title", "render", "service_file"]

TEMPLATES: Final = Path(__file__).parent / "template"
VENDOR: Final = Path(__file__).parent / "vendor"
_TITLE: Final = 300
_SLUG: Final = 40


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
        embedded=lambda value: Markup(embedded(value)),  # noqa: S704 - escaped for where it stands
        figure_title=figure_title,
        thousands=lambda number: f"{number:,}",
    )
    environment.globals["service_file"] = service_file
    return environment


def embedded(value: Any) -> str:
    """Return a value as JSON that can stand in an HTML script element: it cannot end the element or open another."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


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
