"""Log lines as Grafana downloads them, from Explore or a panel: text, CSV or JSON.

**Who exports it.** Grafana: run a log query in Explore, then *Download* (txt, csv, json), or *Inspector*, *Data*,
*Download CSV* (with *Download for Excel* too, which writes UTF-16 and tabs) or *Download logs*.

**What is read.** Of text a line ``milliseconds⇥time⇥line`` each, behind a header with the common labels; of CSV the
columns ``Line`` and ``Time``, ``tsNs`` or ``Date``, ``labels`` and whatever else is named as a label would be; of JSON
objects with ``line``, ``timestamp`` and ``fields`` or ``labels``. The line itself is read as a file of it would be, and
what it does not say is taken from the labels, as of Loki's API (``loki-json``).

**What is assumed.** Times in the CSV without a zone are UTC, though Grafana writes those of the browser: ``tsNs`` is
preferred where it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units_of
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Rejects, masked
from analysis.sources._log_labels import LabelledLines
from analysis.sources._log_sniff import first_lines
from analysis.sources._log_tables import cells_of, header_of, rows_of
from analysis.sources._outline import outlines
from analysis.sources._rows import Batch
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "grafana-logs"
TITLE: Final = "Grafana log downloads: txt, csv, json"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
_TEXT: Final = re.compile(r"(?P<ms>\d{13})\t(?P<iso>\d{4}-\d\d-\d\dT[\d:.]+Z?)\t(?P<line>.*)", re.DOTALL)
_HEADER: Final = re.compile(r"(?:Common labels|[A-Z][\w ]{0,40}): (?P<value>.*)")
_TIMES: Final = ("tsns", "time", "timestamp", "date")


def sniff(head: bytes) -> bool:
    """Return whether the bytes are a download of log lines."""
    if head.lstrip()[:1] in {b"[", b"{"}:
        return any(_is_record(keys.has, path) for keys in outlines(head) for path in ("[]", ""))
    lines = first_lines(head)
    return any(_TEXT.match(line) for line in lines) or _is_header(header_of(lines))


def _is_record(has: Any, path: str) -> bool:
    return (
        bool(has(path, "line") and has(path, "timestamp"))
        and bool(has(path, "fields") or (has(path, "labels") and path == "[]"))
        and not has(path, "traceID")
    )


def _is_header(names: list[str]) -> bool:
    plain = {name.strip().lower() for name in names}
    return "line" in plain and not plain.isdisjoint(_TIMES)


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield log records in batches."""
    lines = LabelledLines(rejects)
    texts = rows_of(stream, rejects)
    first = next(texts, "")
    take = _objects if first.lstrip()[:1] in {"[", "{"} else _table if _is_header(header_of([first])) else _texts
    if take is _table or not first.startswith("sep="):
        records = take(first, texts, lines, rejects)
    else:
        records = _table(next(texts, ""), texts, lines, rejects)
    for _ in records:
        yield from lines.full()
    yield from lines.rest()


def _texts(first: str, texts: Iterator[str], lines: LabelledLines, rejects: Rejects) -> Iterator[None]:
    """Take lines of text; what stands before the first are labels, what follows without a time continues a line."""
    labels: dict[str, Any] = {}
    pending: list[str] | None = None
    for text in _chain(first, texts):
        match = _TEXT.match(text)
        if match is not None:
            if pending is not None:
                lines.add("\n".join(pending[1:]), pending[0], labels)
                yield
            # Milliseconds are all that is kept of the time; the text shows no more.
            pending = [match["ms"], match["line"]]
        elif pending is not None:
            pending.append(text)
        elif (header := _HEADER.match(text)) is not None:
            labels |= _labels(header["value"])
    if pending is not None:
        lines.add("\n".join(pending[1:]), pending[0], labels)
        yield
    else:
        rejects.add("text without a log line", "record 1")


def _table(first: str, texts: Iterator[str], lines: LabelledLines, rejects: Rejects) -> Iterator[None]:
    names = header_of([first])
    delimiter = "\t" if "\t" in first else ";" if ";" in first and "," not in first else ","
    plain = [name.strip().lower() for name in names]
    line_at = plain.index("line")
    time_at = next(plain.index(name) for name in _TIMES if name in plain)
    for number, row in enumerate(cells_of((f"{text}\n" for text in texts), delimiter, rejects, 2), start=2):
        if not row:
            continue
        if len(row) <= max(line_at, time_at):
            rejects.add(SHAPE, f"row {number}", f"{len(row)} cells")
            continue
        labels = dict(zip(names, row, strict=False))
        lines.add(row[line_at].rstrip("\n"), row[time_at], _labels(labels.pop("labels", "")) | labels)
        yield


def _objects(first: str, texts: Iterator[str], lines: LabelledLines, rejects: Rejects) -> Iterator[None]:
    content = "\n".join(_chain(first, texts)).encode("utf-8", "replace")
    number = 0
    for unit in units_of(content, rejects, Layout(), "the file"):
        found = unit.value if isinstance(unit.value, list) else [unit.value]
        for record in found:
            number += 1
            if not isinstance(record, dict) or not isinstance(record.get("line"), str):
                rejects.add(SHAPE, f"record {number}", masked(record))
                continue
            labels: dict[str, Any] = {}
            for name in ("labels", "fields"):
                if isinstance(record.get(name), dict):
                    labels |= record[name]
            lines.add(record["line"], record.get("timestamp") or record.get("date"), labels)
            yield


def _labels(text: str) -> dict[str, Any]:
    """Return labels that are written as a JSON object."""
    if text[:1] != "{":
        return {}
    try:
        found = loads(text.encode("utf-8", "replace"))
    except NotJson:
        return {}
    return found if isinstance(found, dict) else {}


def _chain(first: str, texts: Iterator[str]) -> Iterator[str]:
    yield first
    yield from texts
