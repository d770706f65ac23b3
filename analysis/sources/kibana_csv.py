"""CSV reports of Kibana's Discover on traces, where they hold the columns that make a span.

**Who exports it.** Discover on ``traces-*``: choose the columns, save the search, *Share*, *CSV reports*. A report is a
projection: what was not a column is not in it. It needs ``trace.id``; ``span.id`` or ``transaction.id``; ``parent.id``;
``service.name``; ``@timestamp`` or ``timestamp.us``; ``span.duration.us`` or ``transaction.duration.us``. Worth adding:
``processor.event``, the names and types of spans and transactions, ``event.outcome``, ``span.db.statement``,
``span.destination.service.resource``, ``url.full``. A report without one of those it needs is refused by the name of
what is missing.

**What is read.** Each row as the document that it is a part of: see the format `elastic-apm`.

**What is assumed.** ``@timestamp`` is as Kibana shows it (``Jan 5, 2026 @ 10:11:12.123``) or ISO 8601, without a zone
UTC, though Kibana writes that of the browser: ``timestamp.us`` is exact. Numbers may have commas between thousands; a
dash is an empty cell. A report ends at a size that Kibana's configuration says, without a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._kibana_columns import is_report, missing_columns
from analysis.sources._ledger import Rejects
from analysis.sources._log_sniff import first_lines
from analysis.sources._log_tables import cells_of, header_of, rows_of
from analysis.sources._log_times import NO_ZONE, log_time
from analysis.sources._rows import Batch
from analysis.sources._streams import Readable
from analysis.sources.elastic_apm import DocumentReader

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "kibana-csv"
TITLE: Final = "Kibana Discover CSV reports on traces"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "row has another number of cells than the header"
NO_TIME: Final = "time is none that Kibana writes"
#: What Kibana shows for a field without a value.
_EMPTY: Final = frozenset({"", "-", "(empty)", "(null)", "undefined"})
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?", re.ASCII)
#: Fields that are numbers, by their ends.
_NUMBERS: Final = (".us", ".count", "_count", ".port", ".status_code", ".rows_affected", ".dropped", "duration")


def sniff(head: bytes) -> bool:
    """Return whether the first line names the columns that make a span."""
    columns = _header(head)
    return is_report(columns) and not missing_columns(columns)


def _header(head: bytes) -> list[str]:
    if head.lstrip()[:1] in {b"{", b"["}:
        return []
    return [name.strip().lstrip("\ufeff") for name in header_of(first_lines(head))]


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    reader = DocumentReader(rejects)
    lines = rows_of(stream, rejects)
    first = next(lines, "")
    delimiter = next((mark for mark in "\t;" if mark in first and "," not in first), ",")
    table = cells_of((f"{line}\n" for line in chain((first,), lines)), delimiter, rejects)
    names = [name.strip().lstrip("\ufeff") for name in next(table, [])]
    for number, cells in enumerate(table, start=2):
        if not cells:
            continue
        if len(cells) != len(names):
            rejects.add(SHAPE, f"row {number}", f"{len(cells)} cells, not {len(names)}")
            continue
        flat = {name: cell for name, cell in zip(names, cells, strict=True) if cell not in _EMPTY}
        if _dated(flat, rejects):
            reader.take(flat, f"row {number}")
            yield from reader.full()
        else:
            rejects.add(NO_TIME, f"row {number}")
    yield from reader.rest()


def _dated(flat: dict[str, Any], rejects: Rejects) -> bool:
    """Bring the cells of a row into the form of a document; return whether its time can be read."""
    for name, cell in flat.items():
        if name.endswith(_NUMBERS) and _THOUSANDS.fullmatch(cell):
            flat[name] = cell.replace(",", "")
    flat["transaction.sampled"] = flat.get("transaction.sampled", "true") != "false"
    if "timestamp.us" in flat or "@timestamp" not in flat:
        return True
    time_ns, has_zone = log_time(flat["@timestamp"])
    if time_ns is None:
        return False
    if not has_zone:
        rejects.note(NO_ZONE)
    flat["@timestamp"] = str(time_ns // 1_000_000)
    return True
