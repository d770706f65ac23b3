"""A page a service: its marks, its findings, whom it calls and who calls it, the tables that it uses."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from analysis._histogram import Histogram
from analysis._wording import duration, percent
from analysis.compare.html import said_change
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.figures import service_map
from analysis.findings import FAMILIES
from analysis.report.chapters import CHAPTERS
from analysis.report.site import Document
from analysis.report.templates import render, service_file
from analysis.report.told import Told

__all__ = ["service_pages"]

#: Operations that are listed, by their time.
_OPERATIONS: Final = 15


def service_pages(told: Told) -> tuple[Document, ...]:
    """Return the page of every service, by name."""
    review = told.review
    by_id = {finding.id: finding for finding in review.finding_objects}
    entries = {entry.service: entry for entry in review.catalogue.entries}
    pages = []
    for row in review.scorecard.to_dict("records"):
        service = str(row["service"])
        body = render(
            "service.html.j2",
            service=service,
            root="../",
            row=row,
            entry=entries.get(service),
            families=FAMILIES,
            chapters=CHAPTERS,
            rows=[told.row(by_id[finding]) for finding in row["findings"]],
            compared=told.comparison is not None,
            changes=_changes(told, service),
            callers=_edges(review.facts["calls"], "callee", service),
            callees=_edges(review.facts["calls"], "caller", service),
            tables=_tables(review.facts["data_access"], service),
            operations=_operations(review.facts["operations"], service),
            map=service_map(review, focus=service, depth=1).to_plotly_json(),
            known_services=frozenset(review.services),
        )
        pages.append(Document(service_file(service), service, body, 1))
    return tuple(pages)


def _edges(calls: pd.DataFrame, end: str, service: str) -> list[dict[str, Any]]:
    """Return the edges at whose one end a service stands, the busiest first."""
    other = "caller" if end == "callee" else "callee"
    own = calls[(calls[end] == service) & (calls[f"{end}_kind"] == "service")]
    own = own.sort_values(["calls", other], ascending=[False, True])
    return [
        {
            "name": row[other],
            "kind": row["kind"],
            "calls": int(row["calls"]),
            "errors": percent(row["errors"] / row["calls"]) if row["errors"] else "none",
            **{f"p{share}": _percentile(row["latency"], share / 100) for share in (50, 95, 99)},
        }
        for row in own.to_dict("records")
    ]


def _percentile(latency: Histogram, share: float) -> str:
    return duration(latency.percentile(share) / 1e6) if latency.count else "unknown"


def _tables(access: pd.DataFrame, service: str) -> list[dict[str, Any]]:
    """Return the tables that a service uses, with who else does."""
    known = access[access["table"] != UNKNOWN_TABLE]
    own = known[known["service"] == service]
    found = []
    for (store, table), rows in own.groupby(["store", "table"], sort=True):
        users = known.loc[(known["store"] == store) & (known["table"] == table), "service"]
        counts = rows.groupby("mode")["calls"].sum()
        said = ", ".join(f"{int(counts[mode]):,} {word}" for mode, word in _MODES.items() if mode in counts)
        others = sorted(set(users) - {service, ""})
        found.append({"store": store, "table": table, "said": said, "others": others})
    return found


_MODES: Final = {"read": "reads", "write": "writes", "unknown": "unknown"}


def _operations(operations: pd.DataFrame, service: str) -> list[dict[str, Any]]:
    """Return the operations of a service on which most time is spent by itself."""
    own = operations[operations["service"] == service]
    own = own[own["kind"].isin(["server", "consumer"]) | own["entry"]]
    own = own.sort_values(["total_ns", "operation"], ascending=[False, True]).head(_OPERATIONS)
    return [
        {
            "operation": row["operation"],
            "spans": int(row["spans"]),
            "errors": percent(row["errors"] / row["spans"]) if row["errors"] else "none",
            "p50": _percentile(row["latency"], 0.5),
            "p95": _percentile(row["latency"], 0.95),
            "own": percent(row["self_ns"] / row["total_ns"]) if row["total_ns"] else "unknown",
        }
        for row in own.to_dict("records")
    ]


def _changes(told: Told, service: str) -> list[tuple[str, str]]:
    if told.comparison is None:
        return []
    changes = told.comparison.changes
    own = changes[(changes["caller"] == service) | (changes["callee"] == service)]
    return [(str(row.verdict), said_change(row)) for row in own.itertuples(index=False)]
