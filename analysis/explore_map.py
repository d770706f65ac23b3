"""The map of the panel as a widget: one for all maps that it shows, so that the library is sent once, and packed."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import anywidget
import plotly.graph_objects as go
from traitlets import Unicode

from analysis.figures._theme import DESIGN_WIDTH

__all__ = ["Map"]

_SCRIPT: Final = Path(__file__).with_suffix(".js")
#: The library that the pages of a report draw with, a third of the one that plotly's own widget sends for each figure.
_LIBRARY: Final = Path(__file__).parent / "report" / "vendor" / "plotly.min.js"


class Map(anywidget.AnyWidget):
    """Draws one figure after another, and tells which node was clicked."""

    _esm = Unicode().tag(sync=True)
    figure = Unicode(help="The figure as JSON; nothing is drawn where it is empty.").tag(sync=True)

    def __init__(self, follow: Callable[[str], None]) -> None:
        super().__init__(_esm=_script())
        self._follow = follow
        self.on_msg(self._heard)

    def show(self, figure: go.Figure | None) -> None:
        """Draw a figure in the place of the one that is shown, or none."""
        if figure is None:
            self.figure = ""
            return
        # Measured before it stands on the page, neither its width nor the place of a subtitle would come out.
        title = figure.layout.title
        words = f'{title.text}<br><span style="font-size:13px">{title.subtitle.text}</span>'
        sized = go.Figure(figure).update_layout(width=DESIGN_WIDTH, title={"text": words, "subtitle": {"text": ""}})
        self.figure = sized.to_json()

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        node = content.get("clicked") if isinstance(content, dict) else None
        if isinstance(node, str):
            self._follow(node)


@cache
def _script() -> str:
    packed = base64.b64encode(gzip.compress(_LIBRARY.read_bytes(), mtime=0)).decode("ascii")
    return f'const packedPlotly = "{packed}";\n{_SCRIPT.read_text(encoding="utf-8")}'
