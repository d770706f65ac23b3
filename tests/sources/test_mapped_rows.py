"""Rows that a mapping explains: CSV, JSON lines, Parquet and tables in memory give the same spans and logs."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

import analysis as an
from analysis.sources import MappingError, UnreadableExport
from tests.sources.test_tempo_parquet import block
from tests.sources.test_tempo_parquet import span as tempo_span
from tests.sources.test_tempo_parquet import trace as tempo_trace

MAPPING = {
    "spans": {
        "trace_id": "trace",
        "span_id": "id",
        "parent_span_id": {"field": "parent", "values": {"root": None}},
        "service": {"field": "pod", "match": "^(.*)-[^-]+-[^-]+$"},
        "name": "what",
        "kind": "kind",
        "status": {"field": "code", "values": {"0": "unset", "2": "error"}},
        "start_ns": {"field": "began", "unit": "us"},
        "duration_ns": {"field": "took", "unit": "ms"},
        "http_status": "http",
    }
}
ROWS = [
    {
        "trace": "0af7651916cd43dd8448eb211c80319c",
        "id": "b7ad6b7169203331",
        "parent": "root",
        "pod": "cart-6f6cfc45b-h5m2n",
        "what": "GET /cart",
        "kind": "SERVER",
        "code": 0,
        "began": 1_700_000_000_000_001,
        "took": 12.5,
        "http": 200,
    },
    {
        "trace": "0af7651916cd43dd8448eb211c80319c",
        "id": "00f067aa0ba902b7",
        "parent": "b7ad6b7169203331",
        "pod": "price-list-77f5-x1",
        "what": "quote",
        "kind": "SPAN_KIND_CLIENT",
        "code": 2,
        "began": 1_700_000_000_000_301,
        "took": 0.001,
        "http": None,
    },
]


def csv_text(rows=ROWS, delimiter=","):
    frame = pd.DataFrame(rows).astype({"http": "Int64"})
    return frame.to_csv(index=False, sep=delimiter).encode()


def jsonl_text(rows=ROWS):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet_bytes(rows=ROWS):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def opened(tmp_path, content, mapping=MAPPING, name="rows"):
    path = tmp_path / name
    path.write_bytes(content)
    return an.open_rows(path, mapping)


def facts_of(data):
    columns = ["trace_id", "span_id", "parent_span_id", "service", "name", "kind", "status", "raw_start_ns"]
    frame = data.spans([*columns, "duration_ns", "http_status"])
    return [tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False)]


TRACE = "0af7651916cd43dd8448eb211c80319c"
EXPECTED = [
    (
        TRACE,
        "b7ad6b7169203331",
        None,
        "cart",
        "GET /cart",
        "server",
        "unset",
        1_700_000_000_000_001_000,
        12_500_000,
        200,
    ),
    (
        TRACE,
        "00f067aa0ba902b7",
        "b7ad6b7169203331",
        "price-list",
        "quote",
        "client",
        "error",
        1_700_000_000_000_301_000,
        1_000,
        None,
    ),
]


@pytest.mark.parametrize(
    "content",
    [
        csv_text(),
        csv_text(delimiter=";"),
        csv_text(delimiter="\t"),
        csv_text(delimiter="|"),
        b"\xef\xbb\xbf" + csv_text(),
        csv_text().replace(b"\n", b"\r\n"),
        csv_text().decode().encode("utf-16"),
        gzip.compress(csv_text()),
        zstandard.compress(csv_text()),
        jsonl_text(),
        json.dumps(ROWS).encode(),
        json.dumps(ROWS, indent=2).encode(),
        gzip.compress(jsonl_text()),
        parquet_bytes(),
        zstandard.compress(parquet_bytes()),
    ],
    ids=lambda content: content[:4].hex(),
)
def test_every_form_gives_the_same_spans(tmp_path, content):
    assert facts_of(opened(tmp_path, content)) == EXPECTED


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(ROWS),
        pa.Table.from_pylist(ROWS),
        pl.DataFrame(ROWS),
        {"any": pd.DataFrame(ROWS)},
        [pd.DataFrame(ROWS[:1]), pd.DataFrame(ROWS[1:])],
        pd.DataFrame(ROWS).set_index("trace"),
        pd.DataFrame(ROWS).astype({"what": "category", "began": object}),
    ],
    ids=["pandas", "arrow", "polars", "named", "two tables", "index", "categories"],
)
def test_tables_in_memory_give_the_same_spans(table):
    assert facts_of(an.open_rows(table, MAPPING)) == EXPECTED


def test_a_json_field_lies_where_its_path_says(tmp_path):
    mapping = {
        "spans": {
            "trace_id": "ids.trace",
            "span_id": "ids.0",
            "service": "resource.attributes.service.name",
            "name": "event.what",
            "start_ns": {"field": "at", "unit": "iso"},
        }
    }
    row = {
        "ids": {"trace": TRACE, "0": "1"},
        "resource": {"attributes": {"service.name": "cart"}},
        "event": '{"what": "pay"}',
        "at": "2023-11-14T22:13:20.000000001Z",
    }
    for content in (json.dumps(row).encode(), parquet_bytes([row])):
        (span,) = opened(tmp_path, content, mapping).spans().itertuples()
        assert (span.trace_id, span.span_id, span.service, span.name) == (TRACE, "0" * 15 + "1", "cart", "pay")
        assert span.raw_start_ns == 1_700_000_000_000_000_001


def test_parquet_maps_and_bytes_are_fields(tmp_path):
    table = pa.table(
        {
            "trace": pa.array([bytes.fromhex(TRACE)], pa.binary(16)),
            "span": pa.array([(7).to_bytes(8)], pa.binary()),
            "tags": pa.array([[("service.name", "cart"), ("x", "y")]], pa.map_(pa.string(), pa.string())),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    mapping = {"spans": {"trace_id": "trace", "span_id": "span", "service": "tags.service.name"}}
    (span,) = opened(tmp_path, sink.getvalue(), mapping).spans().itertuples()
    assert (span.trace_id, span.span_id, span.service) == (TRACE, "0" * 15 + "7", "cart")


@pytest.mark.parametrize(
    ("unit", "text", "expected_ns"),
    [
        ("ns", "1700000000000000001", 1_700_000_000_000_000_001),
        ("us", "1700000000000000.5", 1_700_000_000_000_000_500),
        ("ms", "1700000000000.25", 1_700_000_000_000_250_000),
        ("s", "1700000000.123456789", 1_700_000_000_123_456_789),
        ("s", "1.7e9", 1_700_000_000_000_000_000),
        ("s", "0", 0),
        ("iso", "2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ("iso", "2023-11-14 23:13:20.5+01:00", 1_700_000_000_500_000_000),
        ("iso", "2023-11-14T22:13:20", 1_700_000_000_000_000_000),
    ],
)
def test_units(tmp_path, unit, text, expected_ns):
    mapping = {"spans": {"trace_id": "t", "span_id": "s", "start_ns": {"field": "at", "unit": unit}}}
    # Another row of another number of digits: a column is read as a whole.
    content = f"t,s,at\n1,1,{text}\n1,2,{text}\n1,3,\n".encode()
    frame = opened(tmp_path, content, mapping).spans(["raw_start_ns"])
    assert sorted(frame["raw_start_ns"].dropna()) == [expected_ns, expected_ns]
    assert frame["raw_start_ns"].isna().sum() == 1


def test_times_of_several_precisions_keep_their_digits(tmp_path):
    mapping = {"spans": {"trace_id": "t", "span_id": "s", "start_ns": {"field": "at", "unit": "iso"}}}
    content = b"t,s,at\n1,1,2023-11-14T22:13:20Z\n1,2,2023-11-14T22:13:20.000000001Z\n1,3,2023-11-14T22:13:20.5Z\n"
    frame = opened(tmp_path, content, mapping).spans(["raw_start_ns"])
    assert sorted(frame["raw_start_ns"]) == [
        1_700_000_000_000_000_000,
        1_700_000_000_000_000_001,
        1_700_000_000_500_000_000,
    ]


def test_lengths_in_iso_and_as_timedeltas():
    mapping = {
        "spans": {"trace_id": "t", "span_id": "s", "start_ns": "at", "duration_ns": {"field": "d", "unit": "iso"}}
    }
    began = pd.Timestamp("2023-11-14T22:13:20Z")
    for length in ("PT0.25S", "00:00:00.25", pd.Timedelta("250ms")):
        frame = pd.DataFrame({"t": ["1"], "s": ["1"], "at": [began], "d": [length]})
        (span,) = an.open_rows(frame, mapping).spans().itertuples()
        assert (span.raw_start_ns, span.duration_ns) == (1_700_000_000_000_000_000, 250_000_000)


def test_end_makes_the_duration_and_one_before_the_start_counts_as_none(tmp_path):
    mapping = {"spans": {"trace_id": "t", "span_id": "s", "start_ns": "a", "end_ns": "z"}}
    data = opened(tmp_path, b"t,s,a,z\n1,1,10,25\n1,2,10,9\n1,3,10,\n", mapping)
    assert data.spans(["duration_ns"])["duration_ns"].tolist() == [15, 0, pd.NA]
    assert data.inputs[0].notes == (
        "spans that end before they start: their duration counts as 0: 1",
        "spans with a start and no end: their duration is unknown: 1",
    )


def test_bad_rows_are_refused_by_reason_and_number_and_the_rest_is_read(tmp_path):
    mapping = {
        "spans": {
            "trace_id": "t",
            "span_id": "s",
            "start_ns": {"field": "a", "unit": "ms"},
            "duration_ns": {"field": "d", "unit": "ms"},
        }
    }
    content = (
        b"t,s,a,d\n"
        b"1,1,10,1\n"  # row 1
        b",2,10,1\n"
        b"1,,10,1\n"
        b"1,4,yesterday,1\n"
        b"1,5,10\n"  # row 5
        b"1,6,10,soon\n"
        b"1,7,99999999999999999,1\n"
        b'"1","8","10","1"\n'
        b"1,9,10,nan\n"
    )
    data = opened(tmp_path, content, mapping)
    assert data.totals.spans == 2
    assert [(row["reason"], row["count"], row["example"]) for row in data.inputs[0].rejected] == [
        ("row has another number of fields than the header", 1, "row 5: 3 instead of 4"),
        ("span id is missing", 1, "row 3"),
        ("time cannot be read in the unit that the mapping names", 3, "row 4"),
        ("time is beyond 64 bits", 1, "row 7"),
        ("trace id is missing", 1, "row 2"),
    ]


def test_ids_that_a_float_has_spoilt_are_refused():
    mapping = {"spans": {"trace_id": "t", "span_id": "s"}}
    frame = pd.DataFrame({"t": ["1", "1", "1"], "s": [7.0, float(1 << 60), np.nan]})
    data = an.open_rows(frame, mapping)
    assert data.spans(["span_id"])["span_id"].tolist() == [f"{7:016x}"]
    assert {row["reason"]: row["example"] for row in data.inputs[0].rejected} == {
        "id is a number with a fraction or beyond its digits: hand ids in as texts": "row 2",
        "span id is missing": "row 3",
    }


def test_ids_of_any_form_are_joined(tmp_path):
    # Decimal and hexadecimal, upper case and base64 of one id; a word is hashed, the same way as parent.
    mapping = {"spans": {"trace_id": "t", "span_id": "s", "parent_span_id": "p"}}
    content = (
        b"t,s,p\n"
        b"0AF7651916CD43DD8448EB211C80319C,b7ad6b7169203331,\n"
        b"13235353014750950193,1,13235353014750950193\n"
        b"t-1,first,\n"
        b"t-1,second,first\n"
    )
    frame = opened(tmp_path, content, mapping).spans()
    assert frame["trace_id"].nunique() == 3
    assert (frame["trace_id"] == TRACE).sum() == 1
    decimal = frame[frame["span_id"] == f"{1:016x}"].iloc[0]
    # 13235353014750950193 is 0xb7ad6b7169203331.
    assert decimal["parent_span_id"] == "b7ad6b7169203331"
    hashed = frame[frame["trace_id"] == frame["trace_id"].iloc[-1]]
    assert set(hashed["parent_span_id"].dropna()) <= set(frame["span_id"])


def test_what_does_not_match_is_noted_and_unknown(tmp_path):
    mapping = {
        "spans": {
            "trace_id": "t",
            "span_id": "s",
            "service": {"field": "pod", "match": "^(.*)-[0-9]$"},
            "kind": "k",
            "http_status": "h",
        }
    }
    data = opened(tmp_path, b"t,s,pod,k,h\n1,1,cart-1,server,200\n1,2,cart,web,ok\n", mapping)
    frame = data.spans(["service", "kind", "http_status"])
    assert [None if pd.isna(name) else name for name in frame["service"]] == ["cart", None]
    assert frame["kind"].tolist() == ["server", "unspecified"]
    assert frame["http_status"].tolist() == [200, pd.NA]
    assert data.inputs[0].notes == (
        "values of another type than their column were left out: 1",
        "values of kind that are none of its words: translate them with values: 1",
        "values of pod that do not match: service is unknown: 1",
    )


LOGS = {
    "logs": {
        "time_ns": {"field": "@t", "unit": "iso"},
        "trace_id": "trace",
        "service": "app",
        "severity": "level",
        "body": "text",
    }
}


def test_spans_and_logs_in_one_folder_are_read_by_what_fits(tmp_path):
    (tmp_path / "spans.csv").write_bytes(csv_text())
    (tmp_path / "lines.jsonl").write_text(
        json.dumps({"@t": "2023-11-14T22:13:20Z", "trace": TRACE, "app": "cart", "level": "WARNING", "text": "slow"})
        + "\n"
        + json.dumps({"@t": "2023-11-14T22:13:21Z", "app": "cart", "text": "no trace here"})
        + "\n"
    )
    data = an.open_rows(tmp_path, MAPPING | LOGS)
    assert (data.totals.spans, data.totals.logs) == (2, 2)
    assert [(entry.path, entry.format) for entry in data.inputs] == [
        ("lines.jsonl", "mapped-json"),
        ("spans.csv", "mapped-csv"),
    ]
    logs = data.logs(["trace_id", "severity", "body"])
    assert logs["body"].tolist() == ["no trace here", "slow"]
    assert [None if pd.isna(value) else value for value in logs["trace_id"]] == [None, TRACE]
    assert [None if pd.isna(value) else value for value in logs["severity"]] == [None, "warn"]


def test_known_formats_beside_rows_keep_their_reader(tmp_path):
    span = {"traceId": TRACE, "id": "b7ad6b7169203331", "name": "get", "localEndpoint": {"serviceName": "old"}}
    (tmp_path / "zipkin.json").write_text(json.dumps([span]))
    (tmp_path / "spans.csv").write_bytes(csv_text([ROWS[1]]))
    data = an.open_rows(tmp_path, MAPPING)
    assert [entry.format for entry in data.inputs] == ["mapped-csv", "zipkin-json"]
    assert data.services == ("old", "price-list")


@pytest.mark.parametrize("content", [csv_text(), jsonl_text(), parquet_bytes()], ids=["csv", "json", "parquet"])
def test_a_missing_column_is_named_with_the_nearest(tmp_path, content):
    wrong = {"spans": MAPPING["spans"] | {"trace_id": "traces"}}
    with pytest.raises(UnreadableExport) as raised:
        opened(tmp_path, content, wrong)
    assert "it has no column 'traces' (the mapping: trace_id of spans; did you mean 'trace'?)" in str(raised.value)


def test_a_missing_column_of_a_table_is_named(tmp_path):
    path = tmp_path / "columns.yml"
    path.write_text("spans:\n  trace_id: trace\n  span_id: Id\n")
    with pytest.raises(UnreadableExport) as raised:
        an.open_rows(pd.DataFrame(ROWS), path)
    assert f"it has no column 'Id' ({path}, line 3: span_id of spans; did you mean 'id'?)" in str(raised.value)


def test_values_of_a_file_without_a_header_are_not_told(tmp_path):
    content = b"4111111111111111,secret 12345678,x\n1,2,3\n"
    with pytest.raises(UnreadableExport) as raised:
        opened(tmp_path, content, {"spans": {"trace_id": "t", "span_id": "s"}})
    assert "4111" not in str(raised.value)
    assert "12345678" not in str(raised.value)


def test_a_file_cut_off_is_told(tmp_path):
    with pytest.raises(UnreadableExport, match="the Parquet file is cut off or damaged"):
        opened(tmp_path, parquet_bytes()[:-4])


def test_a_file_cut_off_in_its_compression_keeps_what_came_before(tmp_path):
    rows = [ROWS[0] | {"id": f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}"} for number in range(1, 2001)]
    data = opened(tmp_path, gzip.compress(csv_text(rows))[:-2000])
    assert 0 < data.totals.spans < 2000
    (refused,) = (row for row in data.inputs[0].rejected if row["reason"].startswith("the rest"))
    assert refused["example"].endswith("gzip data is cut off")


def test_a_line_that_is_no_record_is_refused(tmp_path):
    content = jsonl_text() + b"[1]\n{broken\n"
    data = opened(tmp_path, content)
    assert data.totals.spans == 2
    assert sum(row["count"] for row in data.inputs[0].rejected) == 2


def test_the_same_rows_twice_add_nothing(tmp_path):
    (tmp_path / "a.csv").write_bytes(csv_text())
    (tmp_path / "b.csv").write_bytes(csv_text() + b"\n")
    (tmp_path / "c.jsonl").write_bytes(jsonl_text())
    assert an.open_rows(tmp_path, MAPPING).totals.spans == 2


def test_rows_become_a_dataset(tmp_path):
    (tmp_path / "rows.csv").write_bytes(csv_text())
    an.ingest(tmp_path / "rows.csv", tmp_path / "week", mapping=MAPPING)
    assert facts_of(an.open_source(tmp_path / "week", mapping=MAPPING)) == EXPECTED


def test_bodies_are_told_apart_by_what_they_are(tmp_path):
    mapping = {"logs": {"body": "text", "time_ns": {"field": "at", "unit": "s"}}}
    at = int(datetime(2023, 11, 14, tzinfo=UTC).timestamp())
    content = json.dumps([{"text": '{"a": 1}', "at": at}, {"text": "a line", "at": at + 1}]).encode()
    assert opened(tmp_path, content, mapping).logs(["structured"])["structured"].tolist() == [True, False]


def test_a_wrong_mapping_ends_before_anything_is_read(tmp_path):
    with pytest.raises(MappingError):
        an.open_rows(tmp_path / "not there", {"spans": {"trace_id": "t"}})


def wide(number, text):
    """Return a row of CSV whose last field is in quotes."""
    return f'{TRACE},{number:016x},"{text}"\n'


@pytest.mark.parametrize(
    ("broken", "lines"),
    [
        # The quote of the third line ends where that of the fourth was meant to begin.
        (f'{TRACE},ff000000000000aa,"never ends\n', ["line 3"]),
        # Two in a row, and a line in one of several lines.
        (f'{TRACE},ff000000000000aa,"never ends\n{TRACE},ff000000000000ab,"nor this\n', ["line 3", "line 4"]),
        (f'{TRACE},ff000000000000aa,"two\nlines"\n{TRACE},ff000000000000ab,"never ends\n', ["line 5"]),
    ],
)
@pytest.mark.parametrize("after", [50, 20_000])
def test_a_quote_that_never_ends_is_refused_by_its_line_and_swallows_no_row(tmp_path, broken, lines, after):
    mapping = {"spans": {"trace_id": "trace", "span_id": "id", "name": "what"}}
    rows = "".join(wide(number, f'said ""{number}"", twice') for number in range(2, after))
    data = opened(tmp_path, f"trace,id,what\n{wide(1, 'first')}{broken}{rows}".encode(), mapping)
    (refused,) = data.inputs[0].rejected
    assert (refused["reason"], refused["count"]) == ("quote that never ends", len(lines))
    assert refused["example"].startswith(f"{lines[0]}: ")
    read = broken.count('"\n')
    assert data.totals.spans == after - 1 + read
    assert 'said "2", twice' in set(data.spans(["name"])["name"])


def test_a_quote_that_never_ends_is_told_at_the_end_of_the_file_too(tmp_path):
    mapping = {"spans": {"trace_id": "trace", "span_id": "id", "name": "what"}}
    # No other quote follows: without the check the third row would be the name of the second.
    content = f'trace,id,what\n{TRACE},01,a\n{TRACE},02,"b\n{TRACE},03,c\n{TRACE},04\n'.encode()
    data = opened(tmp_path, content, mapping)
    assert sorted(data.spans(["name"])["name"]) == ["a", "c"]
    told = {row["reason"]: row["example"] for row in data.inputs[0].rejected}
    assert told["quote that never ends"].startswith("line 3: ")
    # Numbers of rows count those that were left out.
    assert told["row has another number of fields than the header"].startswith("row 4: ")


def test_a_header_with_a_quote_that_never_ends_is_refused(tmp_path):
    content = f'trace,id,"what\n{TRACE},01,a\n'.encode()
    with pytest.raises(UnreadableExport, match=r"line 1|no column"):
        opened(tmp_path, content, {"spans": {"trace_id": "trace", "span_id": "id"}})


def test_a_corrected_mapping_reads_a_file_again(tmp_path):
    (tmp_path / "rows.csv").write_bytes(csv_text())
    wrong = {"spans": MAPPING["spans"] | {"name": "kind"}}
    an.ingest(tmp_path / "rows.csv", tmp_path / "week", mapping=wrong)
    once = an.ingest(tmp_path / "rows.csv", tmp_path / "week", mapping=wrong)
    assert len(once.inputs) == 1
    data = an.ingest(tmp_path / "rows.csv", tmp_path / "week", mapping=MAPPING)
    assert [entry.format for entry in data.inputs] == ["mapped-csv", "mapped-csv"]
    (note,) = (note for note in data.totals.notes if "another mapping" in note)
    assert "ingest into a new dataset" in note
    # What a mapping is called, and the order of its lines, does not make another of it.
    path = tmp_path / "columns.yml"
    path.write_text(json.dumps({"spans": dict(reversed(MAPPING["spans"].items()))}))
    assert len(an.ingest(tmp_path / "rows.csv", tmp_path / "week", mapping=path).inputs) == 2


def test_a_block_of_tempo_beside_rows_keeps_its_reader(tmp_path):
    (tmp_path / "data.parquet").write_bytes(block([tempo_trace(tempo_span(1))], 4))
    (tmp_path / "rows.parquet").write_bytes(parquet_bytes([ROWS[1]]))
    data = an.open_rows(tmp_path, MAPPING)
    assert [entry.format for entry in data.inputs] == ["tempo-parquet", "mapped-parquet"]


def test_a_row_of_another_width_that_is_no_text_costs_itself(tmp_path):
    mapping = {"spans": {"trace_id": "t", "span_id": "s", "name": "n"}}
    data = opened(tmp_path, b"t,s,n\n1,1,GET /a\n1,2,\xff\x98,more\n1,3,caf\xe9\n", mapping)
    assert list(data.spans(["name"])["name"]) == ["GET /a", "caf\ufffd"]
    [refused] = data.totals.rejected
    assert (refused["count"], refused["example"]) == (1, "row 2: 4 instead of 3")


def test_rows_of_another_kind_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "faults.json"
    path.write_text('[{"source": "chaos", "note": "a pod was killed"}]')
    mapping = {"spans": {name: f"Column{name}" for name in ("trace_id", "span_id", "name", "start_ns", "duration_ns")}}
    with pytest.raises(UnreadableExport) as raised:
        an.open_rows(path, mapping)
    said = "it has none of the 5 columns that the mapping names, such as 'Columntrace_id'; it has source, note"
    assert said in str(raised.value)
