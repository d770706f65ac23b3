"""Calls at the grain of modules: between modules of one service, between services, and to their tables.

Modules are those of :mod:`analysis.facts._modules`. Only what has a module at one end is told.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts import _accesses, _modules
from analysis.facts._accesses import UNKNOWN_TABLE, accesses_of
from analysis.facts._modules import modules_of
from analysis.facts._numbering import together_by
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.edges import ASYNC, DATA

__all__ = ["COLUMNS", "FIELDS", "KINDS", "scan"]

COLUMNS: Final = tuple(sorted({*_modules.COLUMNS, *_accesses.COLUMNS, *architecture.COLUMNS}))
#: own: the module itself; inside: between modules of one service; read, write, unknown: to a table.
KINDS: Final = ("own", "inside", "sync", "async", "read", "write", "unknown")
FIELDS: Final = (
    Field("kind", pa.string(), "key", "", "own, inside, sync, async, read, write or unknown"),
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("module", pa.string(), "key", "", "its module; empty where none is named"),
    Field("callee", pa.string(), "key", "", "service that is called; the store of a table; the service itself for own"),
    Field("callee_module", pa.string(), "key", "", "its module; the table of a store"),
    Field("calls", pa.int64(), "sum", "calls", "calls; for own its spans"),
    Field("errors", pa.int64(), "sum", "calls", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of durations; for own the time that no child covers"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the callee's span, else the caller's"),
)

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return the calls of the modules of one partition."""
    module = modules_of(forest)
    services = forest.codes("service")
    if not (module.codes >= 0).any():
        parts = _nothing()
    else:
        parts = [_own(forest, module), _inside(forest, module), *_across(forest, module), *_data(forest, module)]
    kind, row, caller, callee_code, callee_module = (
        np.concatenate([part[place] for part in parts]).astype(np.int64) for place in range(5)
    )
    seen = accesses_of(forest).texts("table")
    stores = accesses_of(forest).stores
    order = together_by(forest.trace_of[row], forest.trace_count)[1]
    kind, row, caller = kind[order], row[order], caller[order]
    callee_code, callee_module = callee_code[order], callee_module[order]
    to_table = kind >= KINDS.index("read")
    many = forest.multiplicity[row]
    own = kind == KINDS.index("own")
    duration = np.where(own, forest.self_time[row], forest.duration[row])
    shift, lift = len(services.values), len(module.values)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "kind": Codes(kind.astype(np.int32), KINDS),
                "service": Codes(services.codes[caller], services.values),
                "module": Codes(module.codes[caller], module.values),
                "callee": Codes(
                    np.where(to_table, callee_code + shift, callee_code).astype(np.int32),
                    (*services.values, *stores.values),
                ),
                "callee_module": Codes(
                    np.where(to_table, callee_module + lift, callee_module).astype(np.int32),
                    (*module.values, *seen.values),
                ),
            },
            trace=forest.trace_of[row],
            sums={"calls": many, "errors": np.where(forest.error[row], many, 0), "total_ns": duration},
            histograms={"latency": (np.where(forest.has_time[row], duration, -1), many)},
            exemplar_value=duration,
            span_rows=row,
        ),
    )


def _nothing() -> list[tuple[Int64s, ...]]:
    return [tuple(np.zeros(0, np.int64) for _ in range(5))]


def _part(
    kind: str, row: Int64s, caller: Int64s, callee: npt.NDArray[np.int32], at: npt.NDArray[np.int32]
) -> tuple[Int64s, ...]:
    """Return kind, row shown, row of the caller, and codes of the callee and of its module."""
    return (
        np.full(len(row), KINDS.index(kind), np.int64),
        row.astype(np.int64),
        caller.astype(np.int64),
        callee.astype(np.int64),
        at.astype(np.int64),
    )


def _own(forest: Forest, module: Codes) -> tuple[Int64s, ...]:
    row = np.flatnonzero(module.codes >= 0)
    return _part("own", row, row, forest.service.codes[row], module.codes[row])


def _inside(forest: Forest, module: Codes) -> tuple[Int64s, ...]:
    row = np.flatnonzero((forest.parent >= 0) & (module.codes >= 0))
    parent, service = forest.parent[row], forest.service.codes
    above = module.codes[parent]
    changes = (above >= 0) & (above != module.codes[row])
    row, parent = row[changes], parent[changes]
    inside = service[parent] == service[row]
    row, parent = row[inside], parent[inside].astype(np.int64)
    return _part("inside", row, parent, service[row], module.codes[row])


def _across(forest: Forest, module: Codes) -> list[tuple[Int64s, ...]]:
    """Return the calls from service to service of which one end has a module."""
    edges, service = forest.edges, forest.service.codes
    joined = np.flatnonzero((edges.kind != DATA) & (edges.server >= 0))
    client, server = edges.client[joined], edges.server[joined].astype(np.int64)
    late = edges.kind[joined] == ASYNC
    caller = np.where(client >= 0, client, forest.parent[server]).astype(np.int64)
    met = (caller >= 0) & ((module.codes[caller] >= 0) | (module.codes[server] >= 0))
    met &= (service[caller] >= 0) & (service[server] >= 0) & (service[caller] != service[server])
    parts = []
    for name, wanted in (("sync", False), ("async", True)):
        chosen = np.flatnonzero(met & (late == wanted))
        row = server[chosen]
        parts.append(_part(name, row, caller[chosen], service[row], module.codes[row]))
    return parts


def _data(forest: Forest, module: Codes) -> list[tuple[Int64s, ...]]:
    """Return the accesses of modules to tables that are known."""
    seen = accesses_of(forest)
    tables = seen.texts("table")
    known = (module.codes[seen.rows] >= 0) & ~seen.where("table", UNKNOWN_TABLE)
    parts = []
    for mode in ("read", "write", "unknown"):
        chosen = np.flatnonzero(known & seen.where("mode", mode))
        row = seen.rows[chosen]
        parts.append(_part(mode, row, row, seen.stores.codes[chosen], tables.codes[chosen]))
    return parts
