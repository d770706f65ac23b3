"""Log lines as logcli, Loki's command line, prints them.

**Who exports it.** ``logcli query '{app="cart"}' --output=jsonl``, or the default output.

**What is read.** Of ``--output=jsonl`` an object a line with ``timestamp``, ``line`` and ``labels``; of the default
output lines ``time {labels} line``. The line itself is read as a file of it would be, and what it does not say is taken
from the labels, as of Loki's API (``loki-json``). ``--output=raw`` prints the lines alone: they are read as what they
are, but without the labels.

**What is assumed.** Common labels, which logcli leaves out of the lines unless it is told ``--include-common-labels``,
are taken from its own header where that was kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from analysis.sources._collection import without_collection
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Rejects, masked
from analysis.sources._log_labels import LabelledLines
from analysis.sources._log_lines import lines_of
from analysis.sources._log_sniff import first_lines, json_objects, mostly
from analysis.sources._rows import Batch
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "logcli"
TITLE: Final = "logcli, Loki's command line: jsonl and default output"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "line has another shape than its format says"

_LABELS: Final = r'\{(?:\s*[A-Za-z_]\w*="(?:[^"\\]|\\.)*"\s*,?)*\s*\}'
_LINE: Final = re.compile(
    rf"(?P<time>\d{{4}}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))\s+(?P<labels>{_LABELS})\s?(?P<line>.*)"
)
_COMMON: Final = re.compile(rf"(?:\S+ \S+ )?Common labels: (?P<labels>{_LABELS})")
_LABEL: Final = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
#: Labels that are remembered.
_MOST: Final = 10_000
#: What logcli itself says on the way.
_SAID: Final = re.compile(r"(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?(?:https?://|Common labels:|Ignoring)")


def sniff(head: bytes) -> bool:
    """Return whether most lines are what logcli prints."""
    lines = [line for line in first_lines(head) if not _SAID.match(line)]
    objects = json_objects(lines)
    if objects:
        return 2 * sum(map(_is_record, objects)) >= len(lines)
    return mostly(lines, lambda line: _LINE.match(line) is not None)


def _is_record(record: dict[str, Any]) -> bool:
    return record.keys() >= {"timestamp", "line", "labels"} and isinstance(record["labels"], dict)


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield log records in batches."""
    lines = LabelledLines(rejects)
    common: dict[str, str] = {}
    known: dict[bytes, dict[str, Any]] = {}
    for number, line in enumerate(lines_of(stream, rejects), start=1):
        if line[:1] == "{":
            _object(line, number, common, known, lines, rejects)
        elif (header := _COMMON.match(line)) is not None:
            common = _labels(header["labels"])
            known.clear()
        elif (match := _LINE.match(line)) is not None:
            lines.add(match["line"], match["time"], common | _labels(match["labels"]))
        elif not _SAID.match(line):
            rejects.add(SHAPE, f"record {number}", masked(line))
        yield from lines.full()
    yield from lines.rest()


class _Record(msgspec.Struct, gc=False):
    """A line of ``--output=jsonl``."""

    timestamp: Any
    line: str
    labels: msgspec.Raw


_RECORD: Final = msgspec.json.Decoder(_Record)


def _object(
    line: str,
    number: int,
    common: dict[str, str],
    known: dict[bytes, dict[str, Any]],
    lines: LabelledLines,
    rejects: Rejects,
) -> None:
    """Take a line of JSON; labels that came before are known by how they are written."""
    try:
        typed = _RECORD.decode(line)
        said = bytes(typed.labels)
        labels = known.get(said)
        if labels is not None:
            lines.add(typed.line, typed.timestamp, labels)
            return
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        said = b""
    try:
        record = loads(line.encode("utf-8", "replace"))
    except NotJson:
        rejects.add("not JSON", f"record {number}")
        return
    if not isinstance(record, dict) or not _is_record(record) or not isinstance(record["line"], str):
        rejects.add(SHAPE, f"record {number}", masked(record))
        return
    labels = common | record["labels"]
    if said:
        if len(known) >= _MOST:
            known.clear()
        known[said] = labels
    lines.add(record["line"], record["timestamp"], labels)


def _labels(text: str) -> dict[str, str]:
    return {name: value.replace('\\"', '"') for name, value in _LABEL.findall(text)}
