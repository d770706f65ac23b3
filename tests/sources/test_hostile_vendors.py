"""Exports of vendors that were damaged on their way: no reader crashes, hangs, or makes rows that cannot be."""

from __future__ import annotations

import io
import math

import msgspec
import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.sources import Rejects, UnreadableExport, discover, open_stream
from analysis.sources._parquet import parquet_head
from tests.sources.test_aws_xray import ALL, ANSWER
from tests.sources.test_clickhouse_otel import LOG, ROOT, SPAN, parquet
from tests.sources.test_datadog import PAGES, TRACE, get_trace, table_payload
from tests.sources.test_elastic import DOCUMENTS, INTAKE, NATIVE, body, hit, nested
from tests.sources.test_kibana_csv import HEADER, ROWS
from tests.sources.test_tempo_parquet import block, span, trace

EXPORTS = {
    "aws-xray": [orjson.dumps(ANSWER), b"\n".join(map(orjson.dumps, ALL))],
    "clickhouse-otel": [b"\n".join(map(orjson.dumps, (SPAN, LOG, ROOT))), parquet([SPAN, ROOT], pa.string())],
    "datadog-agent": [orjson.dumps([TRACE]), msgspec.msgpack.encode([TRACE]), table_payload([TRACE])],
    "datadog-spans": [orjson.dumps(PAGES[1]), b"\n".join(map(orjson.dumps, PAGES))],
    "datadog-trace": [orjson.dumps(get_trace())],
    "elastic-apm": [
        orjson.dumps(body([hit(nested(one)) for one in DOCUMENTS])),
        b"\n".join(orjson.dumps(one) for one in (*DOCUMENTS, NATIVE)),
    ],
    "elastic-intake": [b"\n".join(map(orjson.dumps, INTAKE))],
    "kibana-csv": [(HEADER + ROWS).encode()],
    "tempo-parquet": [block([trace(span(1), span(2, 1))], 4)],
}
EXAMPLES = [(name, content) for name, contents in EXPORTS.items() for content in contents]


@pytest.mark.parametrize(("name", "content"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
@given(st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
def test_no_damage_crashes_a_reader(name, content, data):
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 30))
        change = data.draw(st.sampled_from(["replace", "remove", "repeat", "cut"]))
        if change == "replace":
            content = content[:at] + data.draw(st.binary(min_size=1, max_size=8)) + content[at + length :]
        elif change == "remove":
            content = content[:at] + content[at + length :]
        elif change == "repeat":
            content = content[: at + length] + content[at:]
        else:
            content = content[:at]
    source = next(source for source in discover() if name == source.NAME)
    rejects, unreadable = Rejects(), ""
    with open_stream(io.BytesIO(content), "damaged") as stream:
        try:
            for batch in source.read(stream, rejects):
                for table in (batch.spans, batch.logs):
                    if table is not None:
                        table.validate(full=True)
                for row in batch.spans.to_pylist() if batch.spans is not None else ():
                    assert row["span_id"]
                    assert row["trace_id_high"] or row["trace_id_low"]
                    assert row["duration_ns"] is None or row["duration_ns"] >= 0
                    assert row["multiplicity"] >= 1
                    assert math.isfinite(row["weight"])
                    assert row["weight"] > 0
        except UnreadableExport as error:
            # A file that is read from its end has none of it where that is damaged.
            unreadable = str(error)
    assert not unreadable or (name in {"tempo-parquet", "clickhouse-otel"} and unreadable.startswith("damaged"))


@pytest.mark.parametrize(("name", "content"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_exactly_one_format_claims_an_export(name, content):
    with open_stream(io.BytesIO(content), "export") as stream:
        head = stream.peek(65_536)
        if head.startswith(b"PAR1"):
            head = parquet_head(stream)
    assert [source.NAME for source in discover() if source.sniff(head)] == [name]
