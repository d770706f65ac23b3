"""Spans and log records as pandas tables: ids as hexadecimal digits, times as timestamps, texts as categories."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.log_patterns import group_templates
from analysis.schema import LOG_SCHEMA, LOGS, SPAN_SCHEMA, SPANS, Column

if TYPE_CHECKING:
    from analysis.dataset.model import Dataset

__all__ = ["hexadecimal", "log_frame", "reject_frame", "span_frame"]

_LANES: Final = {"trace_id_high", "trace_id_low", "span_id", "parent_span_id", "start_ns", "time_ns"}
_SPAN_IDS: Final = ("trace_id", "span_id", "parent_span_id")
_SPAN_TIMES: Final = ("start", "start_ns", "raw_start_ns", "duration_ns")
_LOG_FIRST: Final = ("trace_id", "span_id", "time", "time_ns")


def _plain(columns: Sequence[Column], first: Sequence[str]) -> list[str]:
    """Columns shown unless others are named: those that hold no values of users, and no lists."""
    return [
        column.name
        for column in columns
        if column.name not in _LANES
        and column.name not in first
        and "never shown" not in column.meaning
        and not pa.types.is_list(column.type)
    ]


_SPAN_DEFAULT: Final = (*_SPAN_IDS, *_SPAN_TIMES, *_plain(SPANS, _SPAN_TIMES))
_SPAN_NAMES: Final = frozenset({*_SPAN_IDS, *_SPAN_TIMES, *SPAN_SCHEMA.names})
_LOG_DEFAULT: Final = (*_LOG_FIRST, *_plain(LOGS, _LOG_FIRST))
_LOG_NAMES: Final = frozenset({*_LOG_FIRST, *LOG_SCHEMA.names})


def span_frame(dataset: Dataset, columns: Sequence[str] | None, service: str | Collection[str] | None) -> pd.DataFrame:
    """Return the table of `Dataset.spans`."""
    names = _known(columns, _SPAN_DEFAULT, _SPAN_NAMES)
    parts = []
    for table, corrected in _corrected(dataset, names):
        rows = _of_service(table, service)
        chosen = table.take(rows)
        parts.append({name: _span_column(name, chosen, corrected[rows.to_numpy()]) for name in names})
    return _frame(names, parts)


def log_frame(dataset: Dataset, columns: Sequence[str] | None, service: str | Collection[str] | None) -> pd.DataFrame:
    """Return the table of `Dataset.logs`."""
    names = _known(columns, _LOG_DEFAULT, _LOG_NAMES)
    needed = [name for name in LOG_SCHEMA.names if name in {*names, "service", *_LANES}]
    parts = []
    for partition in dataset.log_partitions:
        table = partition.read(needed)
        chosen = table.take(_of_service(table, service))
        parts.append({name: _log_column(name, chosen) for name in names})
    frame = _frame(names, parts)
    return frame if "template" not in names else frame.assign(template=_patterns(dataset, frame["template"]))


def reject_frame(dataset: Dataset) -> pd.DataFrame:
    """Return the table of `Dataset.rejects`."""
    rows = [
        (entry.path, entry.format, row["reason"], int(row["count"]), row["example"])
        for entry in dataset.inputs
        for row in sorted(entry.rejected, key=lambda row: str(row["reason"]))
    ]
    frame = pd.DataFrame(rows, columns=["export", "format", "reason", "count", "example"])
    return frame.astype({"count": "int64"})


def _patterns(dataset: Dataset, templates: pd.Series) -> pd.Series:
    """Return the templates of the groups that those of the whole dataset form."""
    known = set[str]()
    for partition in dataset.log_partitions:
        known.update(text for text in pc.unique(partition.read(("template",))["template"]).to_pylist() if text)
    groups = group_templates(known)
    return templates.astype(object).map(groups).astype("category")


def _known(columns: Sequence[str] | None, default: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    if columns is None:
        return tuple(default)
    asked = (columns,) if isinstance(columns, str) else tuple(columns)
    missing = [name for name in asked if name not in names]
    if missing:
        raise KeyError(f"no such column: {', '.join(missing)}; there are {', '.join(sorted(names))}")
    return asked


def _corrected(dataset: Dataset, names: Sequence[str]) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
    """Give each partition's rows, and their starts with clock skew taken out; ns since the epoch."""
    needed = [name for name in SPAN_SCHEMA.names if name in {*names, "service", *_LANES, "duration_ns"}]
    if dataset.skew == "off" or not {"start", "start_ns"} & set(names):
        for partition in dataset.partitions:
            table = partition.read(needed)
            yield table, table["start_ns"].fill_null(0).to_numpy()
        return
    # The only look ahead of this room: raw times would not fit those of figures and findings.
    from analysis.planting import iter_forests  # noqa: PLC0415

    for forest in iter_forests(dataset, needed):
        yield forest.table, forest.start + forest.trace_start_ns[forest.trace_of]


def _of_service(table: pa.Table, service: str | Collection[str] | None) -> pa.Array:
    if service is None:
        return pa.array(np.arange(table.num_rows))
    wanted = [service] if isinstance(service, str) else sorted(service)
    texts = table["service"].cast(pa.string())
    mine = pc.is_in(texts, value_set=pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False)
    return pa.array(np.flatnonzero(mine))


def _span_column(name: str, rows: pa.Table, corrected: npt.NDArray[np.int64]) -> Any:
    if name in {"start", "start_ns"}:
        missing = rows["start_ns"].is_null().to_numpy(zero_copy_only=False)
        return _times(corrected, missing) if name == "start" else pd.arrays.IntegerArray(corrected.copy(), missing)
    if name == "raw_start_ns":
        return _column(rows["start_ns"])
    return _id_column(name, rows)


def _log_column(name: str, rows: pa.Table) -> Any:
    if name == "time":
        missing = rows["time_ns"].is_null().to_numpy(zero_copy_only=False)
        return _times(rows["time_ns"].fill_null(0).to_numpy(), missing)
    return _id_column(name, rows)


def _id_column(name: str, rows: pa.Table) -> Any:
    if name == "trace_id":
        high, low = rows["trace_id_high"].to_numpy(), rows["trace_id_low"].to_numpy()
        joined = np.char.add(hexadecimal(high), hexadecimal(low))
        return _texts(joined, (high == 0) & (low == 0))
    if name in {"span_id", "parent_span_id"}:
        ids = rows[name].fill_null(0).to_numpy()
        return _texts(hexadecimal(ids), ids == 0)
    return _column(rows[name])


def _texts(values: npt.NDArray[np.str_], missing: npt.NDArray[np.bool_]) -> Any:
    texts = values.astype(object)
    texts[missing] = None
    return pd.array(texts, dtype="str")


def hexadecimal(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.str_]:
    """Return 64-bit integers as 16 lower-case hexadecimal digits each."""
    digits = values.astype(">u8").tobytes().hex()
    return np.frombuffer(digits.encode(), dtype="S16").astype("U16")


def _times(values: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_]) -> Any:
    moments = values.astype("datetime64[ns]")
    moments[missing] = np.datetime64("NaT")
    return pd.DatetimeIndex(moments).tz_localize("UTC").array


def _column(column: Any) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        merged = column.unify_dictionaries().combine_chunks()
        return (
            (merged.chunk(0) if isinstance(merged, pa.ChunkedArray) else merged)
            .cast(pa.string())
            .to_numpy(zero_copy_only=False)
        )
    if pa.types.is_integer(kind):
        missing = column.is_null().to_numpy(zero_copy_only=False)
        return pd.arrays.IntegerArray(column.fill_null(0).to_numpy().copy(), missing)
    if pa.types.is_boolean(kind):
        return column.fill_null(False).to_numpy(zero_copy_only=False)
    if pa.types.is_list(kind):
        return pd.Series(column.to_pylist(), dtype=object).array
    return column.to_numpy(zero_copy_only=False)


def _frame(names: Sequence[str], parts: Sequence[dict[str, Any]]) -> pd.DataFrame:
    frames = [pd.DataFrame(part, columns=list(names)) for part in parts if len(next(iter(part.values()), ()))]
    frames = frames or [pd.DataFrame(part, columns=list(names)) for part in parts[:1]]
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(names))
    texts = [name for name in names if name not in {*_SPAN_IDS, *_SPAN_TIMES} and _is_text(name)]
    return whole.astype(dict.fromkeys(texts, "category"))


def _is_text(name: str) -> bool:
    for schema in (SPAN_SCHEMA, LOG_SCHEMA):
        if name in schema.names:
            return bool(pa.types.is_dictionary(schema.field(name).type))
    return False
