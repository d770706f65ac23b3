"""Which tables a request writes, and through which services, while its caller waits."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels import grouping
from analysis.facts import _accesses
from analysis.facts._accesses import accesses_of
from analysis.facts._ancestry import local_entries
from analysis.facts._numbering import combined, firsts
from analysis.facts._once import waited
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, together
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "parts_of", "scan"]

COLUMNS: Final = (*_accesses.COLUMNS, "operation", "status", "multiplicity")
#: Stands between service, store and table.
_WITHIN: Final = "\x1e"
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the topmost span"),
    Field(
        "writes",
        pa.string(),
        "key",
        "",
        "who writes which table of which store (parts_of), sorted",
        separator=SEPARATOR,
    ),
    Field("requests", pa.int64(), "sum", "requests", "requests that write just these"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "writes"),
    Field("failed", pa.int64(), "sum", "requests", "requests that failed"),
    Field(
        "half_done",
        pa.int64(),
        "sum",
        "requests",
        "of these, in which a service had answered without an error after its write",
    ),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of the durations of the writes"),
    Field("critical_ns", pa.int64(), "sum", "ns", "of this, on the critical path"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by total_ns; the writes by start, the first hundred at most"),
)
_MOST_SPANS: Final = 100

Int64s = npt.NDArray[np.int64]


def parts_of(write: str) -> tuple[str, str, str]:
    """Return service, store and table of one of the ``writes``."""
    service, store, table = write.split(_WITHIN)
    return service, store, table


def scan(forest: Forest) -> pa.Table:
    """Return the writes of the requests of one partition."""
    seen = accesses_of(forest)
    wanted = seen.where("mode", "write") & waited(forest)[seen.rows]
    wanted &= ~forest.codes("category").equal("cache")[seen.rows] & (forest.service.codes[seen.rows] >= 0)
    kept = np.flatnonzero(wanted)
    row = seen.rows[kept]
    root = forest.root[row].astype(np.int64)
    member, names = _members(forest, seen, kept)
    example, writes, texts = together(root, member, names)
    tree = combined(root, np.zeros(len(root), np.int64))
    # A statement that writes two tables is one call.
    call = firsts(combined(tree, row))
    row, tree = row[call], tree[call]
    top = root[example]
    count = len(top)
    entry = local_entries(forest)[row]
    kept_write = ~forest.error[row] & ~forest.error[entry]
    failed = forest.error[top]

    def added(values: npt.NDArray[np.int64]) -> Int64s:
        total = np.zeros(count, np.int64)
        grouping.add_up(tree.astype(np.int32), values, total)
        return total

    total_ns, critical_ns = added(forest.duration[row]), added(forest.critical[row])
    order = np.lexsort((row, forest.start[row], tree))
    begins = np.searchsorted(tree[order], np.arange(count + 1))
    shown = np.arange(len(order)) - begins[tree[order]] < _MOST_SPANS
    one = np.ones(count, np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={**entry_keys(forest, top), "writes": Codes(writes.astype(np.int32), texts)},
            trace=forest.trace_of[top],
            sums={
                "requests": one,
                "calls": added(forest.multiplicity[row]),
                "failed": failed,
                "half_done": failed & (added(kept_write.astype(np.int64)) > 0),
                "total_ns": total_ns,
                "critical_ns": critical_ns,
            },
            histograms={"critical_per_request": (critical_ns, one)},
            exemplar_value=total_ns,
            span_offset=np.searchsorted(tree[order][shown], np.arange(count + 1)),
            span_rows=row[order][shown],
        ),
    )


def _members(forest: Forest, seen: _accesses.Accesses, kept: Int64s) -> tuple[Int64s, tuple[str, ...]]:
    """Return service, store and table of each access, as places in sorted texts."""
    tables, service = seen.texts("table"), forest.service
    of_service = service.codes[seen.rows[kept]]
    number = combined(combined(of_service, seen.stores.codes[kept]), tables.codes[kept])
    first = firsts(number)
    texts = [
        _WITHIN.join(
            name.replace(_WITHIN, " ").replace(SEPARATOR, " ")
            for name in (service.values[code], seen.stores.values[store], tables.values[table])
        )
        for code, store, table in zip(
            of_service[first].tolist(),
            seen.stores.codes[kept][first].tolist(),
            tables.codes[kept][first].tolist(),
            strict=True,
        )
    ]
    levels = tuple(sorted(set(texts)))
    place = {text: index for index, text in enumerate(levels)}
    return np.array([place[text] for text in texts], np.int64)[number], levels
