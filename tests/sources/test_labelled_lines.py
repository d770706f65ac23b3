"""Lines with labels become the same rows whether they are read by the block or one by one."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any

import pytest

from analysis.sources import Rejects, grafana_logs, logcli, loki_json
from tests.sources.scans import told

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
LINES = (
    f'ts=2026-11-23T07:00:00Z level=info msg="cart read" traceID={TRACE} size=7',
    "level=warn msg=slow service=prices",
    '{"level":"error","msg":"no answer","service":"cart","trace_id":"' + TRACE + '","span_id":"' + SPAN + '"}',
    '{"level":"info","msg":"a \\"quoted\\" word","host":"node-9"}',
    f"2026-11-23T07:00:00.000Z  INFO 1 --- [cart] [nio-1] [{TRACE}-{SPAN}] c.e.Cart : read",
    "2026-11-23 07:00:00 WARN no zone is named",
    '10.0.7.1 - - [23/Nov/2026:07:00:00 +0000] "GET /cart/7 HTTP/1.1" 200 12 "-" "curl/8.5"',
    "java.lang.IllegalStateException: no cart\n\tat shop.Cart.read(Cart.java:71)",
    "prose that says nothing of itself",
    "", "   ", "ends in a return\r", "an odd\rreturn", "\x1b[32mgreen\x1b[0m level=info msg=x", "späte Zeile é",
)  # fmt: skip
LABELS: tuple[dict[str, Any], ...] = (
    {"app": "cart", "namespace": "shop"},
    {"job": "shop/prices", "level": "warning", "node": "node-7"},
    {"service_name": "orders", "trace_id": TRACE, "span_id": SPAN, "detected_level": "error"},
    {},
)
TIMES = (
    "1795417200000000007", "1795417200", "1795417200.5", "2026-11-23T07:00:00.123456789Z", "2026-11-23 07:00:00",
    "2026-11-23T07:00:00+02:00", "soon", "", "99999999999999999999", "٣",
)  # fmt: skip
RECORDS = [*itertools.product(LINES, LABELS, TIMES[:2]), *itertools.product(LINES[:2], LABELS, TIMES)]


def of_loki() -> bytes:
    streams = [
        {"stream": labels, "values": [[time, line] for line, its, time in RECORDS if its is labels]}
        for labels in LABELS
    ]
    metadata = {"stream": {"app": "cart"}, "values": [["1795417200000000007", LINES[8], {"trace_id": TRACE}]]}
    return json.dumps({"data": {"resultType": "streams", "result": [*streams, metadata]}}).encode()


def of_logcli() -> bytes:
    objects = [{"labels": labels, "line": line, "timestamp": time} for line, labels, time in RECORDS]
    return b"\n".join(json.dumps(one).encode() for one in objects)


def of_grafana() -> bytes:
    objects = [{"line": line, "timestamp": time, "labels": labels, "fields": {}} for line, labels, time in RECORDS]
    return json.dumps(objects).encode()


@pytest.mark.parametrize(
    ("reader", "content"), [(loki_json, of_loki()), (logcli, of_logcli()), (grafana_logs, of_grafana())]
)
def test_lines_by_the_block(reader: Any, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(reader.read, content)
    assert len(found["logs"]) >= len(RECORDS)
    monkeypatch.setattr("analysis.sources._log_labels.block_lines", lambda _content: None)
    expected = told(reader.read, content)
    for one, other in zip(found["logs"], expected["logs"], strict=True):
        assert one == other
    assert found == expected


def test_streams_of_different_shapes_are_each_read_by_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams follow one another, each of its own shape; no line of them is left to the reader."""
    monkeypatch.setattr("analysis.sources._log_labels.LineReader.columns", None)
    streams = [
        {"stream": {"app": app}, "values": [[f"{1795417200000000000 + number}", line] for number in range(9_000)]}
        for app, line in (("cart", LINES[0]), ("prices", LINES[2]))
    ]
    content = json.dumps({"data": {"resultType": "streams", "result": streams}}).encode()
    rows = [row for batch in loki_json.read(io.BytesIO(content), Rejects()) for row in batch.logs.to_pylist()]
    assert {(row["service"], row["severity"]) for row in rows} == {("cart", "info"), ("cart", "error")}
    assert len(rows) == 18_000
