"""The critical path of every trace: the spans that would make it shorter if they were.

How a path is found is in :mod:`analysis._critical_path`, how failures along it are followed in
:mod:`analysis.error_paths`; beyond it, across messages, links and logs, in :mod:`analysis.error_reach`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis._critical_path import Paths, Sections, find_paths, find_sections, find_slack
from analysis._logs import LOG_COLUMNS
from analysis.error_paths import COLUMNS as ERROR_COLUMNS
from analysis.error_paths import ErrorPath, add_up, error_paths
from analysis.error_reach import COLUMNS as REACH_COLUMNS
from analysis.error_reach import LinkEnd, follow_links, reach
from analysis.forest import Forest, plant
from analysis.ingest.partitioning import partition_of
from analysis.planting import iter_forests, plant_partition, planting

if TYPE_CHECKING:
    from analysis.dataset import Dataset

__all__ = ["COLUMNS", "critical_path", "critical_path_report", "report_forests"]

#: Columns that are read beside those of a forest.
COLUMNS: Final = ("service", "operation")


def critical_path(data: Dataset, strict: bool = False) -> pd.DataFrame:
    """Find the critical path of every trace, from its end backwards.

    Parameters
    ----------
    data
        What to look at.
    strict
        As Jaeger UI: a sibling is on the path only if it ends before the next one starts. By default siblings may
        follow without a gap and overlap by less than 1 % of their parent's duration, as CRISP has it (Zhang et al.,
        USENIX ATC 2022).

    Returns
    -------
    pandas.DataFrame
        One row for each piece of a path, none of length zero: ``trace_id`` (32 hexadecimal digits), ``span_id`` (16),
        ``service``, ``operation``, ``start_ns`` and ``end_ns`` (ns since the epoch, corrected for clock skew). In
        order of trace id; within a trace root by root, the last to end first, and each path from its end backwards.
        Where siblings overlap, so do their pieces.
    """
    frames = []
    for forest in iter_forests(data, COLUMNS):
        sections = find_sections(find_paths(forest, strict=strict))
        row, shift = sections.row, forest.trace_start_ns[forest.trace_of[sections.row]]
        high, low = forest.array("trace_id_high")[row], forest.array("trace_id_low")[row]
        frames.append(
            pd.DataFrame(
                {
                    "high": high,
                    "low": low,
                    "span": forest.array("span_id")[row],
                    "service": _texts(forest, "service", row),
                    "operation": _texts(forest, "operation", row),
                    "start_ns": sections.begin + shift,
                    "end_ns": sections.end + shift,
                }
            )
        )
    if not frames:
        empty = dict.fromkeys(("trace_id", "span_id", "service", "operation"), pd.Series(dtype="str"))
        return pd.DataFrame({**empty, "start_ns": pd.Series(dtype="int64"), "end_ns": pd.Series(dtype="int64")})
    together = pd.concat(frames, ignore_index=True)
    together = together.iloc[np.lexsort((together["low"], together["high"]))].reset_index(drop=True)
    trace = together["high"].map("{:016x}".format) + together["low"].map("{:016x}".format)
    together.insert(0, "trace_id", trace.astype("str"))
    together.insert(1, "span_id", together["span"].map("{:016x}".format).astype("str"))
    return together.drop(columns=["high", "low", "span"])


def critical_path_report(data: Dataset, strict: bool = False, trace: str | None = None) -> dict[str, Any]:
    """Describe the critical paths of a dataset, or of one trace of it, as the command line writes them.

    Parameters
    ----------
    data
        What to look at.
    strict
        As in :func:`critical_path`.
    trace
        Id of one trace, in hexadecimal digits; all traces by default. Clock skew is then corrected by what that trace
        tells.

    Returns
    -------
    dict
        ``traces``: in order of ``trace_id``, each with its ``sections`` (``span_id``, ``start_ns``, ``end_ns``; as
        the rows of :func:`critical_path`), its ``spans`` (all that are on the path, with ``exclusive_ns``,
        ``drag_ns``, ``slack_ns``), the slack of the spans that are ``off_path``, and ``time_saved_ns``, by how much
        its trees would be shorter without failing calls. ``operations``: ``service`` (None where the export names
        none), ``operation``, ``exclusive_ns``, ``traces``; the longest first. ``errors``: see
        :class:`analysis.error_paths.ErrorPath`; in order of ``path``.

    Raises
    ------
    KeyError
        If there is no such trace.
    """
    if trace is None:
        return report_forests(_Planted(data), strict=strict)
    table = data.find_trace(trace)
    if table.num_rows == 0:
        message = f"there is no trace {trace}"
        raise KeyError(message)
    ground = planting(data)
    high, low = int(table["trace_id_high"][0].as_py()), int(table["trace_id_low"][0].as_py())
    forest = plant(
        table,
        offsets=None if ground.offsets is None else ground.offsets.offsets,
        window=ground.window,
        adjust_within_ns=ground.adjust_within_ns,
        logs=_records_of(data, high, low),
    )
    return report_forests([forest], strict=strict)


@dataclass(frozen=True)
class _Planted:
    """The partitions of a dataset, planted with their log records as often as they are asked for."""

    data: Dataset

    def __iter__(self) -> Iterator[Forest]:
        ground = planting(self.data)
        logs = {partition.number: partition for partition in self.data.log_partitions if partition.rows}
        for partition in self.data.partitions:
            records = logs.get(partition.number)
            table = records.read(LOG_COLUMNS) if records is not None else None
            yield plant_partition(partition, ground, (*COLUMNS, *ERROR_COLUMNS, *REACH_COLUMNS), table)


def _records_of(data: Dataset, high: int, low: int) -> pa.Table | None:
    """Return the log records of one trace."""
    number = partition_of(low, len(data.partitions))
    for partition in data.log_partitions:
        if partition.number == number:
            table = partition.read(LOG_COLUMNS)
            chosen = pc.and_(_equals(table["trace_id_high"], high), _equals(table["trace_id_low"], low))
            return table.filter(chosen).unify_dictionaries().combine_chunks()
    return None


def _equals(lane: pa.ChunkedArray, value: int) -> pa.ChunkedArray:
    return pc.equal(lane, pa.scalar(value, pa.uint64()))


def report_forests(forests: Iterable[Forest], *, strict: bool = False) -> dict[str, Any]:
    """Describe the critical paths of forests, as :func:`critical_path_report` does those of a dataset.

    Parameters
    ----------
    forests
        Walked through a second time where links lead from one trace to another.
    strict
        As in :func:`critical_path`.
    """
    traces: list[dict[str, Any]] = []
    exclusive: dict[tuple[str | None, str | None], int] = defaultdict(int)
    seen: dict[tuple[str | None, str | None], int] = defaultdict(int)
    errors: list[Iterable[ErrorPath]] = []
    linked: Counter[tuple[LinkEnd, tuple[str, ...]]] = Counter()
    for forest in forests:
        paths = find_paths(forest, strict=strict)
        sections = find_sections(paths)
        failures = error_paths(forest, paths)
        further = reach(forest)
        errors += [failures.paths, further.paths]
        linked.update(further.linked)
        traces.extend(_traces(forest, paths, sections, failures.saved))
        for operation, total, count in _operations(forest, paths, sections.visited):
            exclusive[operation] += total
            seen[operation] += count
    if linked:
        errors.append(follow_links(forests, linked))
    traces.sort(key=lambda entry: str(entry["trace_id"]))
    ranked = sorted(exclusive, key=lambda key: (-exclusive[key], key[0] or "", key[1] or ""))
    return {
        "traces": traces,
        "operations": [
            {"service": key[0], "operation": key[1], "exclusive_ns": exclusive[key], "traces": seen[key]}
            for key in ranked
        ],
        "errors": [entry.as_dict() for entry in add_up(errors)],
    }


def _texts(forest: Forest, column: str, rows: NDArray[np.int32]) -> pd.Series:
    codes = forest.codes(column)
    # The last entry is where the code -1 of a null lands.
    return pd.Series(np.array([*codes.values, None], object)[codes.codes[rows]], dtype="str")


def _traces(forest: Forest, paths: Paths, sections: Sections, saved: NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    """Yield the entry of every trace that has a path."""
    slack = find_slack(forest, paths)
    ids = forest.array("span_id")
    section_ends = np.searchsorted(forest.trace_of[sections.row], np.arange(forest.trace_count), side="right").tolist()
    visited_ends = np.searchsorted(
        forest.trace_of[sections.visited], np.arange(forest.trace_count), side="right"
    ).tolist()
    section_first = visited_first = 0
    whole = np.zeros(forest.trace_count, np.int64)
    np.add.at(whole, forest.trace_of[paths.roots], saved[paths.roots])
    for trace in range(forest.trace_count):
        pieces = slice(section_first, section_ends[trace])
        visited = sections.visited[visited_first : visited_ends[trace]]
        section_first, visited_first = section_ends[trace], visited_ends[trace]
        if not len(visited):
            continue
        zero = int(forest.trace_start_ns[trace])
        rows = np.arange(forest.trace_offset[trace], forest.trace_offset[trace + 1])
        beside = rows[~paths.on_path[rows] & forest.has_time[rows]]
        yield {
            "trace_id": forest.trace_id(trace),
            "sections": [
                {"span_id": f"{span:016x}", "start_ns": zero + begin, "end_ns": zero + end}
                for span, begin, end in zip(
                    ids[sections.row[pieces]].tolist(),
                    sections.begin[pieces].tolist(),
                    sections.end[pieces].tolist(),
                    strict=True,
                )
            ],
            "spans": [
                {"span_id": f"{span:016x}", "exclusive_ns": own, "drag_ns": drag, "slack_ns": room}
                for span, own, drag, room in zip(
                    ids[visited].tolist(),
                    paths.exclusive[visited].tolist(),
                    paths.drag[visited].tolist(),
                    slack[visited].tolist(),
                    strict=True,
                )
            ],
            "off_path": [
                {"span_id": f"{span:016x}", "slack_ns": room}
                for span, room in zip(ids[beside].tolist(), slack[beside].tolist(), strict=True)
            ],
            "time_saved_ns": int(whole[trace]),
        }


def _operations(
    forest: Forest, paths: Paths, visited: NDArray[np.int32]
) -> Iterator[tuple[tuple[str | None, str | None], int, int]]:
    """Yield the exclusive time and the number of traces of every operation on a path."""
    service, operation = forest.service, forest.codes("operation")
    width = len(operation.values) + 1
    combined = (service.codes[visited].astype(np.int64) + 1) * width + operation.codes[visited] + 1
    distinct, place = np.unique(combined, return_inverse=True)
    total = np.zeros(len(distinct), np.int64)
    np.add.at(total, place, paths.exclusive[visited])
    pairs = np.unique(place.astype(np.int64) * forest.trace_count + forest.trace_of[visited])
    count = np.bincount(pairs // max(forest.trace_count, 1), minlength=len(distinct))
    for code, time, traces in zip(distinct.tolist(), total.tolist(), count.tolist(), strict=True):
        at_service, at_operation = code // width - 1, code % width - 1
        name = (
            service.values[at_service] if at_service >= 0 else None,
            operation.values[at_operation] if at_operation >= 0 else None,
        )
        yield name, time, traces
