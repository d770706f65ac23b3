"""Traces and logs of one system from different exports, and logs alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import analysis as an
from analysis.findings import FAMILIES
from tests.exports import otlp, span
from tests.sources.logs import lines, log_rows

TRACE = "0af7651916cd43dd8448eb211c80319c"
AT = "2026-01-01T00:00:00.001Z"
LOW = int(TRACE[16:], 16)


def loki(line, labels=None, metadata=None):
    entry = ["1767225600001000000", line, *([metadata] if metadata else [])]
    stream = {"stream": labels or {"app": "shop"}, "values": [entry]}
    return json.dumps({"status": "success", "data": {"resultType": "streams", "result": [stream]}}).encode()


LOGS = {
    "loki, in the line": loki(f"level=warn traceID={TRACE} msg=late"),
    "loki, as metadata": loki("late", metadata={"trace_id": TRACE}),
    "loki, low half": loki(f"level=warn traceID={TRACE[16:]} msg=late"),
    "filebeat": lines({"@timestamp": AT, "message": "late", "trace.id": TRACE, "log.level": "warn"}),
    "datadog, decimal low half": lines({"timestamp": AT, "message": "late", "dd.trace_id": str(LOW)}),
    "datadog text": f"2026-01-01 00:00:00,001 WARN [dd.trace_id={LOW} dd.span_id=7] late\n".encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_logs_join_the_traces_of_another_export(name, tmp_path):
    (tmp_path / "traces.json").write_bytes(otlp([span(TRACE, 7)]))
    (tmp_path / "logs.log").write_bytes(LOGS[name])
    data = an.open_export(str(tmp_path))
    assert (data.totals.spans, data.totals.logs) == (1, 1)
    assert list(data.logs()["trace_id"]) == [TRACE]
    review = an.review(data, only=["disconnected_logs"])
    assert review.trust["logs"]["join_share"] == 1.0


def test_logs_and_spans_of_a_trace_share_a_partition(tmp_path):
    traces = [f"{number + 1:032x}" for number in range(200)]
    (tmp_path / "traces.json").write_bytes(otlp([span(trace, 7) for trace in traces]))
    records = [{"time": "2026-01-01T00:00:00Z", "level": "info", "msg": "x", "trace_id": trace} for trace in traces]
    (tmp_path / "logs.jsonl").write_bytes(lines(*records))
    data = an.ingest(str(tmp_path), tmp_path / "dataset", partitions=8)
    assert len({partition.rows for partition in data.partitions}) > 1
    assert an.review(data, only=["disconnected_logs"]).trust["logs"]["join_share"] == 1.0


def test_logs_alone_are_judged_and_the_other_chapters_are_not(tmp_path):
    records = [{"time": "2026-01-01T00:00:00Z", "level": "info", "msg": f"cart {n} read"} for n in range(30)]
    (tmp_path / "cart.jsonl").write_bytes(lines(*records))
    answers = an.review(an.open_export(str(tmp_path))).assessments
    judged = answers[answers["outcome"] != "not_assessable"]
    assert set(judged["detector"]) == {"disconnected_logs", "unstructured_logs", "exposed_secrets"}
    assert set(answers["family"]) == set(FAMILIES)


def test_records_of_the_sources_own_fixtures_are_read(shared_exports: Path):
    ecs = log_rows((shared_exports / "elastic" / "apm_TestIntakeLog_with_flat_ecs_fields.json").read_bytes())
    assert ecs.format == "elastic-logs"
    (row,) = ecs.rows
    said = {name: row[name] for name in ("service", "severity", "logger", "body", "trace_id_low")}
    # Its trace id is the text "trace-id", which is none.
    assert said == {
        "service": "testSvc",
        "severity": "warn",
        "logger": "testLogger",
        "body": "test log message with ecs fields",
        "trace_id_low": 0,
    }
    agent = log_rows((shared_exports / "logs" / "loki_agent_logfmt.txt").read_bytes(), "agent.txt")
    assert (agent.format, len(agent.rows)) == ("logfmt", 40)
    assert {row["severity"] for row in agent.rows} == {"info", "error"}
    drone = log_rows((shared_exports / "logs" / "drone_json.txt").read_bytes(), "drone.txt")
    assert (drone.format, len(drone.rows)) == ("log-json", 40)


def test_pages_of_datadogs_client_are_read(shared_exports: Path):
    cassette = yaml.safe_load((shared_exports / "datadog" / "logs_api_v2_search.cassette.yaml").read_text())
    bodies = [item["response"]["body"]["string"] for item in cassette["interactions"]]
    found = log_rows("\n".join(bodies).encode(), "pages.json")
    assert (found.format, len(found.rows), found.rejected) == ("datadog-logs", 3, {})
    assert [row["host"] for row in found.rows] == ["05f9b9df-ae45-4c8b-66bf-e24c"] * 3
    assert [row["structured"] for row in found.rows] == [True, False, True]
    assert [row["severity"] for row in found.rows] == ["info", "info", "info"]
    # 2022-04-11T16:29:47.401Z.
    assert found.rows[1]["time_ns"] == 1_649_694_587_401_000_000
