"""Log lines that a store keeps with labels, as Loki does: the labels tell what the line leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._kernels.log_values import parse_epochs, parse_times
from analysis.semconv import text
from analysis.sources._ledger import Rejects
from analysis.sources._log_columns import numbered
from analysis.sources._log_ids import span_id_of, trace_id_of
from analysis.sources._log_lines import LineReader
from analysis.sources._log_scan import block_lines
from analysis.sources._log_times import log_time
from analysis.sources._log_values import level
from analysis.sources._rows import BATCH_ROWS, Batch, LogRows

__all__ = ["LabelledLines"]

_SERVICE: Final = (
    "service_name",
    "service.name",
    "service",
    "app",
    "app_kubernetes_io_name",
    "k8s_deployment_name",
    "component",
    "container",
    "container_name",
    "job",
)
_HOST: Final = ("host_name", "host.name", "hostname", "host", "node", "node_name", "instance", "nodename")
_LEVEL: Final = ("level", "severity", "severity_text", "detected_level", "lvl", "loglevel")
_TRACE: Final = ("trace_id", "traceID", "traceId", "traceid", "trace.id", "otelTraceID")
_SPAN: Final = ("span_id", "spanID", "spanId", "spanid", "span.id", "otelSpanID")
#: Lines that are looked at together, at most, and how many a stream must have to be looked at by itself: the lines of
#: one are of one shape.
_TOGETHER: Final = 8_192
_FEW: Final = 256
_NO_TIME: Final = -(1 << 63)
_IDS: Final = ("trace_id_high", "trace_id_low", "span_id")


class _Told(NamedTuple):
    """What labels tell of each line that has them."""

    service: str | None
    host: str | None
    severity: str | None
    trace: tuple[int, int]
    span: int


class LabelledLines:
    """Makes rows of lines with labels, structured metadata among them.

    Parameters
    ----------
    rejects
        Where assumptions are noted.
    """

    def __init__(self, rejects: Rejects) -> None:
        self._rows = LogRows(rejects)
        self._rejects = rejects
        self._reader = LineReader(rejects)
        self._lines: list[str] = []
        self._times: list[Any] = []
        self._labels: list[Mapping[str, Any]] = []

    def add(self, line: str, time: Any, labels: Mapping[str, Any]) -> None:
        """Add a record; the store's time counts, as the line's may be of a coarser clock or of none.

        Lines with the same labels are read faster where these are one object.
        """
        self._lines.append(line)
        self._times.append(time)
        self._labels.append(labels)

    def full(self) -> Iterator[Batch]:
        """Yield what has grown to a batch."""
        if len(self._lines) >= BATCH_ROWS:
            yield from self.rest()

    def rest(self) -> Iterator[Batch]:
        """Yield the records added so far, and forget them."""
        for part in self._parts():
            lines, times = [self._lines[row] for row in part], [self._times[row] for row in part]
            table = self._take(lines, times, [self._labels[row] for row in part])
            if table is not None:
                yield Batch(logs=table)
        self._lines, self._times, self._labels = [], [], []
        yield from self._rows.batch()

    def _parts(self) -> Iterator[Sequence[int]]:
        """Yield numbers of records that are looked at together: of a stream each, where there are few."""
        streams: dict[int, list[int]] = {}
        for row, labels in enumerate(self._labels):
            streams.setdefault(id(labels), []).append(row)
        few = len(streams) * _FEW <= len(self._labels)
        for rows in streams.values() if few else (range(len(self._labels)),):
            for first in range(0, len(rows), _TOGETHER):
                yield rows[first : first + _TOGETHER]

    def _take(self, lines: list[str], times: list[Any], labels: list[Mapping[str, Any]]) -> pa.Table | None:
        """Return the rows of plain lines; give the reader all others."""
        number: dict[int, int] = {}
        which = np.array([number.setdefault(id(one), len(number)) for one in labels], np.int64)
        seen: dict[int, Mapping[str, Any]] = {id(one): one for one in labels}
        told = [_told(seen[key]) for key in number]
        stamps = _stamps(times)
        single = np.array([_is_single(line) for line in lines], np.bool_)
        plain = np.zeros(len(lines), np.bool_)
        made = None
        if single.any():
            content = "\n".join(line for line, one in zip(lines, single.tolist(), strict=True) if one)
            block = block_lines(content.encode("utf-8", "replace"))
            if block is not None:
                table, found = block.apart(self._rejects)
                plain[np.flatnonzero(single)[found]] = True
                rows = np.flatnonzero(plain)
                made = _labelled(table, which[rows], told, stamps[rows]) if len(rows) else None
        for row in np.flatnonzero(~plain).tolist():
            self._read(lines[row], int(stamps[row]), told[which[row]])
        return made

    def _read(self, line: str, stamp: int, told: _Told) -> None:
        row = self._rows.template | self._reader.columns(line)
        if stamp != _NO_TIME:
            row["time_ns"] = stamp
        for column, found in (("service", told.service), ("host", told.host), ("severity", told.severity)):
            if row[column] is None:
                row[column] = found
        if not (row["trace_id_high"] or row["trace_id_low"]) and told.trace != (0, 0):
            row["trace_id_high"], row["trace_id_low"] = told.trace
            row["span_id"] = told.span
        self._rows.append(row)


def _labelled(table: pa.Table, which: NDArray[np.int64], told: list[_Told], stamps: NDArray[np.int64]) -> pa.Table:
    """Return rows of lines with what their labels, and the store's times, tell beside them."""
    columns = dict(zip(table.schema.names, table.columns, strict=True))
    there = stamps != _NO_TIME
    own = columns["time_ns"].combine_chunks()
    empty = own.is_null().to_numpy(zero_copy_only=False) & ~there
    columns["time_ns"] = pa.array(np.where(there, stamps, own.fill_null(0).to_numpy()), pa.int64(), mask=empty)
    for name in ("service", "host", "severity"):
        column = columns[name].combine_chunks()
        words = [*column.dictionary.to_pylist(), *(getattr(one, name) for one in told)]
        known: Any = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        columns[name] = numbered(np.where(known < 0, len(column.dictionary) + which, known), words)
    ids = {name: columns[name].combine_chunks().to_numpy(zero_copy_only=False).copy() for name in _IDS}
    lost = (ids["trace_id_high"] == 0) & (ids["trace_id_low"] == 0)
    of_labels = np.array([(*one.trace, one.span) for one in told], np.uint64)[which]
    lost &= (of_labels[:, :2] != 0).any(axis=1)
    for place, name in enumerate(_IDS):
        ids[name][lost] = of_labels[lost, place]
        columns[name] = pa.array(ids[name])
    return pa.Table.from_arrays([columns[name] for name in table.schema.names], schema=table.schema)


def _is_single(line: str) -> bool:
    """Return whether a record is one line of text, as a file has it."""
    return bool(line) and "\n" not in line and line[-1] != "\r" and not line.isspace()


def _told(labels: Mapping[str, Any]) -> _Told:
    # A job is "namespace/name" where Prometheus' conventions are followed.
    service = _first(labels, _SERVICE)
    trace = trace_id_of(_first(labels, _TRACE)) or (0, 0)
    return _Told(
        service.rpartition("/")[2] if service is not None else None,
        _first(labels, _HOST),
        level(_first(labels, _LEVEL)),
        trace,
        span_id_of(_first(labels, _SPAN)) if trace != (0, 0) else 0,
    )


def _stamps(times: list[Any]) -> NDArray[np.int64]:
    """Return times of a store in ns; the least number there is stands for none."""
    found, good = np.full(len(times), _NO_TIME, np.int64), np.zeros(len(times), np.bool_)
    texts = [one if type(one) is str and one.isascii() else "" for one in times]
    data = np.frombuffer("".join(texts).encode() + b" ", np.uint8).copy()
    ends = np.cumsum([len(one) for one in texts], dtype=np.int64)
    begins = np.concatenate([[0], ends[:-1]])
    digits = np.array([one.isdecimal() for one in texts], np.bool_)
    numbers = np.flatnonzero(digits)
    whole, sound = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.bool_)
    parse_epochs(data, begins[numbers], ends[numbers], whole, sound)
    found[numbers[sound]], good[numbers[sound]] = whole[sound], True
    others = np.flatnonzero(~digits & (ends > begins))
    moments, how = np.zeros(len(others), np.int64), np.zeros(len(others), np.int8)
    parse_times(data, begins[others], ends[others], moments, how)
    found[others[how >= 0]], good[others[how >= 0]] = moments[how >= 0], True
    for place in np.flatnonzero(~good).tolist():
        time_ns = log_time(times[place])[0]
        if time_ns is not None:
            found[place] = time_ns
    return found


def _first(labels: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        if labels.get(name):
            return text(labels[name])
    return None
