"""The spans and log lines of a window as arrays, each span with a key of how its operation was called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._logs import LOG_COLUMNS
from analysis.dataset import Dataset
from analysis.forest import Codes, Forest
from analysis.origins.windows import Window
from analysis.planting import plant_partition, planting

__all__ = ["GRAVE", "Names", "Recorded", "record"]

UInt64s = NDArray[np.uint64]
Int64s = NDArray[np.int64]

#: Severities that tell of trouble; what a program says of its normal work follows the requests it gets.
GRAVE: Final = ("warn", "error", "fatal")

#: What Spring's handler of uncaught exceptions is recorded as (Spring Boot reference, "Error Handling").
_ERROR_ANSWERS: Final = frozenset(("BasicErrorController.error", "BasicErrorController.errorHtml"))

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_TURN: Final = np.uint64(29)


@dataclass
class Names:
    """What hashes stand for: operations of services, and what calls them and is called."""

    labels: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)
    templates: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recorded:
    """Traces that begin in a window.

    Attributes
    ----------
    spans
        A row a span: ``trace`` (a number), ``parent`` (a row; -1 is none), ``depth``, ``service``, ``operation``,
        ``callee`` (the service that a remote call went to; empty for others), ``label`` (hash of these, with the
        callee's operation), ``key`` (hash of all labels down to the span), ``near`` (hash of the span's and its
        parent's), ``failed``, ``spoiled`` (it, or what of its service waits for it, failed), ``start_ns``, ``self_ns``
        and ``duration_ns``.
    lines
        Grave log lines: ``row`` of the span that wrote it, ``template`` (a hash).
    names
        What the hashes stand for.
    """

    spans: pd.DataFrame
    lines: pd.DataFrame
    names: Names

    @property
    def trace_count(self) -> int:
        """Traces."""
        return int(self.spans["trace"].nunique())


def record(data: Dataset, window: Window, names: Names, share: float = 1.0) -> Recorded:
    """Read the traces that begin in a window, with the log lines of trouble that their spans wrote.

    Parameters
    ----------
    data, window
        What is read.
    names
        Where what hashes stand for is kept.
    share
        The part of the traces that is read (0..1): those whose ids have the lowest hashes, so that it is the same part
        whatever the order, the files and the partitions.
    """
    spans: list[pd.DataFrame] = []
    lines: list[pd.DataFrame] = []
    rows = traces = 0
    for forest in _forests(data):
        kept = (forest.trace_start_ns >= window.start_ns) & (forest.trace_start_ns < window.end_ns)
        kept &= _sampled(forest, share)
        chosen = np.flatnonzero(kept[forest.trace_of])
        if not len(chosen):
            continue
        place = np.full(forest.size + 1, -1, np.int64)
        place[chosen] = np.arange(rows, rows + len(chosen))
        spans.append(_spans(forest, names).iloc[chosen].assign(parent=place[forest.parent[chosen]]))
        spans[-1]["trace"] += traces
        lines.append(_lines(forest, names, place))
        rows, traces = rows + len(chosen), traces + forest.trace_count
    none = pd.DataFrame({name: pd.Series(dtype="int64") for name in ("row", "template")})
    return Recorded(
        pd.concat(spans, ignore_index=True) if spans else pd.DataFrame(columns=_COLUMNS),
        pd.concat(lines, ignore_index=True) if lines else none,
        names,
    )


_COLUMNS: Final = (
    "trace",
    "depth",
    "service",
    "operation",
    "callee",
    "label",
    "key",
    "near",
    "failed",
    "spoiled",
    "start_ns",
    "self_ns",
    "duration_ns",
    "parent",
)


def _forests(data: Dataset) -> Iterator[Forest]:
    ground = planting(data)
    logs = {partition.number: partition for partition in data.log_partitions if partition.rows}
    for partition in data.partitions:
        records = logs[partition.number].read((*LOG_COLUMNS, "template")) if partition.number in logs else None
        yield plant_partition(partition, ground, ("operation",), records)


def _sampled(forest: Forest, share: float) -> NDArray[np.bool_]:
    """Mark a share of the traces, by a hash of their ids."""
    if share >= 1:
        return np.ones(forest.trace_count, np.bool_)
    first = forest.trace_offset[:-1]
    high, low = (forest.array(f"trace_id_{end}")[first].astype(np.uint64) for end in ("high", "low"))
    # Turned and mixed twice, so that ids that count up are spread as well as those drawn by chance.
    mixed = _mixed(_mixed(high, low), low >> _TURN)
    mixed ^= mixed >> np.uint64(32)
    return np.asarray((mixed * _MIX >> np.uint64(11)).astype(np.float64) < share * float(1 << 53), np.bool_)


def _spans(forest: Forest, names: Names) -> pd.DataFrame:
    service, operation = forest.service, forest.codes("operation")
    parent = forest.parent.astype(np.int64)
    called = np.flatnonzero(parent >= 0)
    remote = called[service.codes[called] != service.codes[parent[called]]]
    callee = np.full(forest.size, -1, np.int64)
    # The first of several answers stands for the call.
    callee[parent[remote][::-1]] = remote[::-1]
    label = _labels(service, operation, callee, names)
    failed = _failed(forest)
    spoiled = failed.copy()
    near, key = label.copy(), label.copy()
    near[called] = _mixed(label[parent[called]], label[called])
    for depth in range(1, int(forest.depth.max(initial=0)) + 1):
        rows = np.flatnonzero(forest.depth == depth)
        key[rows] = _mixed(key[parent[rows]], label[rows])
        spoiled[rows] |= spoiled[parent[rows]] & (service.codes[rows] == service.codes[parent[rows]])
    return pd.DataFrame(
        {
            "trace": forest.trace_of.astype(np.int64),
            "depth": forest.depth.astype(np.int64),
            "service": _texts(service, np.arange(forest.size)),
            "operation": _texts(operation, np.arange(forest.size)),
            "callee": _texts(service, callee),
            "label": label,
            "key": key,
            "near": near,
            "failed": failed,
            "spoiled": spoiled,
            "start_ns": forest.start + forest.trace_start_ns[forest.trace_of],
            "self_ns": forest.self_time - _waited_beside(forest),
            "duration_ns": forest.duration,
        }
    )


def _failed(forest: Forest) -> NDArray[np.bool_]:
    """Mark failed spans; where no span has a status, those that hand over to what answers errors.

    Spring answers what a controller threw by forwarding to its ``BasicErrorController``: the span that did is one that
    failed, whatever is recorded of it.
    """
    failed = forest.error.copy()
    operation = forest.codes("operation")
    answers = np.array([*(value in _ERROR_ANSWERS for value in operation.values), False], np.bool_)[operation.codes]
    handed = np.flatnonzero(answers & (forest.parent >= 0))
    failed[forest.parent[handed]] = True
    return failed


def _waited_beside(forest: Forest) -> Int64s:
    """Return the time that a span without children merely waits for the next beside it, which has some; ns.

    Reactive servers record the handler and the call that it waits for as siblings: the handler's time is not its own.
    """
    waited = np.zeros(forest.size, np.int64)
    before, after = forest.child[:-1], forest.child[1:]
    leaf = forest.child_offset[1:] == forest.child_offset[:-1]
    inside = (forest.start[after] >= forest.start[before]) & (forest.end[after] <= forest.end[before])
    beside = (forest.parent[after] == forest.parent[before]) & leaf[before] & ~leaf[after] & inside
    waited[before[beside]] = forest.duration[after[beside]]
    return waited


def _labels(service: Codes, operation: Codes, callee: Int64s, names: Names) -> UInt64s:
    """Return a hash of each span's service and operation, and of those that it called, and keep what it stands for."""
    of_service, of_operation = _hashes(service), _hashes(operation)
    own = _mixed(of_service[service.codes], of_operation[operation.codes])
    called = callee >= 0
    label = own.copy()
    label[called] = _mixed(own[called], own[callee[called]])
    distinct, firsts = np.unique(label, return_index=True)
    for value, row in zip(distinct.tolist(), firsts.tolist(), strict=True):
        if value not in names.labels:
            rows = np.array([row, callee[row]])
            services, operations = _texts(service, rows), _texts(operation, rows)
            names.labels[value] = (str(services[0]), str(operations[0]), str(services[1]), str(operations[1]))
    return label


def _lines(forest: Forest, names: Names, place: Int64s) -> pd.DataFrame:
    """Return grave lines by the span that wrote them, else by the first span of their service in their trace."""
    logs = forest.logs
    severity, template = logs.codes("severity"), logs.codes("template")
    grave = np.logical_or.reduce([severity.equal(word) for word in GRAVE])
    row = np.where(logs.span >= 0, logs.span, _first_of_service(forest))
    chosen = np.flatnonzero(grave & (template.codes >= 0) & (row >= 0))
    hashes = _hashes(template)
    names.templates.update(zip(hashes[:-1].tolist(), template.values, strict=True))
    found = pd.DataFrame({"row": place[row[chosen]], "template": hashes[template.codes[chosen]]})
    return found[found["row"] >= 0].drop_duplicates()


def _first_of_service(forest: Forest) -> Int64s:
    """Return for each line the first span of its service in its trace; -1 where there is none."""
    logs = forest.logs
    if not logs.size:
        return np.zeros(0, np.int64)
    spans = pd.DataFrame({"trace": forest.trace_of, "service": _texts(forest.service, np.arange(forest.size))})
    spans["row"] = np.arange(forest.size)
    first = spans.drop_duplicates(["trace", "service"])
    lines = pd.DataFrame({"trace": logs.trace, "service": _texts(logs.service, np.arange(logs.size))})
    return lines.merge(first, on=["trace", "service"], how="left")["row"].fillna(-1).to_numpy(np.int64)


def _hashes(codes: Codes) -> UInt64s:
    """Return a hash of each value, and last of all that of none; the same text has the same in every partition."""
    values = np.array([*codes.values, ""], dtype=object)
    return np.asarray(pd.util.hash_array(values, categorize=False), np.uint64)


def _mixed(above: UInt64s, own: UInt64s) -> UInt64s:
    return np.asarray(((above << _TURN) | (above >> (np.uint64(64) - _TURN))) * _MIX ^ own, np.uint64)


def _texts(codes: Codes, rows: Any) -> NDArray[Any]:
    """Return the values of some rows; the row -1 and a missing value are empty."""
    values = np.array([*codes.values, ""], dtype=object)
    return np.asarray(values[np.where(rows >= 0, codes.codes[rows], -1)])
