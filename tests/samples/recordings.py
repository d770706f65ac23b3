"""The sample recordings as plain records, read without the analysis, so that both can be held against each other."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import zstandard

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "shop"
WINDOWS = ("before", "incident", "after")
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
ERROR = 2


def read_text(path: Path) -> str:
    """Return the text of a file in zstandard's format."""
    return zstandard.ZstdDecompressor().decompress(path.read_bytes()).decode()


@dataclass(frozen=True, eq=False)
class RecordedSpan:
    """One span as it was exported."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    scope: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    failed: bool
    attributes: dict[str, Any] = field(repr=False)
    links: int = 0

    @property
    def statement(self) -> str:
        """The text of its query, by the new name or the old."""
        return str(self.attributes.get("db.query.text", self.attributes.get("db.statement", "")))

    @property
    def url(self) -> str:
        """The address that a client span calls, by the new name or the old."""
        return str(self.attributes.get("url.full", self.attributes.get("http.url", "")))


@dataclass(frozen=True)
class Recording:
    """One window of the shop."""

    name: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return SAMPLES / self.name

    @cached_property
    def spans(self) -> list[RecordedSpan]:
        """All spans, in the order of the file."""
        return list(_read_spans(self.folder / "traces.jsonl.zst"))

    @cached_property
    def by_id(self) -> dict[str, RecordedSpan]:
        """Spans by their id."""
        return {span.span_id: span for span in self.spans}

    @cached_property
    def children(self) -> dict[str, list[RecordedSpan]]:
        """Spans by their parent's id."""
        children = defaultdict(list)
        for span in self.spans:
            children[span.parent_id].append(span)
        return children

    @cached_property
    def log_records(self) -> list[dict[str, Any]]:
        """The OTLP log records, each with the name of its service."""
        records = []
        for line in read_text(self.folder / "logs.jsonl.zst").splitlines():
            for resource in json.loads(line)["resourceLogs"]:
                service = _attributes(resource["resource"])["service.name"]
                for scope in resource["scopeLogs"]:
                    records += [{**record, "service": service} for record in scope["logRecords"]]
        return records

    def served(self, service: str, name: str) -> list[RecordedSpan]:
        """Return the server spans of one operation."""
        return [span for span in self.spans if span.kind == SERVER and (span.service, span.name) == (service, name)]

    def below(self, span: RecordedSpan) -> Iterator[RecordedSpan]:
        """Yield all spans below one."""
        waiting = list(self.children[span.span_id])
        while waiting:
            found = waiting.pop()
            waiting += self.children[found.span_id]
            yield found

    def calls(self) -> Counter[tuple[str, str]]:
        """Count synchronous calls between services, caller and callee."""
        return Counter(
            (self.by_id[span.parent_id].service, span.service)
            for span in self.spans
            if span.kind == SERVER and span.parent_id in self.by_id
        )

    def tables(self, *verbs: str) -> dict[str, Counter[str]]:
        """Count the statements with one of `verbs` on each table, by service."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for span in self.spans:
            words = span.statement.split()
            if span.kind == CLIENT and words and words[0] in verbs:
                place = {"SELECT": "FROM", "INSERT": "INTO", "UPDATE": "UPDATE"}[words[0]]
                if place in words:
                    found[words[words.index(place) + 1]][span.service] += 1
        return found


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values()), None) for pair in holder.get("attributes", [])}


def _read_spans(path: Path) -> Iterator[RecordedSpan]:
    for line in read_text(path).splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            service = _attributes(resource["resource"])["service.name"]
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    yield RecordedSpan(
                        trace_id=span["traceId"],
                        span_id=span["spanId"],
                        parent_id=span.get("parentSpanId", ""),
                        service=service,
                        scope=scope["scope"]["name"],
                        name=span["name"],
                        kind=span["kind"],
                        start_ns=int(span["startTimeUnixNano"]),
                        end_ns=int(span["endTimeUnixNano"]),
                        failed=span.get("status", {}).get("code") == ERROR,
                        attributes=_attributes(span),
                        links=len(span.get("links", ())),
                    )
