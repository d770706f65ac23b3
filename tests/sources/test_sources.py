"""The room's door: discovery, detection, refusals with advice, the ledger, rows, and readers under hostile input."""

from __future__ import annotations

import gzip
import io
import json
import math

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis import sources
from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA, SPANS
from analysis.sources import Rejects, UnreadableExport, detect, discover, open_stream, recognise
from analysis.sources._ledger import masked
from analysis.sources._rows import BATCH_ROWS, LogRows, SpanRows
from tests.sources.build import (
    KIND_NUMBERS,
    STATUS_NUMBERS,
    Made,
    framed,
    jaeger_json,
    key_columns,
    otlp_block,
    otlp_json,
    otlp_message,
    read,
    zipkin_json,
)

ENCODERS = {
    "otlp-json": otlp_json,
    "otlp-protobuf": lambda spans: framed(*(otlp_message([span]) for span in spans)),
    "jaeger-json": jaeger_json,
    "zipkin-json": zipkin_json,
}
made = st.builds(
    Made,
    trace=st.integers(1, 2**128 - 1),
    span=st.integers(1, 2**64 - 1),
    parent=st.integers(0, 2**64 - 1),
    service=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    kind=st.sampled_from(sorted(KIND_NUMBERS.keys() - {"internal"})),
    status=st.sampled_from(sorted(STATUS_NUMBERS)),
    start_us=st.integers(1, 2**52),
    duration_us=st.integers(0, 2**40),
    attributes=st.dictionaries(st.sampled_from(["http.route", "x", "db.query.text"]), st.text('aä\\"{}[]', max_size=9)),
)
EXAMPLE = [Made(0xABC0 + number // 3, 0x100 + number, name=f"op{number}", kind="client") for number in range(9)]


def test_formats_are_discovered_and_described():
    names = [source.NAME for source in discover()]
    assert set(ENCODERS) <= set(names)
    assert len(set(names)) == len(names)
    for source in discover():
        assert source.TITLE
        for part in ("**Who exports it.**", "**What is read.**", "**What is assumed.**"):
            assert part in source.DESCRIPTION
        assert source.__doc__ == source.DESCRIPTION


@pytest.mark.parametrize("name", ENCODERS)
def test_exactly_one_format_claims_an_export(name):
    content = ENCODERS[name](EXAMPLE)
    for head in (content, content[:200], b"\n " + content if name != "otlp-protobuf" else content):
        assert [source.NAME for source in discover() if source.sniff(head)] == [name]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n",
        b"hello",
        b"time,service,trace_id,span_id\n1,2,3,4\n",
        b'{"a": {"resourceSpans": 1}}',
        b'{"message": "\\"resourceSpans\\": []"}',
        b'[{"traceId": "a"}]',
        b'{"data": [{"id": "x", "type": "span", "attributes": {}}], "meta": {}}',
        b'{"hits": {"hits": []}}',
        b"PAR1\0\0\0",
        b"\0\0\0\0",
        b"\n\n\n\n{}",
        bytes(range(256)),
    ],
)
def test_nothing_claims_what_it_does_not_know(head):
    assert detect(head) is None


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b'{"traces":[{"traceID":"b1586c3c8c34d","rootServiceName":"lb"}]}', "an index, not traces"),
        (b'[{"name":"Nodes","fields":[{"name":"id","values":["a"]}],"length":1}]', "data frames of Grafana"),
        (b'{"resourceMetrics":[]}', "metrics"),
        (b'[{"traceId":"a","id":"b","name":"x","binaryAnnotations":[]}]', "version 1 of Zipkin"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[]}}', "Loki or Prometheus"),
        (b"2026-01-01 info TracesExporter\nResourceSpans #0\nScopeSpans #0\n", "debug exporter"),
        (b'{"name":"x","context":{"trace_id":"0xa","span_id":"0xb"},"parent_id":null}', "SDK's console exporter"),
        (b"Timestamp,TraceId,SpanId,ParentSpanId,Duration,SpanAttributes\nhunter2\n", "FORMAT JSONEachRow"),
        (b'"Trace ID","Start time","Service","Name","Duration"\n"b1586c3c8c34d",hunter2\n', "no parents"),
        (b'{"secret-key":1,"b":"hunter2"}', 'a JSON object with "secret-key", "b"'),
        (b"PAR1", "Parquet"),
        (b"a,b,c,d\nhunter2\n", "a CSV header perhaps"),
        (b"\x01\x02\0hunter2", "binary data (0x01020068)"),
    ],
)
def test_refusals_name_the_file_what_was_seen_and_what_to_do(content, advice):
    with open_stream(io.BytesIO(content), "a.json") as stream, pytest.raises(UnreadableExport) as caught:
        recognise(stream)
    message = str(caught.value)
    assert message.startswith("a.json: ")
    assert advice in message
    assert "hunter2" not in message
    assert len(message) > len(advice) + 20


def test_recognise_takes_nothing_from_the_stream():
    content = gzip.compress(jaeger_json(EXAMPLE))
    with open_stream(io.BytesIO(content), "a") as stream:
        assert recognise(stream).NAME == "jaeger-json"
        assert stream.read() == jaeger_json(EXAMPLE)


def test_the_ledger_counts_by_reason_and_keeps_the_first_example():
    rejects = Rejects()
    rejects.add("b", "line 3", "a number")
    rejects.add("a", "byte 7")
    rejects.add("b", "line 9")
    rejects.note("n")
    rejects.note("n", 4)
    rejects.note("m", 0)
    assert rejects.rows() == [
        {"reason": "a", "count": 1, "example": "byte 7"},
        {"reason": "b", "count": 2, "example": "line 3: a number"},
    ]
    assert (rejects.notes, rejects.total) == ({"n": 5}, 3)


@pytest.mark.parametrize("value", ["hunter2", b"hunter2", ["hunter2"], {"hunter2": 1}, 5, 1.5, True, None])
def test_masked_values_do_not_show(value):
    assert masked(value)
    assert "hunter2" not in masked(value)


def test_rows_become_tables_of_the_schema():
    rows = SpanRows(Rejects())
    rows.add(trace_id_low=1, span_id=2)
    rows.add(trace_id_high=3, trace_id_low=4, span_id=5, name="x", links=[{"span_id": 7, "kind": "link"}], start_ns=-1)
    (batch,) = rows.batch()
    assert batch.spans.schema == SPAN_SCHEMA
    assert batch.logs is None
    first, second = batch.spans.to_pylist()
    defaults = {"kind": "unspecified", "status": "unset", "multiplicity": 1, "weight": 1.0, "time_resolution_ns": 1}
    assert {name: first[name] for name in defaults} == defaults
    assert (first["parent_span_id"], first["shared"], first["asynchronous"], first["old_conventions"]) == (
        0,
        *[False] * 3,
    )
    assert (second["links"][0]["span_id"], second["name"], second["start_ns"]) == (7, "x", -1)
    assert all(first[column.name] is None for column in SPANS if column.derived)
    assert list(rows.batch()) == []
    logs = LogRows(Rejects())
    logs.add(body="x")
    (batch,) = logs.batch()
    assert batch.logs.schema == LOG_SCHEMA


def test_batches_hold_at_most_the_limit():
    rows = SpanRows(Rejects())
    for number in range(BATCH_ROWS + 5):
        rows.add(trace_id_low=1, span_id=number + 1)
    sizes = [len(batch.spans) for batch in rows.batch()]
    assert sizes == [BATCH_ROWS, 5]


def test_a_value_of_another_type_costs_itself():
    rejects = Rejects()
    rows = SpanRows(rejects)
    rows.add(trace_id_low=1, span_id=2, name={"a": 1}, http_status=2**40)
    rows.add(trace_id_low=1, span_id=3, name="\ud800x", http_status=200)
    (batch,) = rows.batch()
    assert batch.spans["name"].to_pylist() == [None, "?x"]
    assert batch.spans["http_status"].to_pylist() == [None, 200]
    assert rejects.notes == {"values of another type than their column were left out": 2}
    assert isinstance(batch.spans["name"].type, pa.DictionaryType)


@pytest.mark.parametrize("name", ENCODERS)
@given(st.lists(made, min_size=1, max_size=4))
@settings(max_examples=30)
def test_a_round_trip_keeps_every_span(name, spans):
    found = read(ENCODERS[name](spans))
    assert found.format == name
    rows = key_columns(found.spans)
    expected = [span.row for span in spans]
    # The spans of Jaeger are grouped by trace, and a scan gives what is usual before what is not.
    rows.sort(key=repr)
    expected.sort(key=repr)
    assert rows == expected
    assert not found.rejects.rows()


@st.composite
def mutations(draw, content: bytes) -> bytes:
    """An export with bytes changed, removed, repeated, or cut off."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 30))
        change = draw(st.sampled_from(["replace", "remove", "repeat", "cut"]))
        if change == "replace":
            content = content[:at] + draw(st.binary(min_size=1, max_size=8)) + content[at + length :]
        elif change == "remove":
            content = content[:at] + content[at + length :]
        elif change == "repeat":
            content = content[: at + length] + content[at:]
        else:
            content = content[:at]
    return content


@pytest.mark.parametrize("name", ENCODERS)
@given(st.data())
@settings(max_examples=120, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
def test_no_mutation_crashes_a_reader(name, data):
    content = data.draw(mutations(ENCODERS[name](EXAMPLE)))
    source = next(source for source in discover() if name == source.NAME)
    rejects = Rejects()
    for batch in source.read(io.BytesIO(content), rejects):
        if batch.spans is not None:
            batch.spans.validate(full=True)
            for row in batch.spans.select(["duration_ns", "weight", "multiplicity"]).to_pylist():
                assert row["duration_ns"] is None or row["duration_ns"] >= 0
                assert math.isfinite(row["weight"])
                assert row["weight"] > 0
    for row in rejects.rows():
        assert row["count"] > 0
        assert row["example"]


@given(st.data())
@settings(max_examples=60)
def test_lines_before_and_after_a_broken_one_are_kept(data):
    lines = [orjson.dumps({"resourceSpans": [otlp_block([span])]}) for span in EXAMPLE]
    broken = data.draw(st.integers(0, 8))
    line = data.draw(mutations(lines[broken])).replace(b"\n", b" ")
    content = b"\n".join([*lines[:broken], line, *lines[broken + 1 :]])
    rejects = Rejects()
    source = next(source for source in discover() if source.NAME == "otlp-json")
    found = [row["name"] for batch in source.read(io.BytesIO(content), rejects) for row in batch.spans.to_pylist()]
    whole = [span.name for number, span in enumerate(EXAMPLE) if number != broken]
    assert set(whole) <= set(found)


@pytest.mark.parametrize("name", ["otlp-json", "jaeger-json", "zipkin-json"])
@given(st.data())
@settings(max_examples=40)
def test_spans_before_a_cut_are_kept_and_it_is_said(name, data):
    content = ENCODERS[name](EXAMPLE)
    cut = data.draw(st.integers(1, len(content) - 2))
    source = next(source for source in discover() if name == source.NAME)
    rejects = Rejects()
    batches = source.read(io.BytesIO(content[:cut]), rejects)
    found = [row["name"] for batch in batches for row in batch.spans.to_pylist()]
    assert found == [span.name for span in EXAMPLE][: len(found)]
    # A span is whole once the next one has begun.
    begun = sum(content[:cut].count(f'"op{number}"'.encode()) for number in range(9))
    assert len(found) >= begun - 1
    assert [row["reason"] for row in rejects.rows()] == ["the document is cut off"]


def test_compressed_data_that_is_cut_off_says_so_and_keeps_what_came_before():
    many = [Made(7, number + 1, name=f"op{number * 7919}") for number in range(3000)]
    content = gzip.compress(b"\n".join(otlp_json([span]) for span in many))
    found = read(content[: len(content) // 2])
    assert 1000 < len(found.spans) < 2999
    assert found.reasons["gzip data is cut off"] == 1


@pytest.mark.parametrize("indent", [None, 1])
def test_deep_nesting_is_refused_not_fatal(indent):
    deep: object = "x"
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    span = orjson.loads(otlp_json(EXAMPLE[:1]))
    span["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [{"key": "db.query.text", "value": deep}]
    content = json.dumps(span, indent=indent).encode() + b"\n" + otlp_json(EXAMPLE[1:2])
    found = read(content)
    assert "op1" in {span["name"] for span in found.spans}


def test_the_package_offers_what_it_says():
    assert all(hasattr(sources, name) for name in sources.__all__)
