"""Who reads and who writes which table, and to whom it seems to belong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._reviewed import Reviewed, fact, trace_ids
from analysis.figures._text import HOVER_CHARACTERS, cleaned, counted, fitted, hover, plural, shown, text_width
from analysis.figures._theme import DESIGN_WIDTH, FAINT, INK, PLATE_INK, annotate, empty_figure, figure_of

__all__ = ["table_ownership"]

_TITLE: Final = "Table ownership"
#: Tables that are drawn; those of one service only are hidden first.
TABLES_AT_MOST: Final = 40
SERVICES_AT_MOST: Final = 30
#: Share of a table's writes that makes a service its owner.
OWNER_SHARE: Final = 0.8
_ROW_PX: Final = 32
_LABEL_PX: Final = 210
_VERDICT_PX: Final = 170
#: Services up to which a cell is wide enough for counts.
FEW_SERVICES: Final = 11
UNKNOWN_TABLE: Final = "(unknown)"
_READ, _WRITE, _BOTH, _UNKNOWN = 0, 1, 2, 3
_FILLS: Final = ("#d9eaf5", "#f7c97c", "#e9a06a", "#e3e5e8")


def table_ownership(result: Reviewed) -> go.Figure:
    """Draw tables as rows and services as columns, with reads and writes in the cells.

    Parameters
    ----------
    result
        A review: its ``data_access`` fact.

    Returns
    -------
    plotly.graph_objects.Figure
        R reads, W writes, RW both, ? unknown, with the calls below; ★ marks the service that makes at least 80 % of
        the writes. The words on the right say whose table it seems to be.
    """
    access = fact(result, "data_access")
    if access is None:
        return empty_figure("No access to a database, cache or other store was seen in the traces.", _TITLE)
    tables = _tables(access)
    services = _services(tables)
    notes: list[str] = []
    if services[SERVICES_AT_MOST:]:
        hidden = len(services) - SERVICES_AT_MOST
        notes.append(f"{hidden} of {plural(len(services), 'service')} hidden: those that use the fewest tables.")
        services = services[:SERVICES_AT_MOST]
    kept = sorted(tables, key=lambda table: (-len(table.users), -table.calls, table.key))[:TABLES_AT_MOST]
    if len(kept) < len(tables):
        notes.append(
            f"{len(tables) - len(kept):,} of {plural(len(tables), 'table')} hidden: those used by the fewest services."
        )
    kept.sort(
        key=lambda table: (table.store, table.name == UNKNOWN_TABLE, -len(table.writers), -len(table.users), table.name)
    )
    return _draw(kept, sorted(services), notes, _subtitle(tables))


@dataclass
class _Table:
    store: str
    name: str
    #: Calls by service and mode.
    users: dict[str, dict[str, int]] = field(default_factory=dict)
    traces: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    operations: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    confidence: float = 1.0

    @property
    def key(self) -> tuple[str, str]:
        return self.store, self.name

    @property
    def calls(self) -> int:
        return sum(sum(modes.values()) for modes in self.users.values())

    @property
    def writers(self) -> list[str]:
        return sorted(service for service, modes in self.users.items() if modes.get("write"))

    @property
    def owner(self) -> str | None:
        if self.name == UNKNOWN_TABLE:
            return None
        writes = sum(modes.get("write", 0) for modes in self.users.values())
        if writes:
            return next((name for name in self.writers if self.users[name]["write"] >= OWNER_SHARE * writes), None)
        return next(iter(self.users)) if len(self.users) == 1 else None

    @property
    def verdict(self) -> str:
        others = len(self.users) - 1
        if self.name == UNKNOWN_TABLE:
            return "not known which tables"
        if not others:
            return "one service"
        if len(self.writers) > 1:
            return f"⚠ {len(self.writers)} writers"
        if self.writers:
            return f"read by {plural(len([name for name in self.users if name != self.owner]), 'other')}"
        return f"{others + 1} readers, no writer seen"


def _tables(access: pd.DataFrame) -> list[_Table]:
    found: dict[tuple[str, str], _Table] = {}
    rows: Sequence[Mapping[Any, Any]] = access.to_dict("records")
    for row in rows:
        name = row["table"] if isinstance(row["table"], str) and row["table"] else UNKNOWN_TABLE
        store = row["store"] if isinstance(row["store"], str) and row["store"] else "(unnamed store)"
        table = found.setdefault((store, name), _Table(store, name))
        service = row["service"] if isinstance(row["service"], str) else ""
        modes = table.users.setdefault(service, {})
        mode = str(row["mode"])
        modes[mode] = modes.get(mode, 0) + int(row["calls"])
        table.traces[service] += [item for item in trace_ids(row.get("exemplars")) if item not in table.traces[service]]
        table.operations[service].add(str(row.get("operation", "")))
        table.confidence = min(table.confidence, float(row.get("confidence", 1.0)))
    return [found[key] for key in sorted(found)]


def _services(tables: Sequence[_Table]) -> list[str]:
    used: dict[str, int] = defaultdict(int)
    for table in tables:
        for service in table.users:
            used[service] += 1
    return sorted(used, key=lambda service: (-used[service], service))


def _subtitle(tables: Sequence[_Table]) -> str:
    shared = sum(len(table.users) > 1 for table in tables)
    contested = sum(len(table.writers) > 1 for table in tables)
    stores = len({table.store for table in tables})
    return (
        f"{plural(len(tables), 'table')} in {plural(stores, 'store')}; {shared} used by several services, "
        f"{contested} written by several"
    )


def _draw(tables: Sequence[_Table], services: Sequence[str], notes: list[str], subtitle: str) -> go.Figure:
    lines = _lines(tables)
    few = len(services) <= FEW_SERVICES
    column_px = (DESIGN_WIDTH - _LABEL_PX - _VERDICT_PX) / len(services)
    widest = max(text_width(cleaned(service), 12) for service in services)
    level = widest <= column_px - 8
    names = [fitted(service, column_px if level else 150, 12) for service in services]
    top = 30 if level else 24 + 0.75 * min(widest, 150)
    z: list[list[int | None]] = [[None] * len(services) for _ in lines]
    text = [[""] * len(services) for _ in lines]
    hovers = [[""] * len(services) for _ in lines]
    for row, line in enumerate(lines):
        for column, service in enumerate(services):
            if isinstance(line, _Table) and service in line.users:
                z[row][column], text[row][column] = _cell(line, service, few=few)
                hovers[row][column] = _hover(line, service)
    heat = go.Heatmap(
        z=z,
        text=text,
        hovertext=hovers,
        hoverinfo="text",
        hoverongaps=False,
        texttemplate="%{text}",
        textfont={"size": 11 if len(services) <= 8 else 10, "color": PLATE_INK},
        colorscale=[step for mode, fill in enumerate(_FILLS) for step in ([mode / 4, fill], [(mode + 1) / 4, fill])],
        zmin=-0.5,
        zmax=3.5,
        showscale=False,
        xgap=2,
        ygap=2,
        name="access",
    )
    figure = figure_of(
        [heat],
        title=_TITLE,
        subtitle=subtitle,
        plot_height_px=len(lines) * _ROW_PX,
        notes=[
            *notes,
            f"R reads, W writes, RW both, ? not known{'; below it the calls (reads / writes)' if few else ''}.",
            "★ makes at least 80 % of the writes of the table, or is its only user.",
        ],
        margin={"l": _LABEL_PX, "t": top, "r": _VERDICT_PX},
        showlegend=False,
        xaxis={
            "side": "top",
            "tickmode": "array",
            "tickvals": list(range(len(services))),
            "ticktext": names,
            "tickangle": 0 if level else -45,
            "showgrid": False,
            "automargin": False,
            "range": [-0.5, len(services) - 0.5],
        },
        yaxis={
            "tickmode": "array",
            "tickvals": [row for row, line in enumerate(lines) if isinstance(line, _Table)],
            "ticktext": [fitted(line.name, _LABEL_PX - 24, 12) for line in lines if isinstance(line, _Table)],
            "showgrid": False,
            "automargin": False,
            "range": [len(lines) - 0.5, -0.5],
        },
    )
    annotate(
        figure,
        (
            _beside(row, line.verdict) if isinstance(line, _Table) else _store_title(row, line)
            for row, line in enumerate(lines)
        ),
    )
    figure.layout.shapes = [_rule(row) for row, line in enumerate(lines) if isinstance(line, _Table)]
    return figure


def _lines(tables: Sequence[_Table]) -> list[_Table | str]:
    """Put the name of each store above its tables."""
    lines: list[_Table | str] = []
    store = None
    for table in tables:
        if table.store != store:
            store = table.store
            lines.append(store)
        lines.append(table)
    return lines


def _cell(table: _Table, service: str, *, few: bool) -> tuple[int, str]:
    modes = table.users[service]
    reads, writes = modes.get("read", 0), modes.get("write", 0)
    which = _BOTH if reads and writes else _WRITE if writes else _READ if reads else _UNKNOWN
    letters = ("R", "W", "RW", "?")[which]
    star = "★" if table.owner == service else ""
    if not few:
        return which, f"{letters}<br>{star}" if star else letters
    numbers = f"{counted(reads)} / {counted(writes)}" if which == _BOTH else counted(sum(modes.values()))
    return which, f"<b>{letters}</b> {star}<br>{numbers}"


def _hover(table: _Table, service: str) -> str:
    modes = table.users[service]
    operations = sorted(table.operations[service] - {"", "nan", "None"})
    return hover(
        [
            f"<b>{shown(service, HOVER_CHARACTERS)} → {shown(table.name, HOVER_CHARACTERS)}</b>",
            shown(table.store, HOVER_CHARACTERS),
            ", ".join(f"{plural(calls, shown(mode, 12))}" for mode, calls in sorted(modes.items()) if calls),
            "takes the table for its own" if table.owner == service else "",
            f"in {', '.join(shown(operation, 50) for operation in operations[:3])}" if operations else "",
            f"confidence in table and mode {table.confidence:.0%}",
            *(f"trace {shown(trace_id, 32)}" for trace_id in table.traces[service][:3]),
        ]
    )


def _beside(row: int, verdict: str) -> dict[str, Any]:
    return {
        "x": 1,
        "xref": "paper",
        "y": row,
        "xshift": 10,
        "xanchor": "left",
        "text": verdict,
        "showarrow": False,
        "font": {"size": 12, "color": INK},
        "name": "verdict",
    }


def _store_title(row: int, store: str) -> dict[str, Any]:
    return {
        "x": 0,
        "xref": "paper",
        "y": row,
        "xshift": 12 - _LABEL_PX,
        "yshift": -4,
        "xanchor": "left",
        "text": f"<b>{shown(store, 90)}</b>",
        "showarrow": False,
        "font": {"size": 12, "color": INK},
        "name": "store",
    }


def _rule(row: int) -> dict[str, Any]:
    line = {"color": FAINT, "width": 1}
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": row + 0.5,
        "y1": row + 0.5,
        "line": line,
        "layer": "below",
    }
