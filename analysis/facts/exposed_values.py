"""Secrets and personal data that spans and log records hold: what kind and where, never the value."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._exposed import KINDS, kinds_of
from analysis.facts._log_rows import chosen, gather_with_loose
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather, merge
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "LOG_COLUMNS", "scan"]

#: What columns are called for readers.
_SPAN_PLACES: Final = {
    "name": "span name",
    "url_path": "URL",
    "db_statement": "database statement",
    "status_message": "status description",
    "exception_message": "exception message",
}
_LOG_PLACES: Final = {"body": "log message", "fields": "log fields"}
#: Of attributes that no column keeps, only this is left: each kind, and the name of the attribute.
_OTHERS: Final = "exposed"
COLUMNS: Final = ("service", "operation", *_SPAN_PLACES, _OTHERS)
LOG_COLUMNS: Final = ("template", *_LOG_PLACES)
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service of the span or log record; empty where unknown"),
    Field(
        "place", pa.string(), "key", "", "span name, URL, database statement, log message, log fields, attribute NAME …"
    ),
    Field("kind", pa.string(), "key", "", "access key, password, card number, e-mail address …"),
    Field("carrier", pa.string(), "key", "", "operation of the span, or template of the log record"),
    Field("records", pa.int64(), "sum", "records", "spans or log records that hold it"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by the duration of the span; the span"),
)

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return what the spans and log records of one partition expose."""
    spans, logs = forest.columns, forest.logs.columns
    places = [(spans, column) for column in _SPAN_PLACES] + [(logs, column) for column in _LOG_PLACES]
    exposing = _exposing_texts([columns.texts(column) for columns, column in places])
    tables = []
    for (columns, column), held in zip(places, exposing, strict=True):
        # As a rule nothing is exposed, and nothing is to be gathered.
        if held:
            of = _of_spans if column in _SPAN_PLACES else _of_logs
            tables.append(of(forest, column, *_exposing(columns.codes(column), held)))
    if forest.codes(_OTHERS).values:
        tables.append(_of_other_attributes(forest))
    return merge(FIELDS, tables) if tables else _nothing()


@cache
def _nothing() -> pa.Table:
    return merge(FIELDS, ())


def _exposing_texts(columns: Sequence[pa.StringArray]) -> list[dict[int, tuple[str, ...]]]:
    """Return for each column the kinds that its texts hold, by their place; one look at all costs least."""
    begins = np.cumsum([0, *map(len, columns)])
    exposing: list[dict[int, tuple[str, ...]]] = [{} for _ in columns]
    for place, held in kinds_of(pa.concat_arrays(columns)).items():
        column = int(np.searchsorted(begins, place, side="right")) - 1
        exposing[column][place - int(begins[column])] = held
    return exposing


def _of_spans(forest: Forest, column: str, rows: Int64s, kind: npt.NDArray[np.int32]) -> pa.Table:
    place = Codes(np.zeros(len(rows), np.int32), (_SPAN_PLACES[column],))
    keys = _keys(forest, rows, Codes(kind, KINDS), place)
    return gather(FIELDS, forest, _occurrences(forest, keys, forest.trace_of[rows], rows))


def _of_other_attributes(forest: Forest) -> pa.Table:
    """Return what spans expose in attributes of which only the kind and the name are kept."""
    exposed = forest.codes(_OTHERS)
    told = sorted({part for text in exposed.values for part in text.split("; ") if part.partition(" in ")[0] in KINDS})
    rows, which = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    for told_as, part in enumerate(told):
        says = np.array([*(part in text.split("; ") for text in exposed.values), False], np.bool_)
        hit = np.flatnonzero(says[exposed.codes])
        rows.append(hit)
        which.append(np.full(len(hit), told_as, np.int32))
    row, number = np.concatenate(rows), np.concatenate(which)
    order = np.argsort(row, kind="stable")
    row, number = row[order], number[order]
    halves = [part.partition(" in ")[::2] for part in told]
    kind = Codes(np.array([KINDS.index(half[0]) for half in halves], np.int32)[number], KINDS)
    places = sorted({f"attribute {half[1]}" for half in halves})
    place = np.array([places.index(f"attribute {half[1]}") for half in halves], np.int32)[number]
    keys = _keys(forest, row, kind, Codes(place, tuple(places)))
    return gather(FIELDS, forest, _occurrences(forest, keys, forest.trace_of[row], row))


def _of_logs(forest: Forest, column: str, records: Int64s, kind: npt.NDArray[np.int32]) -> pa.Table:
    logs = forest.logs
    trace, span = logs.trace[records], logs.span[records]
    tied = np.flatnonzero(trace >= 0)
    tied = tied[np.argsort(trace[tied], kind="stable")]
    loose = np.flatnonzero(trace < 0)
    rows = np.where(span[tied] >= 0, span[tied], forest.trace_offset[trace[tied]])
    alone = Occurrences(
        keys=_log_keys(forest, records[loose], kind[loose], column),
        trace=np.zeros(len(loose), np.int64),
        sums={"records": np.ones(len(loose), np.bool_), "traces": np.zeros(len(loose), np.int64)},
        histograms={},
    )
    keys = _log_keys(forest, records[tied], kind[tied], column)
    return gather_with_loose(FIELDS, forest, _occurrences(forest, keys, trace[tied], rows), alone)


def _occurrences(forest: Forest, keys: dict[str, Any], trace: npt.NDArray[Any], rows: npt.NDArray[Any]) -> Occurrences:
    return Occurrences(
        keys=keys,
        trace=trace,
        sums={"records": np.ones(len(rows), np.bool_)},
        histograms={},
        exemplar_value=forest.duration[rows],
        span_offset=np.arange(len(rows) + 1),
        span_rows=rows,
    )


def _keys(forest: Forest, rows: npt.NDArray[np.int64], kind: Codes, place: Codes) -> dict[str, Any]:
    return {
        "service": chosen(forest.service, rows),
        "place": place,
        "kind": kind,
        "carrier": chosen(forest.codes("operation"), rows),
    }


def _log_keys(
    forest: Forest, records: npt.NDArray[np.int64], kind: npt.NDArray[np.int32], column: str
) -> dict[str, Any]:
    return {
        "service": chosen(forest.logs.service, records),
        "place": Codes(np.zeros(len(records), np.int32), (_LOG_PLACES[column],)),
        "kind": Codes(kind, KINDS),
        "carrier": chosen(forest.logs.codes("template"), records),
    }


def _exposing(codes: Codes, found: dict[int, tuple[str, ...]]) -> tuple[Int64s, npt.NDArray[np.int32]]:
    """Return the rows whose text exposes something, ascending, once for each kind, and the kind."""
    rows, kinds = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    there = {name for held in found.values() for name in held}
    for kind, name in enumerate(KINDS):
        if name not in there:
            continue
        exposes = np.zeros(len(codes.values) + 1, np.bool_)
        exposes[[place for place, held in found.items() if name in held]] = True
        hit = np.flatnonzero(exposes[codes.codes])
        rows.append(hit)
        kinds.append(np.full(len(hit), kind, np.int32))
    place = np.concatenate(rows)
    order = np.argsort(place, kind="stable")
    return place[order], np.concatenate(kinds)[order]
