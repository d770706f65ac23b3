"""The dataset and its partitions: frozen descriptions, whose rows are read when asked for."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from analysis.dataset.view import View
from analysis.ingest import Input, iso_time
from analysis.ingest.partitioning import partition_of
from analysis.ingest.storage import read_table
from analysis.schema import empty_spans

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dataset", "Partition", "Skew"]

#: How clocks are corrected: one offset a pair of hosts, span by span within a trace as Jaeger does, or not at all.
Skew = Literal["hosts", "jaeger", "off"]


@dataclass(frozen=True, eq=False)
class Partition:
    """Spans or log records of whole traces, in memory or in one Parquet file.

    Rows of spans are sorted by trace id, start (none first), span id, the client half before the server half; each span
    is one row, derived columns are filled, and every column is one chunk.

    Attributes
    ----------
    number
        Place among the partitions.
    rows
        How many rows there are.
    table
        The rows; None where they are in a file.
    location
        The file, a path or an fsspec address; None where the rows are in memory.
    view
        How the rows are seen (:mod:`analysis.dataset.view`); None: as they are.
    spans_beside
        Of log records that are seen through a view: the spans of the same traces.
    """

    number: int
    rows: int
    table: pa.Table | None = field(default=None, repr=False)
    location: str | None = None
    view: View | None = field(default=None, repr=False)
    spans_beside: Partition | None = field(default=None, repr=False)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows.

        Parameters
        ----------
        columns
            Names from `analysis.schema`; all by default.

        Raises
        ------
        UnreadableExport
            The file is gone or damaged: another program changed the dataset since it was opened.
        """
        if self.view is None:
            return self.read_stored(columns)
        if self.spans_beside is None:
            return self.view.spans(self.read_stored, columns)
        return self.view.logs(self.read_stored, columns, self.view.traces_left_out(self.spans_beside.read_stored))

    def read_stored(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows as they are stored, whatever the view."""
        if self.table is not None:
            return self.table if columns is None else self.table.select(list(columns))
        assert self.location is not None
        return read_table(self.location, columns)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Traces and logs, partitioned by trace.

    Attributes
    ----------
    partitions, log_partitions
        The spans and the log records; a trace is whole in the partitions of one number.
    inputs
        An entry for each export that was read, sorted by name.
    totals
        The same of all together: duplicates between exports are counted once.
    window
        Earliest start and latest end of all spans, ns since the epoch, as exported; None without a time.
    shows_values
        Figures may show values of users: whoever made the review asked for it.
    skew, max_skew_ns
        How clocks are corrected when a forest is built, and by how much at most.
    """

    partitions: tuple[Partition, ...]
    log_partitions: tuple[Partition, ...]
    inputs: tuple[Input, ...]
    totals: Input
    window: tuple[int, int] | None
    skew: Skew = "hosts"
    max_skew_ns: int = 86_400_000_000_000
    shows_values: bool = False

    @property
    def services(self) -> tuple[str, ...]:
        """The names of all services, sorted."""
        return self.totals.services

    def seen(self, view: View) -> Dataset:
        """Return the dataset with services and stores renamed and some left out, as a configuration says.

        The entries of exports stay what was read; the totals are those of what is seen.
        """
        if not view:
            return self
        spans = [replace(one, view=view) for one in self.partitions]
        beside = dict(enumerate(self.partitions))
        logs = [
            replace(one, view=view, spans_beside=beside.get(place)) for place, one in enumerate(self.log_partitions)
        ]
        totals = replace(self.totals, services=tuple(sorted({view.service(name) for name in self.totals.services})))
        window = self.window
        if view.leaves_out:
            from analysis.dataset.recount import recounted  # noqa: PLC0415 - only where something is left out

            spans, logs, totals, window = recounted(spans, logs, totals)
        inputs, totals = tuple(entry.without(view.hidden) for entry in self.inputs), totals.without(view.hidden)
        return replace(
            self, partitions=tuple(spans), log_partitions=tuple(logs), inputs=inputs, totals=totals, window=window
        )

    def spans(self, columns: Sequence[str] | None = None, service: str | Collection[str] | None = None) -> pd.DataFrame:
        """Return spans as a table, for a closer look than figures give.

        Parameters
        ----------
        columns
            Which columns, from those below and `analysis.schema`; by default all that hold no values of users (paths,
            statements and messages are read only when named).
        service
            Only spans of this service, or of these.

        Returns
        -------
        pandas.DataFrame
            ``trace_id`` (32 hexadecimal digits), ``span_id`` and ``parent_span_id`` (16; None without a parent),
            ``start`` (Timestamp, UTC) and ``start_ns`` corrected for clock skew, ``raw_start_ns`` as exported,
            ``duration_ns``; null where the export has no time. Texts are categories.

        Raises
        ------
        KeyError
            A column does not exist.
        """
        from analysis.dataset.frames import span_frame  # noqa: PLC0415 - pandas is slow to load and not always needed

        return span_frame(self, columns, service)

    def logs(self, columns: Sequence[str] | None = None, service: str | Collection[str] | None = None) -> pd.DataFrame:
        """Return log records as a table.

        Parameters
        ----------
        columns
            Which columns, from those below and `analysis.schema`; by default all but ``body``.
        service
            Only records of this service, or of these.

        Returns
        -------
        pandas.DataFrame
            ``trace_id``, ``span_id`` (None where the record names none), ``time`` (Timestamp, UTC), ``time_ns``, and
            the text columns as categories.

        Raises
        ------
        KeyError
            A column does not exist.
        """
        from analysis.dataset.frames import log_frame  # noqa: PLC0415 - as above

        return log_frame(self, columns, service)

    def rejects(self) -> pd.DataFrame:
        """Return what was refused of each export, and what was not read at all, as a table.

        Returns
        -------
        pandas.DataFrame
            ``export``, ``format``, ``reason``, ``count`` (records; 1 for an export as a whole) and ``example``: where
            the first stood, and what was wrong, never a value. Sorted by export and reason.
        """
        from analysis.dataset.frames import reject_frame  # noqa: PLC0415 - as above

        return reject_frame(self)

    def find_trace(self, trace_id: str) -> pa.Table:
        """Return the spans of one trace, reading only the partition where it can be.

        Parameters
        ----------
        trace_id
            Hexadecimal digits; 16 or fewer name a trace by the lower half of its id.

        Returns
        -------
        pyarrow.Table
            Rows of the span schema, by start; none where the trace is not there.

        Raises
        ------
        ValueError
            The text is not a trace id.
        """
        high, low = _lanes(trace_id)
        if not self.partitions:
            return empty_spans()
        partition = self.partitions[partition_of(low, len(self.partitions))]
        ids = partition.read(("trace_id_high", "trace_id_low"))
        highs, lows = ids["trace_id_high"].to_numpy(), ids["trace_id_low"].to_numpy()
        of_low = lows == np.uint64(low)
        rows = np.flatnonzero(of_low & (highs == np.uint64(high)))
        if not len(rows):
            # One of the two, the export or the asker, may know only the lower half of the id.
            halves = of_low if high == 0 else of_low & (highs == 0)
            rows = np.flatnonzero(halves)
        return partition.read().take(pa.array(rows)) if len(rows) else empty_spans()

    def __repr__(self) -> str:
        return f"<Dataset: {', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{name}</th>" for name in ("export", "format", "traces", "spans", "logs", "services", "rejected")
        )
        rows = "".join(_html_row(entry, entry.path) for entry in self.inputs[:20])
        more = f"<p>and {len(self.inputs) - 20} more exports</p>" if len(self.inputs) > 20 else ""
        total = _html_row(self.totals, "together")
        return (
            f"<div><p><strong>Dataset</strong>: {html.escape(', '.join(self._facts()))}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{total}</tbody></table>{more}</div>"
        )

    def _facts(self) -> list[str]:
        totals = self.totals
        counts = [
            _counted(len(totals.services), "service"),
            _counted(totals.traces, "trace"),
            _counted(totals.spans, "span"),
            _counted(totals.logs, "log record"),
            _counted(len(self.inputs), "export"),
            _counted(len(self.partitions), "partition"),
        ]
        if self.window is not None:
            counts.append(f"{iso_time(self.window[0])} to {iso_time(self.window[1])}")
        return counts


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _html_row(entry: Input, path: str) -> str:
    refused = sum(int(row["count"]) for row in entry.rejected)
    cells = (path, entry.format, entry.traces, entry.spans, entry.logs, len(entry.services), refused)
    return (
        "<tr>"
        + "".join(f"<td>{html.escape(f'{cell:,}' if isinstance(cell, int) else cell)}</td>" for cell in cells)
        + "</tr>"
    )


def _lanes(trace_id: str) -> tuple[int, int]:
    digits = trace_id.strip().lower()
    if not 1 <= len(digits) <= 32 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(f"a trace id has up to 32 hexadecimal digits, this is none: {trace_id!r}")
    value = int(digits, 16)
    return value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF
