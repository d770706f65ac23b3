"""Blocks of Tempo: versions 3, 4 and 5 of the schema, dedicated columns, damage, and where a block may come from."""

from __future__ import annotations

import io
import json
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from analysis.dataset import open_export
from analysis.sources import Rejects, UnreadableExport, open_stream, recognise

START = 1_700_000_000_000_000_000
TRACE = bytes.fromhex("4766f1209f70a5e2e55417fc296fd101")


def scalar_attribute(key, value):
    """An attribute as versions 2 and 3 write it: one value."""
    kind = {str: "Value", bool: "ValueBool", int: "ValueInt", float: "ValueDouble"}[type(value)]
    empty = dict.fromkeys(("Value", "ValueInt", "ValueDouble", "ValueBool"))
    return {"Key": key, **empty, kind: value, "ValueDropped": ""}


def list_attribute(key, value, other="ValueUnsupported"):
    """An attribute as versions 4 and 5 write it: a list of values of one type."""
    values = value if isinstance(value, list) else [value]
    kind = {str: "Value", bool: "ValueBool", int: "ValueInt", float: "ValueDouble"}[type(values[0])]
    empty = {name: [] for name in ("Value", "ValueInt", "ValueDouble", "ValueBool")}
    return {"Key": key, "IsArray": isinstance(value, list), **empty, kind: values, other: None}


SCALAR = pa.struct(
    [("Key", pa.string()), ("Value", pa.string()), ("ValueInt", pa.int64()), ("ValueDouble", pa.float64()),
     ("ValueBool", pa.bool_()), ("ValueDropped", pa.string())]
)  # fmt: skip
LISTS = pa.struct(
    [("Key", pa.string()), ("IsArray", pa.bool_()),
     # As Tempo writes it: what the list holds is never null.
     ("Value", pa.list_(pa.field("element", pa.string(), nullable=False))),
     ("ValueInt", pa.list_(pa.int64())), ("ValueDouble", pa.list_(pa.float64())),
     ("ValueBool", pa.list_(pa.bool_())), ("ValueUnsupported", pa.string())]
)  # fmt: skip


def block(traces, version, dedicated=("String01", "String02")):
    """Write traces as a block of a version of the schema, from the documented schema (tempodb/encoding)."""
    attribute = SCALAR if version == 3 else LISTS
    columns = pa.struct([(name, pa.int64() if name.startswith("Int") else pa.string()) for name in dedicated])
    attributes = pa.list_(attribute)
    if version == 3:
        event = pa.struct(
            [("TimeUnixNano", pa.uint64()), ("Name", pa.string()),
             ("Attrs", pa.list_(pa.struct([("Key", pa.string()), ("Value", pa.binary())])))]
        )  # fmt: skip
        links: pa.DataType = pa.binary()
    else:
        event = pa.struct([("TimeSinceStartNano", pa.uint64()), ("Name", pa.string()), ("Attrs", attributes)])
        links = pa.list_(pa.struct([("TraceID", pa.binary()), ("SpanID", pa.binary())]))
    span = pa.struct(
        [("SpanID", pa.binary()), ("ParentSpanID", pa.binary()), ("Name", pa.string()), ("Kind", pa.int64()),
         ("TraceState", pa.string()), ("StartTimeUnixNano", pa.uint64()), ("DurationNano", pa.uint64()),
         ("StatusCode", pa.int64()), ("StatusMessage", pa.string()), ("Attrs", attributes),
         ("DroppedAttributesCount", pa.int32()), ("Events", pa.list_(event)), ("Links", links),
         ("HttpMethod", pa.string()), ("HttpUrl", pa.string()), ("HttpStatusCode", pa.int64()),
         ("DedicatedAttributes", columns)]
    )  # fmt: skip
    resource = pa.struct(
        [("Attrs", attributes), ("ServiceName", pa.string()), ("K8sPodName", pa.string()),
         ("DedicatedAttributes", columns)]
    )  # fmt: skip
    scope = pa.struct([("Name", pa.string()), ("Version", pa.string())])
    scopes = pa.list_(pa.struct([("Scope", scope), ("Spans", pa.list_(span))]))
    schema = pa.schema(
        [("TraceID", pa.binary()), ("TraceIDText", pa.string()),
         ("rs", pa.list_(pa.struct([("Resource", resource), ("ss", scopes)])))]
    )  # fmt: skip
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(traces, schema=schema), target)
    return target.getvalue()


def span(number, parent=0, *, attribute=list_attribute, attributes=None, dedicated=None, **fields):
    return {
        "SpanID": number.to_bytes(8, "big"),
        "ParentSpanID": parent.to_bytes(8, "big") if parent else b"",
        "Name": f"op{number}",
        "Kind": 3,
        "TraceState": "",
        "StartTimeUnixNano": START,
        "DurationNano": 1_500,
        "StatusCode": 0,
        "StatusMessage": "",
        "Attrs": [attribute(key, value) for key, value in (attributes or {}).items()],
        "DroppedAttributesCount": 0,
        "Events": [],
        "Links": b"" if attribute is scalar_attribute else [],
        "DedicatedAttributes": dedicated or {},
        **fields,
    }


def trace(*spans, service="shop", attributes=(), dedicated=None, scope="lib"):
    resource = {"Attrs": list(attributes), "ServiceName": service, "DedicatedAttributes": dedicated or {}}
    scopes = [{"Scope": {"Name": scope, "Version": ""}, "Spans": list(spans)}]
    return {"TraceID": TRACE, "TraceIDText": TRACE.hex(), "rs": [{"Resource": resource, "ss": scopes}]}


def read_block(content, meta=None, folder=None):
    """Read a block the way that ingest does, from a file with its description beside it where there is one."""
    rejects = Rejects()
    if folder is None:
        stream = open_stream(io.BytesIO(content), "block")
    else:
        (folder / "data.parquet").write_bytes(content)
        if meta is not None:
            (folder / "meta.json").write_text(json.dumps(meta))
        stream = open_stream(folder / "data.parquet")
    with stream:
        source = recognise(stream)
        assert source.NAME == "tempo-parquet"
        rows = [row for batch in source.read(stream, rejects) for row in batch.spans.to_pylist()]
    return rows, rejects


@pytest.mark.parametrize(("version", "attribute"), [(3, scalar_attribute), (4, list_attribute), (5, list_attribute)])
def test_every_version_gives_the_same_rows(version, attribute):
    attributes = {"db.system.name": "postgresql", "server.port": 5433, "unknown": 2.5, "http.route": "/a"}
    resource = [attribute("host.name", "node-7"), attribute("other", True)]
    made = trace(
        span(1, attribute=attribute, Kind=2, HttpMethod="GET", HttpStatusCode=503, StatusCode=2, StatusMessage="no"),
        span(2, 1, attribute=attribute, attributes=attributes),
        attributes=resource,
    )
    rows, rejects = read_block(block([made], version))
    assert [(row["span_id"], row["parent_span_id"], row["kind"], row["status"]) for row in rows] == [
        (1, 0, "server", "error"),
        (2, 1, "client", "unset"),
    ]
    first, second = rows
    assert (first["trace_id_high"], first["trace_id_low"]) == (0x4766F1209F70A5E2, 0xE55417FC296FD101)
    assert (first["service"], first["host"], first["scope"], first["name"]) == ("shop", "node-7", "lib", "op1")
    assert (first["http_method"], first["http_status"], first["status_message"]) == ("GET", 503, "no")
    assert (second["db_system"], second["server_port"], second["http_route"]) == ("postgresql", 5433, "/a")
    assert (second["start_ns"], second["duration_ns"]) == (START, 1_500)
    assert not rejects.rows()
    assert not rejects.notes


def test_lists_of_values_stay_lists():
    (row,), _ = read_block(block([trace(span(1, attributes={"aws.dynamodb.table_names": ["a", "b"]}))], 5))
    assert row["db_collection"] == '["a","b"]'


def test_values_of_no_type_are_kept_as_json():
    other = {**list_attribute("db.query.text", "x"), "Value": [], "ValueUnsupported": '{"stringValue": "SELECT 1"}'}
    (row,), _ = read_block(block([trace(span(1, Attrs=[other]))], 5))
    assert row["db_statement"] == "SELECT 1"


def test_exceptions_and_links_of_version_3_are_protobuf():
    value = AnyValue(string_value="KeyError").SerializeToString()
    events = [
        {"TimeUnixNano": START, "Name": "retry", "Attrs": [{"Key": "exception.type", "Value": b"\xff"}]},
        {"TimeUnixNano": START, "Name": "exception", "Attrs": [{"Key": "exception.type", "Value": value}]},
    ]
    link = SpanMessage.Link(trace_id=TRACE, span_id=(7).to_bytes(8, "big")).SerializeToString()
    links = b"\x0a" + bytes([len(link)]) + link
    made = trace(span(1, attribute=scalar_attribute, Events=events, Links=links))
    (row,), _ = read_block(block([made], 3))
    assert row["error_type"] == "KeyError"
    assert [(one["trace_id_low"], one["span_id"], one["kind"]) for one in row["links"]] == [
        (0xE55417FC296FD101, 7, "link")
    ]


def test_exceptions_and_links_of_version_5_are_lists():
    events = [{"TimeSinceStartNano": 5, "Name": "exception", "Attrs": [list_attribute("exception.message", "no row")]}]
    links = [{"TraceID": TRACE, "SpanID": (7).to_bytes(8, "big")}, {"TraceID": TRACE, "SpanID": (8).to_bytes(8, "big")}]
    plain, told = read_block(block([trace(span(1), span(2, Events=events, Links=links))], 5))[0]
    assert (plain["links"], plain["exception_message"]) == (None, None)
    assert told["exception_message"] == "no row"
    assert [link["span_id"] for link in told["links"]] == [7, 8]


DEDICATED = [
    {"s": "resource", "n": "deployment.environment.name"},
    {"n": "http.route"},
    {"n": "server.port", "t": "int"},
    {"n": "url.path"},
]


def test_dedicated_columns_are_named_by_the_description(tmp_path):
    names = ("String01", "String02", "Int01")
    columns = {"String01": "/cart/{id}", "String02": "/cart/7", "Int01": 8443}
    made = trace(span(1, dedicated=columns), span(2), dedicated={"String01": "production"})
    content = block([made], 5, names)
    rows, rejects = read_block(content, {"format": "vParquet5", "dedicatedColumns": DEDICATED}, tmp_path)
    assert (rows[0]["http_route"], rows[0]["url_path"], rows[0]["server_port"]) == ("/cart/{id}", "/cart/7", 8443)
    assert {row["environment"] for row in rows} == {"production"}
    assert rows[1]["http_route"] is None
    assert not rejects.notes
    rows, rejects = read_block(content)
    assert rows[0]["http_route"] is None
    assert rejects.notes == {
        "dedicated columns with values that only the block's meta.json names: resource String01, span Int01,"
        " span String01, span String02; their attributes are missing": 4
    }


def test_a_description_that_is_none_names_nothing(tmp_path):
    content = block([trace(span(1, dedicated={"String01": "x"}))], 5)
    for meta in ([], {"dedicatedColumns": 7}, {"dedicatedColumns": [7]}, {"dedicatedColumns": None}):
        rows, rejects = read_block(content, meta, tmp_path)
        assert len(rows) == 1
        assert len(rejects.notes) == 1


def test_a_folder_a_pair_and_standard_input(tmp_path, monkeypatch):
    content = block([trace(span(1, dedicated={"String01": "/cart"}), span(2, 1))], 5)
    meta = json.dumps(
        {"format": "vParquet5", "blockID": "b", "tenantID": "t", "dedicatedColumns": [{"n": "http.route"}]}
    )
    folder = tmp_path / "tenant" / "b27b0e53"
    folder.mkdir(parents=True)
    pair = tmp_path / "pair"
    pair.mkdir()
    for place, prefix in ((folder, ""), (pair, "shop.")):
        (place / f"{prefix}data.parquet").write_bytes(content)
        (place / f"{prefix}meta.json").write_text(meta)
    (folder / "bloom-0").write_bytes(b"\0\1\2\3")
    (folder / "index").write_bytes(b"\0")
    for source in (folder, sorted(map(str, pair.iterdir()))):
        data = open_export(source)
        assert (data.totals.traces, data.totals.spans) == (1, 2)
        assert data.spans()["http_route"].dropna().tolist() == ["/cart"]
        assert not data.totals.rejected
    with fsspec.open("memory://blocks/b/data.parquet", "wb") as file:
        file.write(content)
    with fsspec.open("memory://blocks/b/meta.json", "wb") as file:
        file.write(meta.encode())
    assert open_export("memory://blocks/b").spans()["http_route"].dropna().tolist() == ["/cart"]
    (tmp_path / "input").write_bytes(content)
    with Path(tmp_path / "input").open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        data = open_export("-")
        assert data.totals.spans == 2
        assert data.spans()["http_route"].dropna().empty


def test_a_block_with_and_without_its_description_are_two_contents(tmp_path):
    content = block([trace(span(1, dedicated={"String01": "/cart"}))], 5)
    bare = tmp_path / "a.data.parquet"
    bare.write_bytes(content)
    (tmp_path / "b.data.parquet").write_bytes(content)
    (tmp_path / "b.meta.json").write_text(json.dumps({"dedicatedColumns": [{"n": "http.route"}]}))
    data = open_export([str(bare), str(tmp_path / "b.data.parquet")])
    assert data.totals.spans == 1
    assert data.spans()["http_route"].tolist() == ["/cart"]


@pytest.mark.parametrize(
    ("duration", "expected", "note"),
    [
        (0, 0, None),
        ((1 << 64) - 5, 0, "spans that end before they start: their duration counts as 0"),
        ((1 << 64) - START, None, "spans with a start and no end: their duration is unknown"),
    ],
)
def test_durations_below_zero(duration, expected, note):
    (row,), rejects = read_block(block([trace(span(1, DurationNano=duration))], 4))
    assert row["duration_ns"] == expected
    assert list(rejects.notes) == ([note] if note else [])


def test_spans_without_ids_or_with_impossible_times_cost_themselves():
    made = trace(span(1), span(2, SpanID=b""), span(3, StartTimeUnixNano=(1 << 63) + 1))
    rows, rejects = read_block(block([made, {**made, "TraceID": b""}], 4))
    assert [row["span_id"] for row in rows] == [1]
    reasons = {row["reason"]: row["count"] for row in rejects.rows()}
    assert reasons == {"span id is missing": 1, "time is beyond 64 bits": 1, "trace id is missing": 3}


def test_a_block_that_is_cut_off_is_refused_whole():
    content = block([trace(span(1))], 4)
    with open_stream(io.BytesIO(content[:-20]), "cut") as stream, pytest.raises(UnreadableExport) as caught:
        recognise(stream)
    assert "cut: the Parquet file is cut off or damaged" in str(caught.value)


def test_damage_inside_ends_the_reading():
    content = bytearray(block([trace(span(number + 1)) for number in range(50)], 4))
    content[4:400] = b"\xff" * 396
    with open_stream(io.BytesIO(bytes(content)), "bad") as stream:
        batches = recognise(stream).read(stream, Rejects())
        with pytest.raises(UnreadableExport) as caught:
            list(batches)
    assert "the Parquet file is damaged" in str(caught.value)


def test_other_parquet_is_refused_by_its_columns():
    target = io.BytesIO()
    pq.write_table(pa.table({"price": [1], "trace_id": ["a"]}), target)
    target.seek(0)
    with open_stream(target, "rows.parquet") as stream, pytest.raises(UnreadableExport) as caught:
        recognise(stream)
    assert "a Parquet file with the columns price, trace_id" in str(caught.value)


def test_a_description_is_told_as_what_it_is(tmp_path):
    (tmp_path / "meta.json").write_text(json.dumps({"blockID": "b", "tenantID": "t", "format": "vParquet4"}))
    with pytest.raises(UnreadableExport, match=r"data\.parquet that is not beside it\. Hand in data\.parquet"):
        open_export(tmp_path / "meta.json")
    (tmp_path / "data.parquet").write_bytes(block([trace(span(1))], 4))
    entry = next(entry for entry in open_export(tmp_path).inputs if entry.path == "meta.json")
    assert entry.notes == ("describes the block whose data.parquet lies beside it, and was read together with that",)
    assert (entry.format, entry.rejected) == ("tempo-parquet", ())
