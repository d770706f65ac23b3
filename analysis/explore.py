"""A small panel for JupyterLab: pick a service, a chapter and a window, and see the findings and the surroundings."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from typing import Any, Final

import ipywidgets as widgets
import numpy as np
import pandas as pd
import pyarrow as pa

from analysis._wording import counted, plain
from analysis.dataset import Dataset
from analysis.explore_map import Map
from analysis.figures import exemplar, service_map
from analysis.finding_html import SEVERITY_BARS
from analysis.findings import FAMILIES, Finding
from analysis.review import Review, review

__all__ = ["Panel", "explore", "within"]

_PLOTLY: Final = "application/vnd.plotly.v1+json"
_ALL: Final = "all"
#: Steps of the slider of the window.
_STEPS: Final = 60
#: Nodes that can be clicked.
_NODES: Final = 40
#: The sign of a service that calls another.
_CALLER: Final = "called by "
#: Findings that can be picked.
_MOST: Final = 50


def explore(data: Dataset | Review, *, config: Any = None) -> Panel:
    """Open a panel to look around in.

    Parameters
    ----------
    data
        A dataset, which is reviewed whenever another window is picked, or a review, whose window stays.
    config
        Path or content of a configuration, for reviewing.

    Returns
    -------
    Panel
        Displays itself in JupyterLab: a service, a chapter and a window to pick; then the map around the service, the
        findings there, and the exemplar trace of the one that is picked. A click on a node of the map leads to its
        findings, and from there to those that call it and that it calls. For keyboards and screen readers the nodes
        stand above the map as buttons too.
    """
    return Panel(data, config)


class Panel(widgets.VBox):  # type: ignore[misc] # ipywidgets says no types
    """What :func:`explore` opens; ``findings`` is what it shows now."""

    def __init__(self, data: Dataset | Review, config: Any = None) -> None:
        self._config = config
        self._result = data if isinstance(data, Review) else review(data, config=config)
        wide = {"layout": widgets.Layout(width="20rem")}
        self.service = widgets.Dropdown(options=self._services(), description="Service", **wide)
        self.family = widgets.Dropdown(options=self._families(), description="Chapter", **wide)
        self.window = _window(data)
        self.picked = widgets.Select(options=(), rows=8, description="Findings", layout=widgets.Layout(width="60rem"))
        self.said, self.map, self.drawn = widgets.HTML(), Map(self._follow), widgets.Output()
        self.nodes = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        chosen = [self.service, self.family, *([self.window] if self.window else [])]
        super().__init__(
            [
                widgets.HBox(chosen, layout=widgets.Layout(flex_flow="row wrap")),
                self.nodes,
                self.picked,
                self.said,
                self.map,
                self.drawn,
            ]
        )
        self.service.observe(lambda _: self._list(), "value")
        self.family.observe(lambda _: self._list(), "value")
        self.picked.observe(lambda _: self._show(), "value")
        if self.window and isinstance(data, Dataset):
            self.window.observe(lambda _: self._review_again(data), "value")
        self._list()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the service and chapter that are picked, worst first."""
        return tuple(
            finding
            for finding in self._result.finding_objects
            if self.service.value in (_ALL, *finding.services) and self.family.value in (_ALL, finding.family)
        )

    def _services(self) -> list[tuple[str, str]]:
        return [("all services", _ALL), *((plain(name, 80), name) for name in self._result.services)]

    def _families(self) -> list[tuple[str, str]]:
        return [("all chapters", _ALL), *((family.replace("_", " "), family) for family in FAMILIES)]

    def _review_again(self, data: Dataset) -> None:
        start, end = (pd.Timestamp(value).value for value in self.window.value)
        self.said.value = "<p>Reviewing …</p>"
        self._result = review(within(data, start, end), config=self._config)
        self._list()

    def _list(self) -> None:
        """Offer the findings that fit, and show the first."""
        options = [("the map", "")]
        for finding in self.findings[:_MOST]:
            label = f"{SEVERITY_BARS[finding.severity]} {finding.severity}: {plain(finding.title, 140)}"
            options.append((label, finding.id))
        changed = self.picked.options != tuple(options)
        self.picked.options = options
        if self.picked.value != "" or not changed:
            self.picked.value = ""
        self._offer_nodes()
        self._show()

    def _offer_nodes(self) -> None:
        """Offer the nodes around the one that is picked; around none, the services with findings, the gravest first."""
        here = self.service.value
        if here == _ALL:
            found = dict.fromkeys(service for finding in self.findings for service in finding.services)
            offered = [(name, "") for name in found if name in self._result.services]
        else:
            offered = [(_ALL, "← "), *_neighbours(self._result, here)]
        self.nodes.children = [self._node(name, sign) for name, sign in offered[:_NODES]]

    def _node(self, name: str, sign: str) -> Any:
        count = sum(name in finding.services for finding in self._result.finding_objects)
        words = "all services" if name == _ALL else f"{plain(name, 40)} ({count})"
        button = widgets.Button(
            description=f"{sign}{words}",
            tooltip=f"{counted(count, 'finding')} of {plain(name, 80)}" if name != _ALL else "back to the whole map",
            layout=widgets.Layout(width="auto"),
        )
        button.on_click(lambda _: setattr(self.service, "value", name))
        return button

    def _show(self) -> None:
        chosen = next((finding for finding in self.findings if finding.id == self.picked.value), None)
        if chosen is not None:
            self.said.value = chosen._repr_html_()
            self.map.show(None)
            self._draw(exemplar(self._result.traces, chosen))
            return
        place = "anywhere" if self.service.value == _ALL else f"at {self.service.value}"
        self.said.value = f"<p>{counted(len(self.findings), 'finding')} {escape(plain(place, 200))}.</p>"
        focus = None if self.service.value == _ALL else self.service.value
        self.drawn.outputs = ()
        self.map.show(service_map(self._result, focus=focus, depth=1 if focus else None))

    def _follow(self, node: str) -> None:
        """Show the findings of a node that was clicked; of one that is no service, say where they stand."""
        if node in self._result.services:
            self.service.value = node
            return
        callers = [plain(name, 80) for name, sign in _neighbours(self._result, node) if sign == _CALLER]
        where = f"look at the services that call it: {', '.join(callers)}" if callers else "pick one above"
        said = f"{plain(node, 80)} is not one service, and findings are those of services: {where}."
        self.said.value = f"<p>{escape(said)}</p>"

    def _draw(self, figure: Any) -> None:
        # As data, which JupyterLab draws, whatever renderer is set.
        data = {_PLOTLY: json.loads(figure.to_json()), "text/plain": "Figure"}
        self.drawn.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)


def _neighbours(result: Review, service: str) -> list[tuple[str, str]]:
    """Return the services that call a service, and those that it calls, each with a sign that says which."""
    calls, known = result.facts["calls"], set(result.services) - {service}
    callers = sorted(set(calls.loc[calls["callee"] == service, "caller"]) & known)
    callees = sorted(set(calls.loc[calls["caller"] == service, "callee"]) & known)
    return [*((name, _CALLER) for name in callers), *((name, "calls ") for name in callees)]


def _window(data: Dataset | Review) -> Any:
    """Return a slider over the window of a dataset; None where there is nothing to pick."""
    if isinstance(data, Review) or data.window is None or data.window[1] <= data.window[0]:
        return None
    times = pd.to_datetime(np.linspace(*data.window, _STEPS).astype("int64"), utc=True)
    options = [(time.strftime("%Y-%m-%d %H:%M:%S"), time.isoformat()) for time in times]
    return widgets.SelectionRangeSlider(
        options=options,
        index=(0, _STEPS - 1),
        description="Window",
        continuous_update=False,
        layout=widgets.Layout(width="40rem"),
    )


def within(data: Dataset, start_ns: int, end_ns: int) -> Dataset:
    """Return the traces of a dataset that begin in a window, in memory.

    Parameters
    ----------
    data
        The dataset.
    start_ns, end_ns
        ns since the epoch; the end included.
    """
    partitions, traces, spans = [], 0, 0
    for partition in data.partitions:
        table, count = _beginning(partition.read(), start_ns, end_ns)
        partitions.append(replace(partition, table=table, rows=table.num_rows, location=None))
        traces, spans = traces + count, spans + table.num_rows
    totals = replace(data.totals, traces=traces, spans=spans)
    return replace(data, partitions=tuple(partitions), totals=totals, window=(start_ns, end_ns))


def _beginning(table: pa.Table, start_ns: int, end_ns: int) -> tuple[pa.Table, int]:
    """Return the rows of the traces of a partition that begin in a window, and how many traces these are."""
    if not table.num_rows:
        return table, 0
    high, low = (table[name].to_numpy() for name in ("trace_id_high", "trace_id_low"))
    begins = np.flatnonzero(np.concatenate([[True], (high[1:] != high[:-1]) | (low[1:] != low[:-1])]))
    starts = table["start_ns"].fill_null(np.iinfo(np.int64).max).to_numpy()
    first = np.minimum.reduceat(starts, begins)
    kept = (first >= start_ns) & (first <= end_ns)
    rows = np.repeat(kept, np.diff(np.append(begins, table.num_rows)))
    return table.filter(pa.array(rows)).combine_chunks(), int(kept.sum())
