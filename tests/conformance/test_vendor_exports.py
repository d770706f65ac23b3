"""Real exports of vendors against what can be read in them by eye or counted without this project."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest
import yaml

import analysis as an
from analysis.dataset import open_export
from analysis.sources import UnreadableExport
from tests.exports import otlp, span


def edges(data) -> dict[tuple[str, str], int]:
    """Return who calls whom how often, the outside left out."""
    calls = an.calls(data)
    return {
        (row.caller, row.callee): int(row.calls) for row in calls.itertuples(index=False) if row.caller_kind != "user"
    }


def notes(data) -> dict[str, int]:
    found = (note.rpartition(": ") for note in data.totals.notes)
    return {text: int(count) for text, _, count in found if count.isdecimal()}


@pytest.fixture(scope="module")
def block(shared_exports):
    return shared_exports / "grafana" / "tempo_vparquet4.data.parquet"


def test_a_block_of_the_shop_demo(block):
    """Parents joined by hand: each span's service, and each call across services once."""
    services, calls, traces = {}, Counter(), pq.read_table(block)["rs"].to_pylist()
    for trace in traces:
        spans = {}
        for part in trace:
            for made in part["ss"][0]["Spans"]:
                spans[made["SpanID"]] = (part["Resource"]["ServiceName"], made["ParentSpanID"])
        for service, parent in spans.values():
            services[service] = services.get(service, 0) + 1
            if parent and spans[parent][0] != service:
                calls[spans[parent][0], service] += 1
    data = open_export([str(block), str(block.with_name("tempo_vparquet4.meta.json"))])
    assert (data.totals.traces, data.totals.root_spans) == (134, 134)
    assert data.spans()["service"].value_counts().to_dict() == services
    assert edges(data) == calls
    assert calls["frontend", "recommendationservice"] == 124
    assert calls["recommendationservice", "productcatalogservice"] == 124
    assert not data.totals.rejected
    assert "dedicated" not in " ".join(data.totals.notes)


def test_a_block_without_its_description_says_what_it_cannot_name(block, tmp_path):
    (tmp_path / "data.parquet").write_bytes(block.read_bytes())
    data = open_export(tmp_path)
    assert data.totals.spans == 570
    # meta.json names one of the resource (ip) and four of spans that hold values (instance, version, region,
    # sampler.type).
    (note,) = notes(data)
    assert note.startswith(
        "dedicated columns with values that only the block's meta.json names: resource String01, span"
    )
    assert notes(data)[note] == 5


def test_the_psycopg_payload_names_no_service(shared_exports):
    """Six traces of one query each, made outside of any service: `postgres` is the library's name, not a caller."""
    for name, traces in (("agent_v04_psycopg.json", 6), ("agent_v04.msgpack", 1)):
        data = open_export(shared_exports / "datadog" / name)
        assert (data.totals.traces, data.totals.services) == (traces, ())
        assert edges(data) == {}
        spans = data.spans()
        assert set(spans["db_system"]) == {"postgresql"}
        assert set(spans["server_address"]) == {"127.0.0.1"}
        assert set(spans["server_port"]) == {5432}
        assert {trace[:16] for trace in spans["trace_id"]} == {"69eb939000000000"}
    # The copy has one trace id, 2^64 - 5, for all six of its spans, which all have the id 1.
    assert spans["trace_id"].tolist() == ["69eb939000000000fffffffffffffffb"]
    assert [(row["reason"], row["count"]) for row in data.totals.rejected] == [
        ("contradicts a fuller span of the same id", 5)
    ]


def test_the_grpc_payload(shared_exports):
    """Two traces: a client without a service of its own calls `grpc-server`."""
    data = open_export(shared_exports / "datadog" / "agent_v04_grpc.json")
    assert (data.totals.traces, data.totals.spans, data.totals.services) == (2, 4, ("grpc-server",))
    spans = data.spans()
    assert spans["rpc_service"].tolist().count("Servicer") == 2
    assert set(spans["rpc_method"]) == {"Handler"}
    assert set(spans.loc[spans["kind"] == "client", "rpc_status"]) == {"OK"}
    assert spans.loc[spans["kind"] == "client", "service"].isna().all()


def test_a_page_of_the_spans_api(shared_exports, tmp_path):
    """25 spans of five sample apps: requests without calls, the Java one with its controller below it."""
    cassette = yaml.safe_load((shared_exports / "datadog" / "spans_api_v2_search.cassette.yaml").read_text())
    body = cassette["interactions"][0]["response"]["body"]["string"]
    (tmp_path / "page.json").write_text(body)
    data = open_export(tmp_path / "page.json")
    by_eye = Counter(record["attributes"]["service"] for record in json.loads(body)["data"])
    assert data.spans()["service"].value_counts().to_dict() == by_eye
    assert by_eye["java-sample-app-spartancrimson"] == 8
    assert (data.totals.traces, data.totals.root_spans) == (21, 21)
    assert edges(data) == {}
    calls = an.calls(data)
    assert set(calls["caller_kind"]) == {"user"}
    assert set(calls["calls"]) == {4, 5}
    first = data.spans().query("span_id == @key", local_dict={"key": f"{9270756141854228302:016x}"}).iloc[0]
    assert (first["trace_id"], first["http_status"]) == (f"{3740652481065462946:032x}", 200)
    assert first["duration_ns"] == 3_402_932


def test_compressed_spans_of_elastic(shared_exports):
    """Two documents below a transaction that is not there: fifty calls of Redis, five of Elasticsearch."""
    data = open_export(shared_exports / "elastic" / "apm_TestCompressedSpans.json")
    assert (data.totals.traces, data.totals.spans, data.totals.services) == (1, 2, ("systemtest",))
    assert edges(data) == {("systemtest", "redis://"): 50, ("systemtest", "elasticsearch://"): 5}
    spans = data.spans().set_index("span_id")
    # The first began at the epoch and has no time beside @timestamp; that is a time.
    assert spans.loc["0000000000000002", "start_ns"] == 0
    assert spans["duration_ns"].tolist() == [50_000_000, 20_000_000]


def test_spans_of_an_agent_of_elastic(shared_exports):
    """Ten spans of six traces without their transactions; three documents call one database, one stands for ten."""
    data = open_export(shared_exports / "elastic" / "apm_TestIntake_Spans.json")
    assert (data.totals.traces, data.totals.spans) == (6, 10)
    assert data.totals.services == ("backendspans", "service1")
    assert edges(data) == {
        ("service1", "postgresql://0:0::0:1/customers"): 3,
        ("backendspans", "postgresql://"): 11,
        ("backendspans", "localhost"): 1,
        ("jms://new_users", "backendspans"): 1,
    }
    queries = data.spans().query("service == 'service1'")
    assert set(queries["db_rows"]) == {2}
    # Hexadecimal but for one letter or two: such ids are hashed.
    assert notes(data)["ids that are neither hexadecimal, base64 nor decimal were hashed"] == 6


def test_transactions_of_an_agent_of_elastic(shared_exports):
    """Four requests and a message; one transaction dropped 55 spans."""
    data = open_export(shared_exports / "elastic" / "apm_TestIntake_Transactions.json")
    assert (data.totals.traces, data.totals.spans) == (3, 5)
    spans = data.spans()
    assert sorted(spans["kind"]) == ["consumer", "server", "server", "server", "server"]
    assert spans["dropped_children"].dropna().tolist() == [55]
    assert edges(data) == {("queue://new_users", "1234_service-12a3"): 1}
    # The id of twenty digits, 4340a8e0df1906ecbfa9, keeps its lower half.
    assert "a8e0df1906ecbfa9" in set(spans["span_id"])


def test_log_events_of_an_agent_of_elastic(shared_exports):
    """Seven log events after their metadata; the last names its service twice, and the nested name counts."""
    data = open_export(shared_exports / "elastic" / "intake_v2_logs.ndjson")
    assert (data.totals.format, data.totals.spans, data.totals.logs) == ("elastic-intake", 0, 7)
    assert data.totals.services == ("1234_service-12a3", "testSvc")


def page_of_datadog(trace: int) -> bytes:
    """Return a page with one span of `stock`, below span 2 of a trace of which only the lower half is told."""
    attributes = {
        "trace_id": str(trace), "span_id": "3", "parent_id": "2", "service": "stock", "resource_name": "GET /items",
        "type": "web", "start_timestamp": "2026-11-23T10:00:00.001Z", "end_timestamp": "2026-11-23T10:00:00.002Z",
        "custom": {"duration": 500_000, "span": {"kind": "server"}},
    }  # fmt: skip
    return json.dumps({"data": [{"id": "x", "type": "spans", "attributes": attributes}]}).encode()


@pytest.mark.parametrize("reverse", [False, True])
def test_one_trace_from_two_exports_is_joined_on_its_lower_half(tmp_path, reverse):
    low = 0xE55417FC296FD101
    whole = f"{0x4766F1209F70A5E2:016x}{low:016x}"
    length = 9_000_000
    spans = [span(whole, 1, length=length), span(whole, 2, 1, kind=3, length=length)]
    names = ("b.json", "a.json") if reverse else ("a.json", "b.json")
    (tmp_path / names[0]).write_bytes(otlp(spans))
    (tmp_path / names[1]).write_bytes(page_of_datadog(low))
    data = open_export(tmp_path)
    assert (data.totals.traces, data.totals.spans) == (1, 3)
    assert set(data.spans()["trace_id"]) == {whole}
    assert edges(data) == {("shop", "stock"): 1}
    assert any("joined to the only whole id that ends so" in note for note in data.totals.notes)


def test_a_lower_half_that_two_traces_share_stays_a_trace_of_its_own(tmp_path):
    low = 0xE55417FC296FD101
    spans = [span(f"{high:016x}{low:016x}", number) for number, high in ((1, 5), (2, 6))]
    (tmp_path / "a.json").write_bytes(otlp(spans))
    (tmp_path / "b.json").write_bytes(page_of_datadog(low))
    data = open_export(tmp_path)
    assert (data.totals.traces, data.totals.spans) == (3, 3)
    assert edges(data) == {}
    assert min(data.spans()["trace_id"]) == f"{low:032x}"
    assert any(note.startswith("1 records name a trace by its lower 64 bits, in which") for note in data.totals.notes)


def test_apm_and_filebeat_join(tmp_path):
    """Traces of Elastic APM and lines that Filebeat shipped are one dataset, tied by the id of the trace."""
    trace, transaction = "4766f1209f70a5e2e55417fc296fd101", "00000000000000a1"
    document = {
        "@timestamp": "2026-11-23T10:00:00.000Z", "processor": {"event": "transaction"}, "trace": {"id": trace},
        "transaction": {"id": transaction, "name": "GET /cart", "duration": {"us": 1_000}, "type": "request"},
        "service": {"name": "shop"},
    }  # fmt: skip
    line = {
        "@timestamp": "2026-11-23T10:00:00.000Z", "log.level": "WARN", "message": "slow", "service.name": "shop",
        "trace.id": trace, "transaction.id": transaction, "ecs.version": "8.11",
    }  # fmt: skip
    (tmp_path / "apm.ndjson").write_text(f"{json.dumps(document)}\n{json.dumps(document)}\n")
    (tmp_path / "filebeat.ndjson").write_text(f"{json.dumps(line)}\n")
    data = open_export(tmp_path)
    assert (data.totals.traces, data.totals.spans, data.totals.logs) == (1, 1, 1)
    assert data.totals.services == ("shop",)
    assert not data.totals.rejected


def test_a_search_of_tempo_is_refused_with_advice(shared_exports):
    path = shared_exports / "grafana" / "tempo_search_response.json"
    with pytest.raises(UnreadableExport) as caught:
        open_export(path)
    assert "an index, not traces, and it names no parents. Download the traces by id" in str(caught.value)
