"""Failures along the critical path: where they began, how far they got, what the path would be without them.

A call path is the sequence of operations from a root down to a span. Counted are the failing spans on the critical
path and those joined to one on it by an unbroken chain of failing spans; the method is CRISP's (Zhang et al., "CRISP:
Critical Path Analysis of Large-Scale Microservice Architectures", USENIX ATC 2022).

As there, a span has also failed that says nothing of its status, but answered an HTTP status of 400 or above or an RPC
status other than OK, or recorded an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis._critical_path import Paths, find_paths
from analysis._kernels.error_paths import count_failures, number_call_paths, reach_roots, save_time
from analysis.forest import Forest

__all__ = ["COLUMNS", "ErrorPath", "FailureTimes", "add_up", "error_paths", "failing_spans", "shortened"]

#: Columns that are read beside those of a forest.
COLUMNS: Final = ("service", "operation", "http_status", "rpc_status", "error_type", "exception_message")
#: Operations shown of a longer call path: these many at both ends.
_SHOWN: Final = 50
#: House default: how sure a failure is that spans do not show and a record of severity error or fatal does.
_BY_LOGS_ALONE: Final = 0.6
_LEAST_HTTP_FAILURE: Final = 400
_RPC_SUCCESS: Final = ("0", "OK")
_COUNTS: Final = (
    *("origins", "propagated", "absorbed", "reached_root", "time_saved_ns"),
    *("asynchronous", "logged"),
)
_CALLS: Final = (schema.KINDS.index("server"), schema.KINDS.index("client"))


@dataclass(frozen=True)
class ErrorPath:
    """What failed at one call path.

    Attributes
    ----------
    path
        "service operation" of every span from the root down; of more than 100, the first and last 50 around "…".
    origins
        Failing spans without a counted failing child: the failure began here.
    propagated
        Failing spans with one: the failure was passed on.
    absorbed
        Spans on the critical path that did not fail although a counted child did.
    reached_root
        Failing spans whose failure every span above passed on, and no span below had.
    time_saved_ns
        By how much the spans here that are on the critical path would be shorter without failing calls, the whole of
        a failing span; ns. What is below another failing span saves nothing of its own.
    asynchronous
        Failing spans where a failure began that no request waits for: beyond a message, or a call whose caller goes on
        (:mod:`analysis.error_reach`). They are none of the origins.
    logged
        Log records of severity error or fatal about the span, in a trace of which no span failed.
    """

    path: tuple[str, ...]
    origins: int = 0
    propagated: int = 0
    absorbed: int = 0
    reached_root: int = 0
    time_saved_ns: int = 0
    asynchronous: int = 0
    logged: int = 0

    @property
    def confidence(self) -> float:
        """How sure it is that something failed here (0..1): less where log records alone say so."""
        spans = self.origins or self.propagated or self.absorbed or self.reached_root or self.asynchronous
        return 1.0 if spans else _BY_LOGS_ALONE

    def as_dict(self) -> dict[str, Any]:
        """Return it as the command line shows it."""
        return {
            "path": list(self.path),
            "origins": self.origins,
            "reached_root": self.reached_root,
            "absorbed": self.absorbed,
            "propagated": self.propagated,
            "time_saved_ns": self.time_saved_ns,
            "asynchronous": self.asynchronous,
            "logged": self.logged,
            "confidence": self.confidence,
        }


@dataclass(frozen=True)
class FailureTimes:
    """The error paths of one forest, and by how much each row would be shorter without failing calls (ns)."""

    paths: tuple[ErrorPath, ...]
    saved: NDArray[np.int64]


def error_paths(forest: Forest, paths: Paths | None = None) -> FailureTimes:
    """Find the error paths of one partition.

    Parameters
    ----------
    forest
        Planted with the columns of :data:`COLUMNS`.
    paths
        Its critical paths, where they are known already.
    """
    found = find_paths(forest) if paths is None else paths
    error, order, parent = failing_spans(forest), found.order, found.parent
    saved = np.zeros(forest.size, np.int64)
    if not error.any():
        return FailureTimes((), saved)
    counted, passed_on, reached = (np.zeros(forest.size, np.bool_) for _ in range(3))
    count_failures(order, parent, error, found.on_path, counted, passed_on)
    remote = np.isin(forest.kind, _CALLS)
    reach_roots(order, parent, forest.service.codes, remote, error, reached)
    save_time(order, parent, found.child_offset, found.child, found.begin, found.finish, found.kept, error, saved)

    absorbed = passed_on & ~error
    told = counted | absorbed | reached
    wanted = told.copy()
    number, example = np.full(forest.size, -1, np.int32), np.empty(forest.size, np.int32)
    service, operation = forest.service, forest.codes("operation")
    width = len(operation.values) + 1
    combined = (service.codes.astype(np.int64) + 1) * width + operation.codes + 1
    count = number_call_paths(order, parent, wanted, combined, number, example)

    rows = np.flatnonzero(told)
    columns = {
        "origins": counted & ~passed_on,
        "propagated": counted & passed_on,
        "absorbed": absorbed,
        "reached_root": reached,
    }
    many = forest.multiplicity
    sums = {name: _summed(number, rows[mask[rows]], many, count) for name, mask in columns.items()}
    sums["time_saved_ns"] = _summed(number, rows[(counted & found.on_path)[rows]], saved, count)
    example = example[:count]
    above = np.where(parent[example] >= 0, number[parent[example]], -1)
    names = [_name(service.values, operation.values, code, width) for code in combined[example].tolist()]
    listed = _listed(above.tolist(), names, np.unique(number[rows]).tolist())
    return FailureTimes(
        tuple(ErrorPath(path, **{name: int(values[place]) for name, values in sums.items()}) for place, path in listed),
        saved,
    )


def failing_spans(forest: Forest) -> NDArray[np.bool_]:
    """Return which spans failed, by status or by what they answered or recorded, where the status says nothing."""
    silent = ~forest.codes("status").equal("ok") & ~forest.error
    failing = forest.error | (silent & (forest.array("http_status") >= _LEAST_HTTP_FAILURE))
    rpc = forest.codes("rpc_status")
    # The last entry is where the code -1 of a null lands.
    failing |= (
        silent & np.array([*(value.upper() not in _RPC_SUCCESS for value in rpc.values), False], np.bool_)[rpc.codes]
    )
    for column in ("error_type", "exception_message"):
        failing |= silent & (forest.codes(column).codes >= 0)
    return failing


def add_up(partitions: Iterable[Iterable[ErrorPath]]) -> list[ErrorPath]:
    """Add the error paths of partitions up, in order of path."""
    totals: dict[tuple[str, ...], list[int]] = {}
    for paths in partitions:
        for entry in paths:
            sums = totals.setdefault(entry.path, [0] * len(_COUNTS))
            for place, name in enumerate(_COUNTS):
                sums[place] += getattr(entry, name)
    return [ErrorPath(path, **dict(zip(_COUNTS, totals[path], strict=True))) for path in sorted(totals)]


def shortened(steps: Sequence[str]) -> tuple[str, ...]:
    """Return the operations along a path, of more than 100 the first and last 50 around "…"."""
    return tuple(steps) if len(steps) <= 2 * _SHOWN else (*steps[:_SHOWN], "…", *steps[-_SHOWN:])


def _summed(
    number: NDArray[np.int32], rows: NDArray[np.int64], values: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    total = np.zeros(count, np.int64)
    np.add.at(total, number[rows], values[rows])
    return total


def _name(services: tuple[str, ...], operations: tuple[str, ...], code: int, width: int) -> str:
    service, operation = code // width - 1, code % width - 1
    parts = (services[service] if service >= 0 else "", operations[operation] if operation >= 0 else "")
    return " ".join(part for part in parts if part)


def _listed(above: list[int], names: list[str], wanted: list[int]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the names along the wanted paths; ``above`` is the path that a path continues, always a smaller number."""
    depth = [0] * len(above)
    # The path that holds the last of the operations shown of a long path's beginning.
    trunk = [0] * len(above)
    for place, shorter in enumerate(above):
        depth[place] = depth[shorter] + 1 if shorter >= 0 else 0
        trunk[place] = place if depth[place] < _SHOWN else trunk[shorter]
    return [(place, _along(above, names, depth, trunk, place)) for place in wanted]


def _along(above: list[int], names: list[str], depth: list[int], trunk: list[int], place: int) -> tuple[str, ...]:
    def back(from_place: int, steps: int) -> list[str]:
        found: list[str] = []
        while from_place >= 0 and len(found) < steps:
            found.append(names[from_place])
            from_place = above[from_place]
        return found[::-1]

    if depth[place] < 2 * _SHOWN:
        return tuple(back(place, 2 * _SHOWN))
    return (*back(trunk[place], _SHOWN), "…", *back(place, _SHOWN))
