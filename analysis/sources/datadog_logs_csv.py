"""Log records as Datadog's Logs Explorer exports them: CSV with the columns that were shown.

**Who exports it.** Logs Explorer: *Export*, *Download as CSV*; and lists of logs that were exported from notebooks.

**What is read.** Date, host, service, status and message, and any further column by the name that its attribute has:
``dd.trace_id``, ``trace_id``, ``logger.name`` and so on. A message that is itself JSON, logfmt or an access log is read
as a file of such lines would be.

**What is assumed.** Ids of ``dd.`` columns are decimal and are the lower half of a trace id. Without such a column the
records name no trace: add it in the Explorer before exporting. Datadog exports as many rows as it is asked for, and
cuts off the rest without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._ledger import Rejects
from analysis.sources._log_lines import LineReader
from analysis.sources._log_records import RecordReader
from analysis.sources._log_sniff import first_lines
from analysis.sources._log_tables import cells_of, header_of, rows_of
from analysis.sources._log_times import log_time
from analysis.sources._log_values import level
from analysis.sources._rows import BATCH_ROWS, Batch, LogRows
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "datadog-logs-csv"
TITLE: Final = "Datadog Logs Explorer CSV"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "row has another number of cells than the header"
_TIMES: Final = ("date", "timestamp", "@timestamp")
_MESSAGES: Final = ("message", "content")
_BESIDE: Final = frozenset({"host", "service", "status", "level", "severity", "source"})
_SPANS: Final = frozenset({"parent_id", "parentid", "spanid", "span_id", "duration", "start", "operationname"})


def sniff(head: bytes) -> bool:
    """Return whether the first line names a date and a message, and what Datadog shows beside them."""
    if head.lstrip()[:1] in {b"{", b"["}:
        return False
    names = {name.strip().lower().lstrip("@") for name in header_of(first_lines(head))}
    dated, told = names & {name.lstrip("@") for name in _TIMES}, names & set(_MESSAGES)
    return bool(dated and told and names & _BESIDE) and not {"parent_id", "parentid"} & names and "line" not in names


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield log records in batches."""
    rows, lines, records = LogRows(rejects), LineReader(rejects), RecordReader(rejects, decimal=True)
    table = cells_of((f"{text}\n" for text in rows_of(stream, rejects)), ",", rejects)
    names = [name.strip().lstrip("\ufeff") for name in next(table, [])]
    for number, cells in enumerate(table, start=2):
        if not cells:
            continue
        if len(cells) != len(names):
            rejects.add(SHAPE, f"row {number}", f"{len(cells)} cells, not {len(names)}")
            continue
        rows.append(rows.template | _columns(dict(zip(names, cells, strict=True)), lines, records))
        if len(rows) >= BATCH_ROWS:
            yield from rows.batch()
    yield from rows.batch()


def _columns(cells: dict[str, str], lines: LineReader, records: RecordReader) -> dict[str, Any]:
    plain = {name.lower().lstrip("@"): name for name in cells}
    message = next((cells[plain[name]] for name in _MESSAGES if name in plain), "").rstrip("\n")
    row: dict[str, Any] = lines.columns(message) if message else {"structured": False}
    beside = {name.lstrip("@"): value for name, value in cells.items() if value and name.lower() not in _MESSAGES}
    told = records.columns(beside)
    own = {"structured", "body", "time_ns", "fields"}
    row |= {name: value for name, value in told.items() if value is not None and name not in own}
    time = next((cells[plain[name]] for name in ("date", "timestamp") if name in plain), "")
    row["time_ns"] = log_time(time)[0] or row.get("time_ns")
    row["severity"] = level(cells.get(plain.get("status", ""), "")) or row.get("severity")
    return row
