"""Log lines as Loki's API returns them.

**Who exports it.** ``/loki/api/v1/query_range`` and ``/query`` with a log query; Grafana's *Inspector*, *Data* where it
shows the response; ``curl`` or scripts that page through a range, one response a line or one after another.

**What is read.** Streams with their labels, lines with their times in nanoseconds and structured metadata. The line
itself is read as a file of it would be: JSON, logfmt, an access log or text. What it does not say is taken from the
labels: service, host, level, trace and span id.

**What is assumed.** Of several labels that could name the service the first of ``service_name``, ``service``, ``app``,
``component``, ``container``, ``job`` is taken. Results of metric queries (``matrix``, ``vector``) hold no lines and are
refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units
from analysis.sources._ledger import Rejects, masked
from analysis.sources._log_labels import LabelledLines
from analysis.sources._outline import outlines
from analysis.sources._rows import Batch
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "loki-json"
TITLE: Final = "Loki JSON: query_range"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "stream has another shape than its format says"
NO_LINES: Final = "results of metric queries hold no log lines"

_LAYOUT: Final = Layout(records=frozenset({"result"}), wrappers=frozenset({"data"}), salvage=frozenset({"values"}))


def sniff(head: bytes) -> bool:
    """Return whether the bytes are streams of Loki: a result whose type is ``streams``."""
    return any(
        (keys.has("data.result[]", "stream") and keys.has("data.result[]", "values"))
        or (keys.has("data", "resultType") and keys.has("data", "result") and _STREAMS in head.replace(b" ", b""))
        for keys in outlines(head)
    )


_STREAMS: Final = b'"resultType":"streams"'


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield log records in batches."""
    lines = LabelledLines(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        yield from _streams(unit.value, unit.position, lines, rejects)
        yield from lines.full()
    yield from lines.rest()


def _streams(value: Any, position: str, lines: LabelledLines, rejects: Rejects) -> Iterator[Batch]:
    """Take a stream, or a whole response that stands on a line of its own."""
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        for index, found in enumerate(value["data"].get("result") or ()):
            yield from _streams(found, f"{position}: result[{index}]", lines, rejects)
        return
    if isinstance(value, dict) and "result" not in value and "metric" in value:
        rejects.add(NO_LINES, position)
        return
    labels = value.get("stream") if isinstance(value, dict) else None
    if not isinstance(labels, dict) or not isinstance(value.get("values"), list):
        if not (isinstance(value, dict) and value.get("status") == "success"):
            rejects.add(SHAPE, position, masked(value))
        return
    for index, entry in enumerate(value["values"]):
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
            rejects.add(SHAPE, f"{position}.values[{index}]", masked(entry))
            continue
        lines.add(entry[1], entry[0], labels if len(entry) == 2 else labels | _metadata(entry))
    yield from lines.full()


def _metadata(entry: list[Any]) -> dict[str, Any]:
    """Return the structured metadata of an entry, which Loki may put into two objects."""
    found = entry[2] if len(entry) > 2 and isinstance(entry[2], dict) else {}
    inner = [found[name] for name in ("structuredMetadata", "parsed") if isinstance(found.get(name), dict)]
    return {name: value for part in inner for name, value in part.items()} if inner else found
