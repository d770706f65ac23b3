"""Every real export by itself: opened, its format named, its refusals counted, a review that says what it can."""

from __future__ import annotations

import gc
import json
import re

import pytest
import yaml

import analysis as an
from analysis.findings import FAMILIES
from analysis.sources import Rejects, UnreadableExport, open_stream, recognise
from tests.dataset.test_trainticket import MAPPING

#: What is in each, counted by eye or by the notes beside them: format, traces, spans, log records.
EXPORTS = {
    "datadog/agent_v04.msgpack": ("datadog-agent", 1, 1, 0),
    "datadog/agent_v04_grpc.json": ("datadog-agent", 2, 4, 0),
    "datadog/agent_v04_psycopg.json": ("datadog-agent", 6, 6, 0),
    "elastic/apm_TestCompressedSpans.json": ("elastic-apm", 1, 2, 0),
    "elastic/apm_TestIntakeLog_with_flat_ecs_fields.json": ("elastic-logs", 0, 0, 1),
    "elastic/apm_TestIntake_Spans.json": ("elastic-apm", 6, 10, 0),
    "elastic/apm_TestIntake_Transactions.json": ("elastic-apm", 3, 5, 0),
    "elastic/intake_v2_logs.ndjson": ("elastic-intake", 0, 0, 7),
    "grafana/explore_download_traces.json": ("otlp-json", 1, 1, 0),
    "grafana/tempo_trace_batches_servicegraph.json": ("otlp-json", 1, 19, 0),
    "grafana/tempo_trace_virtual_nodes.json": ("otlp-json", 2, 3, 0),
    "grafana/tempo_vparquet4.data.parquet": ("tempo-parquet", 134, 570, 0),
    "grafana/tempo_vparquet4.meta.json": ("tempo-parquet", 0, 0, 0),
    "jaeger/classroom_auth-service.json": ("jaeger-json", 31, 109, 0),
    "jaeger/classroom_gateway.json": ("jaeger-json", 23, 161, 0),
    "jaeger/jaeger_es_span_doc.json": ("jaeger-json", 1, 1, 0),
    "jaeger/jaeger_ui_testTraceNormal.json": ("jaeger-json", 1, 5, 0),
    "logs/drone_json.txt": ("log-json", 0, 0, 40),
    "logs/loki_agent_logfmt.txt": ("logfmt", 0, 0, 40),
    "otel/file_exporter_proto.bin": ("otlp-protobuf", 2, 3, 0),
    "otel/file_exporter_proto_zstd.bin": ("otlp-protobuf", 2, 3, 0),
    "otel/otlp_logs.json": ("otlp-json", 0, 0, 1),
    "otel/otlp_trace.json": ("otlp-json", 1, 1, 0),
    # 175 spans, of which five are one request that arrived five times under one id.
    "zipkin/smartthings-oauth-authorization.json": ("zipkin-json", 1, 171, 0),
    "zipkin/zipkin_v2_messaging_kafka.json": ("zipkin-json", 1, 28, 0),
    "zipkin/zipkin_v2_skew.json": ("zipkin-json", 1, 4, 0),
}
#: What of them is refused, by reason.
REFUSED = {
    "datadog/agent_v04.msgpack": {"contradicts a fuller span of the same id": 5},
    "zipkin/smartthings-oauth-authorization.json": {"contradicts a fuller span of the same id": 4},
}
#: What is no export, and what is said of it.
STRANGERS = {
    "README.md": "a line of text",
    "datadog/logs_api_v2_search.cassette.yaml": "a line of text",
    "datadog/spans_api_v2_search.cassette.yaml": "a line of text",
    "grafana/tempo_search_response.json": r"a search in Tempo: an index, not traces.*/api/v2/traces/<id>",
    "grafana/tempo_vparquet4.schema.txt": "a line of text",
    "trainticket/LICENSE": "a line of text",
    "trainticket/faults/faults.json": r'a JSON object with "source", "note", "faults"',
}
#: Exports of which the response's body is one, and what is in it.
CASSETTES = {"spans_api_v2_search": ("datadog-spans", 21, 25, 0), "logs_api_v2_search": ("datadog-logs", 0, 0, 3)}

_ROWS = re.compile(r"trainticket/\w+/[\d_]+(trace|log)\.csv\.gz")


def is_told(name: str) -> bool:
    return (
        name in EXPORTS or name in STRANGERS or bool(re.fullmatch(r"trainticket/\w+/[\d_]+(trace|log)\.csv\.gz", name))
    )


def reviewed(data) -> None:
    """Hold a review to what every review keeps: an answer of each detector, and no finding without its evidence."""
    result = an.review(data)
    answers = result.assessments
    assert set(answers["family"]) == set(FAMILIES)
    assert set(answers["outcome"]) <= {"found", "not_found", "not_assessable"}
    assert answers.loc[answers["outcome"] == "not_assessable", "missing"].map(len).all()
    assert (answers["outcome"] == "found").sum() <= len(result.findings)
    json.dumps(result.trust)
    assert result._repr_html_()


def test_the_folder_holds_what_these_tests_know(shared_exports):
    names = [path.relative_to(shared_exports).as_posix() for path in shared_exports.rglob("*") if path.is_file()]
    assert [name for name in sorted(names) if not is_told(name)] == []


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_opened_named_counted_and_reviewed(shared_exports, name):
    data = an.open_export(shared_exports / name)
    (entry,) = data.inputs
    assert (entry.format, entry.traces, entry.spans, entry.logs) == EXPORTS[name]
    assert {row["reason"]: row["count"] for row in entry.rejected} == REFUSED.get(name, {})
    reviewed(data)


def left_for_the_collector(path) -> set[str]:
    """Read an export and return the kinds of this project's objects that refer to themselves in a circle after it."""
    # What is there already is not looked at.
    gc.freeze()
    gc.disable()
    try:
        with open_stream(path) as stream:
            for batch in recognise(stream).read(stream, Rejects()):
                del batch
        del stream
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return {type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("analysis.")}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize("name", EXPORTS)
def test_memory_of_a_reader_is_free_when_it_ends(shared_exports, name):
    # The collector of circles runs seldom: arrays of dozens of exports heaped up to gigabytes before it did.
    assert left_for_the_collector(shared_exports / name) == set()


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_export_is_refused_with_advice(shared_exports, name):
    with pytest.raises(UnreadableExport, match=STRANGERS[name]) as raised:
        an.open_export(shared_exports / name)
    assert raised.value.remedy


@pytest.mark.parametrize("name", CASSETTES)
def test_pages_of_datadogs_client(shared_exports, tmp_path, name):
    recorded = yaml.safe_load((shared_exports / "datadog" / f"{name}.cassette.yaml").read_text())
    bodies = [item["response"]["body"]["string"] for item in recorded["interactions"]]
    (tmp_path / "pages.json").write_text("\n".join(bodies))
    data = an.open_export(tmp_path / "pages.json")
    entry = data.totals
    assert (entry.format, entry.traces, entry.spans, entry.logs) == CASSETTES[name]
    reviewed(data)


@pytest.mark.slow
@pytest.mark.parametrize("minute", ["normal/08_50", "faults/08_43", "faults/14_50"])
def test_a_minute_of_trainticket(shared_exports, minute):
    paths = [shared_exports / "trainticket" / f"{minute}_{kind}.csv.gz" for kind in ("log", "trace")]
    data = an.open_rows(paths, MAPPING)
    assert [entry.format for entry in data.inputs] == ["mapped-csv", "mapped-csv"]
    assert [entry.rejected for entry in data.inputs] == [(), ()]
    assert data.totals.spans > 1000 < data.totals.logs
    reviewed(data)


def test_the_whole_folder_at_once_is_what_its_files_are(shared_exports):
    """Together with its strangers, which are passed over with a note: nothing is lost beside another."""
    data = an.open_export([str(shared_exports / name) for name in ("elastic", "grafana", "jaeger", "otel", "zipkin")])
    counted = {entry.path: (entry.format, entry.traces, entry.spans, entry.logs) for entry in data.inputs}
    expected = {
        name.partition("/")[2]: told
        for name, told in EXPORTS.items()
        if name.split("/")[0] in {"elastic", "grafana", "jaeger", "otel", "zipkin"}
    }
    assert {name: told for name, told in counted.items() if name in expected} == expected
    others = {entry.path: entry for entry in data.inputs if entry.path not in expected}
    assert set(others) == {"tempo_search_response.json", "tempo_vparquet4.schema.txt"}
    assert all(entry.notes and not entry.rejected for entry in others.values())
