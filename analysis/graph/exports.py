"""Write the service graph for other tools. Every format has its own way of hiding names that look like its syntax."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import networkx as nx

from analysis._wording import plain
from analysis.graph.service import ServiceGraph, measures

__all__ = ["EXPORTS", "to_csv", "to_dot", "to_graphml", "to_json", "to_mermaid"]

_MEASURES: Final = ("callers", "callees", "instability", "criticality", "layer", "cycle", "community")
_EDGE_NUMBERS: Final = ("calls", "errors", "traces", "p50_ms", "p95_ms", "p99_ms")
#: Characters that XML 1.0 cannot hold, not even escaped; other formats do not need them either.
_UNPRINTABLE: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Longest name written to a drawing; JSON and GraphML hold names whole.
_LABEL_CHARACTERS: Final = 120


def to_json(graph: ServiceGraph) -> str:
    """Return the graph as JSON: ``{"nodes": […], "edges": […]}``, nodes and edges sorted.

    A node has ``id``, ``kind``, ``team``, ``spans``, ``errors`` and what :func:`analysis.graph.measures` says of it;
    an edge is one for each caller, callee and kind, with its counts, percentiles in milliseconds (null where unknown)
    and exemplars.
    """
    document = {"nodes": _nodes(graph), "edges": _edges(graph)}
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _nodes(graph: ServiceGraph) -> list[dict[str, Any]]:
    measured = measures(graph).set_index("node")
    nodes = []
    for node in sorted(graph):
        attributes = graph.nodes[node]
        row: dict[str, Any] = {"id": node}
        row |= {name: attributes[name] for name in ("kind", "team", "spans", "errors")}
        row |= {name: _measure(name, measured.at[node, name]) for name in _MEASURES}
        nodes.append(row)
    return nodes


def _measure(name: str, value: Any) -> int | float | None:
    number = float(value)
    if math.isnan(number):
        return None
    # A column of GraphML has one type.
    return round(number, 6) if name == "instability" else int(number)


def _edges(graph: ServiceGraph) -> list[dict[str, Any]]:
    edges = []
    for caller, callee, kind, edge in _sorted_edges(graph):
        row: dict[str, Any] = {"caller": caller, "callee": callee, "kind": kind}
        row |= {name: edge[name] for name in _EDGE_NUMBERS}
        row["exemplars"] = [_exemplar(exemplar) for exemplar in edge["exemplars"]]
        edges.append(row)
    return edges


def _sorted_edges(graph: ServiceGraph) -> list[tuple[str, str, str, dict[str, Any]]]:
    return sorted(graph.edges(keys=True, data=True), key=lambda item: item[:3])


def _exemplar(exemplar: Any) -> dict[str, Any]:
    if isinstance(exemplar, Mapping):
        return {"trace_id": exemplar["trace_id"], "span_ids": list(exemplar.get("span_ids", ()))}
    return {"trace_id": exemplar.trace_id, "span_ids": list(exemplar.span_ids)}


def _traces(exemplars: list[dict[str, Any]]) -> str:
    """Return the traces of exemplars, each once: two of them may be spans of one trace."""
    return " ".join(dict.fromkeys(exemplar["trace_id"] for exemplar in exemplars))


def to_csv(graph: ServiceGraph) -> str:
    """Return the edges as CSV, one for each caller, callee and kind; unknown percentiles are empty.

    A name that a spreadsheet would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["caller", "callee", "kind", *_EDGE_NUMBERS, "trace_ids"])
    for caller, callee, kind, edge in _sorted_edges(graph):
        numbers = ["" if edge[name] is None else edge[name] for name in _EDGE_NUMBERS]
        traces = _traces([_exemplar(exemplar) for exemplar in edge["exemplars"]])
        writer.writerow([_cell(caller), _cell(callee), _cell(kind), *numbers, _cell(traces)])
    return text.getvalue()


def _cell(text: str) -> str:
    shown = plain(text)
    formula = text.startswith(("\t", "\r")) or shown.startswith(("=", "+", "-", "@"))
    return f"'{shown}" if formula else shown


def to_graphml(graph: ServiceGraph) -> str:
    """Return the graph as GraphML: nodes ``n0`` …, each with its name in ``label``.

    Characters that XML cannot hold are left out.
    """
    plain: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    number = _numbers(graph)
    for node in _nodes(graph):
        known = {name: _xml(value) for name, value in node.items() if value is not None}
        plain.add_node(number[node["id"]], label=known.pop("id"), **known)
    for edge in _edges(graph):
        known = {name: _xml(edge[name]) for name in ("kind", *_EDGE_NUMBERS) if edge[name] is not None}
        known["trace_ids"] = _traces(edge["exemplars"])
        key = f"{number[edge['caller']]}-{number[edge['callee']]}-{edge['kind']}"
        plain.add_edge(number[edge["caller"]], number[edge["callee"]], key=_xml(key), **known)
    return "\n".join(nx.generate_graphml(plain, named_key_ids=True)) + "\n"


def _xml(value: Any) -> Any:
    return _UNPRINTABLE.sub("", value) if isinstance(value, str) else value


def _numbers(graph: ServiceGraph) -> dict[str, str]:
    return {node: f"n{position}" for position, node in enumerate(sorted(graph))}


_MERMAID_SHAPES: Final[Mapping[str, tuple[str, str]]] = {
    "user": ("((", "))"),
    "queue": ("[/", "/]"),
    "cache": ("{{", "}}"),
    "database": ("[(", ")]"),
    "external": ("([", "])"),
}
_MERMAID_ARROWS: Final[Mapping[str, str]] = {"async": "-.->", "data": "==>"}


def to_mermaid(graph: ServiceGraph) -> str:
    """Return the graph as a Mermaid flowchart, for README files and wikis.

    Dotted edges are asynchronous, thick ones go to data.
    """
    number = _numbers(graph)
    lines = ["flowchart LR"]
    for node in sorted(graph):
        opening, closing = _MERMAID_SHAPES.get(graph.nodes[node]["kind"], ("[", "]"))
        lines.append(f'  {number[node]}{opening}"{_mermaid(node)}"{closing}')
    for caller, callee, kind, edge in _sorted_edges(graph):
        arrow = _MERMAID_ARROWS.get(kind, "-->")
        lines.append(f'  {number[caller]} {arrow}|"{_mermaid(_edge_label(edge))}"| {number[callee]}')
    return "\n".join(lines) + "\n"


def _edge_label(edge: Mapping[str, Any]) -> str:
    errors = f", {edge['errors']} errors" if edge["errors"] else ""
    return f"{edge['calls']} calls{errors}"


def _label(text: str) -> str:
    return plain(text, _LABEL_CHARACTERS)


def _mermaid(text: str) -> str:
    # All that is not a letter, a digit or plain punctuation becomes a numeric entity: quotes end the label, `<`
    # begins HTML, `#` an entity and a backtick Markdown.
    return re.sub(r"[^\w .,:/()+@=…-]", lambda match: f"#{ord(match.group())};", _label(text))


_DOT_SHAPES: Final[Mapping[str, str]] = {
    "user": "circle",
    "queue": "cds",
    "cache": "hexagon",
    "database": "cylinder",
    "external": "ellipse",
}
_DOT_STYLES: Final[Mapping[str, str]] = {"async": "dashed", "data": "bold"}


def to_dot(graph: ServiceGraph) -> str:
    """Return the graph in Graphviz' language: dashed edges are asynchronous, bold ones data."""
    number = _numbers(graph)
    lines = ["digraph services {", "  rankdir=LR;"]
    for node in sorted(graph):
        shape = _DOT_SHAPES.get(graph.nodes[node]["kind"], "box")
        lines.append(f"  {number[node]} [label={_dot(node)}, shape={shape}];")
    for caller, callee, kind, edge in _sorted_edges(graph):
        style = _DOT_STYLES.get(kind, "solid")
        lines.append(f"  {number[caller]} -> {number[callee]} [label={_dot(_edge_label(edge))}, style={style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(text: str) -> str:
    # A backslash would begin an escape such as \N, the name of the node.
    escaped = _label(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


#: How to write the graph, by name of the format.
EXPORTS: Final[Mapping[str, Callable[[ServiceGraph], str]]] = {
    "csv": to_csv,
    "dot": to_dot,
    "graphml": to_graphml,
    "json": to_json,
    "mermaid": to_mermaid,
}
