"""The blast radius of one service on the map: whom its failure reaches, by the structure and as it was seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.detectors.boundaries._services import is_probe
from analysis.figures._reach_drawing import Place, Way, draw_reach
from analysis.figures._reviewed import Reviewed, percent
from analysis.figures._text import HOVER_CHARACTERS, cleaned, hover, plural, shown
from analysis.figures._theme import empty_figure
from analysis.resilience import FailureReach, blast_radius, failure_reach

__all__ = ["blast_radius_map"]

_TITLE: Final = "Blast radius"
#: Services and stores on a map; of more only those that wait for the failed one are drawn, the nearest first.
NODES_AT_MOST: Final = 30
ENTRIES_AT_MOST: Final = 8
#: Sets the nodes of entry operations apart from services of the same name.
_ENTRY: Final = "\x1f"
_THIN, _WIDE = 1.2, 4.2
_READ: Final = (
    (
        "Under a name: the share of its visits or requests that would fail, with bounds; ✖ how often it was seen to "
        "fail with it; pale: not reached."
    ),
    (
        "On an edge: the share of the callee's failures that the caller survived, with its 95 % bounds; ?: it never "
        "failed, so it counts as required, and nobody knows."
    ),
)


def blast_radius_map(result: Reviewed, service: str | None = None) -> go.Figure:
    """Draw on the service map whom the failure of one service reaches.

    Parameters
    ----------
    result
        A review: what :func:`analysis.resilience.failure_reach` and :func:`analysis.resilience.blast_radius` make of
        its facts.
    service
        What fails: a service, a store, or whoever is outside. By default the service whose own failures failed most
        requests; where none did, the one whose failure would fail most.

    Returns
    -------
    plotly.graph_objects.Figure
        Callers on the left of what they call, entry operations before all. Under each that the failure reaches: the
        share of its visits or requests that would fail, with bounds, and after ✖ how often it was seen to. On an edge:
        the share of the callee's failures that the caller survived, with bounds, or a question mark where none was
        seen. The same places are drawn at the same spots, whichever service fails, as long as all of them fit.
    """
    table = blast_radius(result)
    if table.empty:
        return empty_figure("No request was seen that waits for a service: there is nothing to reach.", _TITLE)
    if service is None:
        service = _gravest(table)
    known = table[table["service"] == service]
    if known.empty:
        return empty_figure(f"There is no service or store called {cleaned(service)[:80]} that requests use.", _TITLE)
    [row] = known.to_dict("records")
    reach = failure_reach(result, service)
    kinds = {str(name): str(kind) for name, kind in zip(table["service"], table["kind"], strict=True)}
    drawn, notes = _drawn(reach, kinds)
    places = _places(row, reach, kinds, drawn)
    ways = _ways(reach, drawn)
    entries = blast_radius(result, grain="entry")
    notes += _add_entries(places, ways, entries, service)
    return draw_reach(
        places,
        ways,
        title=f"{_TITLE}: {shown(service)} fails",
        subtitle=_subtitle(row, reach),
        notes=[
            *_READ,
            *notes,
        ],
    )


def _gravest(table: pd.DataFrame) -> str:
    """Return the service that others wait for whose failures failed most requests, or would."""
    others = table[(table["kind"] == "service") & (table["callers"] > 0)]
    chosen = others if len(others) else table
    order = chosen.sort_values(["observed", "expected", "service"], ascending=[False, False, True], kind="stable")
    return str(order["service"].iloc[0])


def _subtitle(row: Mapping[Any, Any], reach: FailureReach) -> str:
    requests = int(row["requests"])
    bounds = f"{percent(row['low'], requests)} to {percent(row['high'], requests)}"
    said = f"{percent(row['expected'], requests)} of {plural(requests, 'request')} would fail ({bounds}); "
    said += f"{int(row['observed']):,} did fail by failures that began there; "
    return said + f"{plural(len(reach.callers), 'service waits', 'services wait')} for it"


def _drawn(reach: FailureReach, kinds: Mapping[str, str]) -> tuple[set[str], list[str]]:
    """Return the services and stores that fit, and what is said of the others."""
    names = {reach.service, *kinds, *reach.edges["caller"], *reach.edges["callee"]}
    if len(names) <= NODES_AT_MOST:
        return names, []
    near = [reach.service, *map(str, reach.callers["service"])]
    notes = [f"{plural(len(names) - len(near), 'service or store', 'services and stores')} not reached hidden."]
    if len(near) > NODES_AT_MOST:
        far = len(near) - NODES_AT_MOST
        notes.append(f"{plural(far, 'service')} that the failure reaches hidden: the farthest from it.")
    return set(near[:NODES_AT_MOST]), notes


def _places(row: Mapping[Any, Any], reach: FailureReach, kinds: Mapping[str, str], drawn: set[str]) -> dict[str, Place]:
    reached = {str(caller["service"]): caller for caller in reach.callers.to_dict("records")}
    places = {}
    for name in sorted(drawn):
        kind, title = kinds.get(name, "service"), f"<b>{shown(name, HOVER_CHARACTERS)}</b>"
        if name == reach.service:
            began = int(row["failures"])
            lines = ("fails", f"✖ {plural(began, 'failure')} seen") if began else ("fails",)
            said = f"{began:,} failures began there" if began else "no failure was seen to begin there"
            places[name] = Place(name, kind, 1.0, lines, hover([f"{title} fails", said]), failed=True)
        elif name in reached:
            places[name] = _caller(name, kind, reached[name])
        else:
            places[name] = Place(name, kind, None, (), hover([title, "does not wait for it"]))
    return places


def _caller(name: str, kind: str, caller: Mapping[Any, Any]) -> Place:
    visits = max(1, int(caller["visits"]))
    shares = [min(1.0, float(caller[bound]) / visits) for bound in ("expected", "low", "high")]
    lines = [_would_fail(*shares)]
    if caller["below"]:
        lines.append(f"✖ {int(caller['failed']):,} of {int(caller['below']):,} seen")
    said = [
        f"<b>{shown(name, HOVER_CHARACTERS)}</b>, {plural(int(caller['hops']), 'call')} away",
        f"{float(caller['used']):,.0f} of {plural(int(caller['visits']), 'visit')} come to it",
        f"{float(caller['expected']):,.0f} would fail, {float(caller['low']):,.0f} to {float(caller['high']):,.0f}",
        f"failures began below {int(caller['below']):,} visits, of which {int(caller['failed']):,} failed too",
    ]
    return Place(name, kind, shares[0], tuple(lines), hover(said))


def _would_fail(expected: float, low: float, high: float) -> str:
    text = f"{percent(expected, 1)} fail"
    return text if high - low < 0.005 else f"{text} ({100 * low:.0f}\u2013{100 * high:.0f})"


def _ways(reach: FailureReach, drawn: set[str]) -> dict[tuple[str, str], Way]:
    most = max(1, int(reach.edges["visits"].max())) if len(reach.edges) else 1
    found = {}
    for edge in reach.edges.to_dict("records"):
        pair = (str(edge["caller"]), str(edge["callee"]))
        if not set(pair) <= drawn:
            continue
        known = int(edge["failures"]) > 0
        travels = bool(edge["travels"])
        share = percent(edge["survived"], edge["failures"]) if known else "?"
        long = f"{share} ({100 * edge['low']:.0f}\u2013{100 * edge['high']:.0f})"
        failures = plural(int(edge["failures"]), "failure")
        said = f"survived {int(edge['survived']):,} of {failures}: {long}" if known else "never failed: nobody knows"
        found[pair] = Way(
            travels,
            _THIN + (_WIDE - _THIN) * (int(edge["visits"]) / most) ** 0.5 if travels else _THIN,
            "solid" if known or not travels else "dash",
            ((long, share) if known else ("?",)) if travels else (),
            hover(
                [
                    f"<b>{shown(pair[0], HOVER_CHARACTERS)} → {shown(pair[1], HOVER_CHARACTERS)}</b>",
                    f"called in {plural(int(edge['visits']), 'visit')}",
                    said,
                ]
            ),
        )
    return found


def _add_entries(
    places: dict[str, Place], ways: dict[tuple[str, str], Way], entries: pd.DataFrame, service: str
) -> list[str]:
    """Put entry operations before their services, those that the failure reaches first; say how many are hidden."""
    whole = entries.drop_duplicates(["entry_service", "entry_operation"]).to_dict("records")
    reached = {
        (str(row["entry_service"]), str(row["entry_operation"])): row
        for row in entries[entries["service"] == service].to_dict("records")
    }
    keys = {(str(row["entry_service"]), str(row["entry_operation"])): int(row["requests"]) for row in whole}
    shown_keys = [key for key in keys if not is_probe(key[1])]
    shown_keys.sort(key=lambda key: (-float(reached[key]["expected"]) if key in reached else 0.0, -keys[key], key))
    chosen = [key for key in shown_keys if key[0] in places][:ENTRIES_AT_MOST]
    for key in chosen:
        node = f"{_ENTRY}{key[0]}{_ENTRY}{key[1]}"
        row = reached.get(key)
        places[node] = _entry(key, keys[key], row)
        travels = row is not None and float(row["used"]) > 0
        ways[node, key[0]] = Way(travels, 1.6 if travels else _THIN, "solid", (), "")
    hidden = [key for key in shown_keys if key not in chosen]
    touched = sum(key in reached for key in hidden)
    more = f", {touched:,} of them reached" if touched else ""
    return [f"{plural(len(hidden), 'entry operation')} hidden{more}."] if hidden else []


def _entry(key: tuple[str, str], requests: int, row: Mapping[Any, Any] | None) -> Place:
    title = f"<b>{shown(' '.join(key), HOVER_CHARACTERS)}</b>"
    if row is None:
        said = hover([title, plural(requests, "request"), "does not wait for it"])
        return Place(key[1], "user", None, (), said)
    count = max(1, requests)
    shares = [min(1.0, float(row[bound]) / count) for bound in ("expected", "low", "high")]
    lines = [_would_fail(*shares)]
    if row["observed"]:
        lines.append(f"✖ {int(row['observed']):,} of {requests:,} seen")
    said = hover(
        [
            title,
            f"{float(row['used']):,.0f} of {plural(requests, 'request')} wait for it",
            f"{float(row['expected']):,.0f} would fail, {float(row['low']):,.0f} to {float(row['high']):,.0f}",
            f"{int(row['observed']):,} did fail by failures that began there",
        ]
    )
    return Place(key[1], "user", shares[0], tuple(lines), said)
