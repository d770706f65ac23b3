"""Log records as Elasticsearch and Kibana hand them out.

**Who exports it.** ``_search`` on an index of logs (``filebeat-*``, ``logs-*``), as the API or Kibana's *Inspect*,
*Response* returns it; elasticdump and similar tools, which write a hit a line; documents of an index as an array.

**What is read.** ECS documents, nested or with dotted names, from ``_source`` or from ``fields`` (whose values are
arrays): time, level, service, logger, message, trace, transaction and span id, host, type of error. Documents that are
logs of Elastic APM count; its transactions, spans and metrics are another format's.

**What is assumed.** A document without a message counts where it has ``event.original`` or ``error.message``. A search
returns 10,000 hits at most: where the total says that there are more, a note says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units
from analysis.sources._ledger import Rejects, masked
from analysis.sources._log_keys import flattened
from analysis.sources._log_lines import LineReader
from analysis.sources._outline import Outline, outlines
from analysis.sources._rows import BATCH_ROWS, Batch, LogRows
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "elastic-logs"
TITLE: Final = "Elasticsearch log documents: _search, elasticdump, ECS arrays"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
NO_LOG: Final = "documents that are no logs were passed over"
MORE: Final = "the search found more than it returned"

_LAYOUT: Final = Layout(records=frozenset({"hits"}))
_HITS: Final = ("hits.hits[]", "hits[]", "[]", "")
_SOURCES: Final = ("_source", "fields")
#: What only the other documents of Elastic APM, or spans of OpenTelemetry, have.
_TRACED: Final = ("transaction.duration.us", "span.duration.us", "span.name", "transaction.type", "parent_span_id")
_LOGS: Final = frozenset({"log", "error", None})
_INTAKE: Final = ("trace.id", "trace_id")


def sniff(head: bytes) -> bool:
    """Return whether the bytes are hits or documents of a search, with messages and without spans."""
    return any(_is_logs(keys, head) for keys in outlines(head))


def _is_logs(keys: Outline, head: bytes) -> bool:
    for path in _HITS:
        inner = [f"{path}.{name}".lstrip(".") for name in _SOURCES if keys.has(path, name)]
        hit = bool(inner) and (keys.has(path, "_index") or keys.has(path, "_id"))
        # Documents of an array are told by their arrays of values, or by Elastic's own name for the time.
        plain = path == "[]" and keys.has(path, "@timestamp")
        for place in inner if hit else [path] if plain else []:
            if _has(keys, place, "message") and not any(_has(keys, place, name) for name in _TRACED):
                return True
    del head
    return False


def _has(keys: Outline, path: str, name: str) -> bool:
    """Return whether an object has a name, dotted or nested."""
    first, _, rest = name.partition(".")
    return keys.has(path, name) or (bool(rest) and keys.has(path, first) and _has(keys, f"{path}.{first}", rest))


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield log records in batches."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from reader.rows.batch()


class _Reader:
    """Gathers rows from decoded hits."""

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = LogRows(rejects)
        self._rejects = rejects
        self._lines = LineReader(rejects)

    def take(self, value: Any, position: str) -> None:
        """Take a hit, a document, or a body that holds them."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                self.take(item, f"{position}[{index}]")
            return
        if not isinstance(value, dict):
            self._rejects.add(SHAPE, position, masked(value))
            return
        hits = value.get("hits")
        if isinstance(hits, dict | list):
            self._body(value, hits, position)
            return
        inner = next((value[name] for name in _SOURCES if isinstance(value.get(name), dict)), None)
        self._document(inner if inner is not None and ("_index" in value or "_id" in value) else value, position)

    def _body(self, value: dict[str, Any], hits: Any, position: str) -> None:
        total = value.get("total")
        found = total.get("value") if isinstance(total, dict) else total
        if isinstance(hits, list) and isinstance(found, int) and found > len(hits):
            self._rejects.note(MORE)
        self.take(hits, position)

    def _document(self, document: dict[str, Any], position: str) -> None:
        flat = {
            key: item[0] if isinstance(item, list) and len(item) == 1 else item
            for key, item in flattened(document).items()
        }
        if not flat:
            self._rejects.add(SHAPE, position, "an empty document")
            return
        if flat.get("processor.event") not in _LOGS or flat.get("metricset.name") is not None:
            self._rejects.note(NO_LOG)
            return
        message = flat.get("message")
        shaped = self._lines.columns(message) if isinstance(message, str) and message else {}
        told = self._lines.records.columns(flat)
        row = self.rows.template | shaped
        row |= {name: found for name, found in told.items() if found is not None and name != "body"}
        # Whether the program logged data or prose shows in the line that was shipped, or in what it was parsed into.
        row["structured"] = bool(shaped.get("structured")) or "log.level" in flat or "log.logger" in flat
        row["body"] = row["body"] or told.get("body")
        self.rows.append(row)
