"""Who calls whom, by one of three semantics; tools disagree, so the choice is explicit.

``architecture`` (default): services, stores, queues and the outside as an architect draws them. ``zipkin``: as
openzipkin's dependency linker. ``tempo``: as Grafana Tempo's service-graphs processor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram
from analysis.forest import Forest
from analysis.links import architecture, tempo, zipkin
from analysis.links.edges import EDGE_KINDS, Edges, Node
from analysis.planting import iter_forests

if TYPE_CHECKING:
    from analysis.dataset import Dataset

__all__ = ["SEMANTICS", "calls", "calls_of_forests"]

#: The semantics that links may have.
SEMANTICS: Final = {"architecture": architecture, "tempo": tempo, "zipkin": zipkin}
_PERCENTILES: Final = (("p50_ms", 0.50), ("p95_ms", 0.95), ("p99_ms", 0.99))


@dataclass
class _Edge:
    """What is known of one edge so far."""

    calls: int = 0
    errors: int = 0
    traces: int = 0
    durations: list[Histogram] = field(default_factory=list)


def calls(data: Dataset, links: str = "architecture") -> pd.DataFrame:
    """List the calls between services, stores, queues and the outside.

    Parameters
    ----------
    data
        What to look at.
    links
        Whose semantics: "architecture", "zipkin" or "tempo".

    Returns
    -------
    pandas.DataFrame
        One row for each ``caller``, ``callee`` and ``kind`` (sync, async or data), in this order: ``calls``,
        ``errors``, ``traces``, ``p50_ms``, ``p95_ms``, ``p99_ms`` (ms, within 0.8 %; missing where no call has a time),
        ``caller_kind`` and ``callee_kind`` (service, database, cache, queue, external or user). Compressed spans count
        as often as they stand for. What has the name of a service that is seen anywhere is that service; a store or
        user of the same name is called ``name (kind)``.

    Raises
    ------
    ValueError
        If there are no such semantics.
    """
    if links not in SEMANTICS:
        message = f"links are {', '.join(sorted(SEMANTICS))}, not {links!r}"
        raise ValueError(message)
    return calls_of_forests(iter_forests(data, SEMANTICS[links].COLUMNS), links, data.services)


def calls_of_forests(forests: Iterable[Forest], links: str, services: Iterable[str] = ()) -> pd.DataFrame:
    """List the calls of forests, as :func:`calls` does those of a dataset.

    Parameters
    ----------
    forests
        Planted with the ``COLUMNS`` of the semantics.
    links
        Whose semantics.
    services
        Names that are known to be services, beside those of each forest.
    """
    known = frozenset(services)
    totals: defaultdict[tuple[Node, Node, int], _Edge] = defaultdict(_Edge)
    for forest in forests:
        found = forest.edges if links == "architecture" else SEMANTICS[links].edges(forest)
        _count(forest, found, known, totals, kinds_apart=links != "zipkin")
    called = _displayed(node for caller, callee, _ in totals for node in (caller, callee))
    rows: list[dict[str, object]] = []
    for (caller, callee, kind), edge in totals.items():
        durations = Histogram.merged(edge.durations)
        rows.append(
            {
                "caller": called[caller],
                "callee": called[callee],
                "kind": EDGE_KINDS[kind],
                "calls": edge.calls,
                "errors": edge.errors,
                "traces": edge.traces,
                **{name: durations.percentile(share) / 1e6 for name, share in _PERCENTILES},
                "caller_kind": caller.kind,
                "callee_kind": callee.kind,
            }
        )
    return _table(rows)


def _count(
    forest: Forest,
    edges: Edges,
    services: frozenset[str],
    totals: defaultdict[tuple[Node, Node, int], _Edge],
    *,
    kinds_apart: bool,
) -> None:
    """Add the calls of one forest up."""
    nodes: dict[Node, int] = {}
    place = [nodes.setdefault(_unified(node, services), len(nodes)) for node in edges.nodes]
    renumbered = np.array([*place, -1], np.int64)
    caller, callee = renumbered[edges.caller], renumbered[edges.callee]
    kind = edges.kind.astype(np.int64)
    if not kinds_apart and len(kind):
        # One link a pair: it is asynchronous if all of it is.
        pair = np.unique(caller * len(nodes) + callee, return_inverse=True)[1]
        slowest = np.full(int(pair.max()) + 1, len(EDGE_KINDS), np.int64)
        np.minimum.at(slowest, pair, kind)
        kind = slowest[pair]
    key = (caller * len(nodes) + callee) * len(EDGE_KINDS) + kind
    distinct, group = np.unique(key, return_inverse=True)
    row = np.where(edges.client >= 0, edges.client, edges.server)
    many = forest.multiplicity[row]
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], np.arange(len(distinct) + 1))
    named = list(nodes)
    for number, code in enumerate(distinct.tolist()):
        members = order[first[number] : first[number + 1]]
        pair_code, kind_code = divmod(code, len(EDGE_KINDS))
        edge = totals[named[pair_code // len(nodes)], named[pair_code % len(nodes)], kind_code]
        edge.calls += int(many[members].sum())
        edge.errors += int(many[members[edges.error[members]]].sum())
        edge.traces += len(np.unique(forest.trace_of[row[members]]))
        timed = members[edges.timed[members]]
        edge.durations.append(Histogram.from_values(edges.duration[timed], many[timed]))


def _unified(node: Node, services: frozenset[str]) -> Node:
    return Node(node.id, "service") if node.kind == "external" and node.id in services else node


def _displayed(nodes: Iterable[Node]) -> dict[Node, str]:
    """Return what each node is called: its id, unless something of another kind that comes first has it."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    for node in sorted(set(nodes), key=lambda node: (node.id, node.kind != "service", node.kind)):
        names[node] = f"{node.id} ({node.kind})" if node.id in taken else node.id
        taken.add(node.id)
    return names


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    texts = ("caller", "callee", "kind")
    columns = (*texts, "calls", "errors", "traces", *(name for name, _ in _PERCENTILES), "caller_kind", "callee_kind")
    ordered = sorted(rows, key=lambda row: tuple(str(row[name]) for name in texts))
    table = pd.DataFrame(ordered, columns=list(columns))
    types = dict.fromkeys(("calls", "errors", "traces"), "int64") | dict.fromkeys(
        (name for name, _ in _PERCENTILES), "float64"
    )
    types |= dict.fromkeys((*texts, "caller_kind", "callee_kind"), "str")
    return table.astype(types)
