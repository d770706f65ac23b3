"""Inputs to begin with in the formats of vendors, of log files and of rows of one's own: made in code, or recorded.

Recordings are read where they lie beside the checkout, if they do: none is copied.
"""

from __future__ import annotations

import orjson

from tests.conftest import SHARED
from tests.sources.build import Made, framed, jaeger_json, otlp_json, otlp_message, zipkin_json
from tests.sources.logs import MADE as LOGS
from tests.sources.test_hostile_vendors import EXPORTS
from tests.sources.test_mapped_rows import MAPPING, ROWS

__all__ = ["MAPPING", "by_format", "mapped_rows", "recorded"]

#: Larger recordings take the time of many small ones.
LARGEST = 100_000
_RECORDED = SHARED / "exports"
SPANS = [
    Made(1, 1),
    Made(1, 2, 1, "cart", "SELECT item", "client", "error", attributes={"db.system": "redis", "db.statement": "GET 7"}),
    Made(1, 3, 1, "cart", "orders publish", "producer", attributes={"messaging.system": "kafka", "n": 7, "x": True}),
]
_NO_EXPORTS = {".md", ".txt"}


def by_format() -> dict[str, list[bytes]]:
    """Return inputs by the name of their format."""
    found = {name: list(contents) for name, contents in EXPORTS.items()}
    for made in LOGS.values():
        found.setdefault(made.format, []).append(made.content)
    found["otlp-json"] = [otlp_json(SPANS), otlp_json(SPANS, "base64", "name")]
    found["otlp-protobuf"] = [otlp_message(SPANS), framed(otlp_message(SPANS), otlp_message(SPANS[:1]))]
    found["jaeger-json"] = [jaeger_json(SPANS)]
    found["zipkin-json"] = [zipkin_json(SPANS)]
    return found


def mapped_rows() -> list[bytes]:
    """Return rows that only a mapping explains, as CSV and as JSON lines."""
    names = list(dict.fromkeys(name for row in ROWS for name in row))
    table = [names, *([row.get(name, "") for name in names] for row in ROWS)]
    return [
        "\n".join(",".join(map(str, row)) for row in table).encode(),
        b"\n".join(orjson.dumps(row, default=str) for row in ROWS),
    ]


def recorded() -> list[bytes]:
    """Return the small ones among the recordings beside the checkout; none where there are none."""
    if not _RECORDED.is_dir():
        return []
    paths = (path for path in sorted(_RECORDED.rglob("*")) if path.is_file() and path.suffix not in _NO_EXPORTS)
    return [path.read_bytes() for path in paths if path.stat().st_size <= LARGEST]
