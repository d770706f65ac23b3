"""Kibana's CSV reports: what makes spans of them, how cells are written, and what is refused by name."""

from __future__ import annotations

import io

import pytest

from analysis.sources import UnreadableExport, detect, open_stream, recognise
from tests.sources.build import read

HEADER = (
    '"@timestamp","processor.event","trace.id","transaction.id","span.id","parent.id","service.name","transaction.name",'
    '"span.name","transaction.duration.us","span.duration.us","span.type","span.subtype","span.db.statement",'
    '"event.outcome"\n'
)
ROWS = (
    '"Nov 14, 2023 @ 22:13:20.123",transaction,4766f1209f70a5e2e55417fc296fd101,00000000000000a1,-,-,shop,GET /cart,-,'
    '"1,234,567",-,-,-,-,failure\n'
    '"Nov 14, 2023 @ 22:13:20.124",span,4766f1209f70a5e2e55417fc296fd101,00000000000000a1,00000000000000b2,'
    '00000000000000a1,shop,-,SELECT,-,1500,db,postgresql,"SELECT a,\n  b FROM carts",success\n'
)


def test_rows_are_spans():
    found = read((HEADER + ROWS).encode())
    assert found.format == "kibana-csv"
    server, query = found.spans
    assert (server["span_id"], server["parent_span_id"]) == (0xA1, 0)
    assert (server["kind"], server["status"]) == ("server", "error")
    assert (server["start_ns"], server["duration_ns"]) == (1_700_000_000_123_000_000, 1_234_567_000)
    assert (query["span_id"], query["parent_span_id"], query["service"]) == (0xB2, 0xA1, "shop")
    assert (query["db_system"], query["db_statement"]) == ("postgresql", "SELECT a,\n  b FROM carts")
    assert (query["duration_ns"], query["time_resolution_ns"]) == (1_500_000, 1_000_000)
    assert found.rejects.notes == {"times without a time zone were taken as UTC": 2}
    assert not found.rejects.rows()


def test_columns_of_opentelemetry():
    text = (
        "@timestamp,trace_id,span_id,parent_span_id,resource.attributes.service.name,name,kind,duration\n"
        "2023-11-14T22:13:20.123Z,4766f1209f70a5e2e55417fc296fd101,00000000000000b2,-,shop,GET,Server,1500\n"
    )
    row = read(text.encode()).only()
    assert (row["service"], row["name"], row["kind"], row["duration_ns"]) == ("shop", "GET", "server", 1_500)
    assert row["start_ns"] == 1_700_000_000_123_000_000


def test_bad_rows_cost_themselves():
    bad = "soon,span,a,b,c,d,e,f,g,1,2,h,i,j,k\n1,2\n"
    found = read((HEADER + bad + ROWS).encode())
    assert len(found.spans) == 2
    assert found.reasons == {
        "time is none that Kibana writes": 1,
        "row has another number of cells than the header": 1,
    }


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("@timestamp,trace.id,service.name,transaction.name", "span id (span.id or transaction.id or span_id), parent"),
        ("trace.id,span.id,parent.id,service.name,span.duration.us", "start (@timestamp or timestamp.us)"),
        ("@timestamp,span.id,parent.id,service.name,span.duration.us", "trace id (trace.id or trace_id)"),
    ],
)
def test_a_report_that_lacks_columns_is_refused_by_their_names(header, missing):
    content = f"{header}\nhunter2\n".encode()
    assert detect(content) is None
    with open_stream(io.BytesIO(content), "report.csv") as stream, pytest.raises(UnreadableExport) as caught:
        recognise(stream)
    assert f"report.csv: this is a CSV report of Kibana without {missing}" in str(caught.value)
    assert "Add these columns in Discover" in str(caught.value)


def test_other_tables_are_not_taken():
    for header in ("@timestamp,message,service.name", "time,service,trace_id,span_id", "a,b,c"):
        source = detect(f"{header}\n1,2,3\n".encode())
        assert source is None or source.NAME != "kibana-csv"


@pytest.mark.parametrize("cell", ["GET\r/cart", "x" * 200_000], ids=["a line that ends", "a cell too long"])
def test_a_row_that_is_none_costs_itself(cell):
    whole = read((HEADER + ROWS).encode())
    lines = (HEADER + ROWS).splitlines()
    found = read("\n".join([lines[0], f"{cell},", *lines[1:]]).encode())
    assert len(found.spans) == len(whole.spans)
    [refused] = found.rejects.rows()
    assert refused["reason"] == "a line ends within a cell without quotes, or a cell is too long"
    assert (refused["count"], refused["example"]) == (1, "row 2")
