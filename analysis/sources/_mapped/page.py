"""The page on rows of one's own: how a mapping is written, and every column that it can name."""

from __future__ import annotations

from typing import Final

from analysis.schema import LOGS, SPANS, Column
from analysis.sources._mapped.mapping import BESIDE, Table, mappable

__all__ = ["ROWS_TITLE", "rows_page"]

ROWS_TITLE: Final = "Rows of your own: CSV, JSON lines or Parquet, with --map columns.yml"

_HEAD: Final = """\
Rows of any CSV (with a header), JSON lines or Parquet, once a mapping says what their columns are:

    spans:
      trace_id: TraceID
      span_id: SpanID
      parent_span_id: {field: ParentID, values: {root: null}}
      service: {field: PodName, match: '^(.*)-[^-]+-[^-]+$'}
      name: OperationName
      start_ns: {field: Started, unit: us}
      duration_ns: {field: Duration, unit: ms}
    logs:
      time_ns: {field: Time, unit: iso}
      trace_id: TraceID
      body: Message

On the right stands a field, or more about it. `field` is a column or a way with dots into nested ones; the first group
of `match` is the value; `unit` is ns, us, ms, s or iso; `values` says what a value means, null being none. Each file is
read by the section whose fields it has. Spans need trace_id and span_id, logs time_ns or body; what rows do not hold
stays unknown, and detectors that need it say so."""


def rows_page() -> str:
    """Return the page, for a terminal."""
    lines = [_HEAD]
    tables: tuple[tuple[Table, tuple[Column, ...]], ...] = (("spans", SPANS), ("logs", LOGS))
    for table, columns in tables:
        meanings = {column.name: column.meaning for column in columns}
        lines += ["", f"columns of {table}"]
        lines += [f"  {name:<22}  {BESIDE[table].get(name) or meanings[name]}" for name in mappable(table)]
    return "\n".join(lines)
