"""Real rows of a public system, read by the mapping that the documentation shows; expected values from plain CSV."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

import analysis as an
from tests.commands.run import run

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "guide" / "your-own-rows.md"
MAPPING = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1])


def rows_of(path):
    return list(csv.DictReader(io.StringIO(gzip.open(path, "rt", encoding="utf-8").read())))


@pytest.fixture(scope="module")
def folder(shared_exports):
    return shared_exports / "trainticket" / "normal"


@pytest.fixture(scope="module")
def data(folder):
    return an.open_rows(folder, MAPPING)


@pytest.fixture(scope="module")
def spans(folder):
    return rows_of(folder / "08_50_trace.csv.gz")


@pytest.fixture(scope="module")
def logs(folder):
    return rows_of(folder / "08_50_log.csv.gz")


def service(pod):
    return pod.rsplit("-", 2)[0]


def test_everything_is_read_and_nothing_refused(data, spans, logs):
    assert (data.totals.spans, data.totals.logs) == (len(spans), len(logs))
    assert data.totals.traces == len({row["TraceID"] for row in spans})
    assert data.totals.root_spans == sum(row["ParentID"] == "root" for row in spans)
    assert [(entry.path, entry.format, entry.rejected) for entry in data.inputs] == [
        ("08_50_log.csv.gz", "mapped-csv", ()),
        ("08_50_trace.csv.gz", "mapped-csv", ()),
    ]
    assert set(data.services) == {service(row["PodName"]) for row in (*spans, *logs)}


def test_times_and_parents_are_those_of_the_rows(data, spans):
    read = data.spans(["span_id", "parent_span_id", "raw_start_ns", "duration_ns", "service", "instance"])
    found = {row.span_id: row for row in read.itertuples()}
    for row in spans:
        span = found[row["SpanID"]]
        assert span.raw_start_ns == int(row["StartTimeUnixNano"])
        assert span.duration_ns == int(row["EndTimeUnixNano"]) - int(row["StartTimeUnixNano"])
        assert (span.service, span.instance) == (service(row["PodName"]), row["PodName"])
        assert row["ParentID"] == ("root" if pd.isna(span.parent_span_id) else span.parent_span_id)


def test_logs_join_the_spans_that_wrote_them(data, spans, logs):
    written = {(row["TraceID"], row["SpanID"]) for row in spans}
    expected = sum((row["TraceID"], row["SpanID"]) in written for row in logs)
    read = data.spans(["trace_id", "span_id"]).merge(data.logs(["trace_id", "span_id"]), on=["trace_id", "span_id"])
    assert len(read) == expected > 2_000
    severities = {row.severity for row in data.logs(["severity"]).itertuples()}
    assert severities <= {"debug", "info", "warn", "error"}


def test_no_span_is_an_orphan_and_what_is_missing_is_said(folder, tmp_path, capsys, spans):
    mapping = tmp_path / "columns.yml"
    mapping.write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    ids = {(row["TraceID"], row["SpanID"]) for row in spans}
    orphans = sum(row["ParentID"] != "root" and (row["TraceID"], row["ParentID"]) not in ids for row in spans)
    said = run(capsys, "inspect", folder, "--map", mapping, "--format", "json")
    assert said.code == 0
    trust = yaml.safe_load(said.out)["trust"]
    assert (trust["orphan_spans"], trust["attribute_coverage"]["kind"]) == (orphans, 0)


def test_a_review_does_not_make_up_what_is_not_there(data):
    result = an.review(data)
    outcomes = dict(zip(result.assessments["detector"], result.assessments["outcome"], strict=True))
    needs_more = {"n_plus_one_queries", "shared_table", "realised_cascade", "absent_circuit_breaker", "scattered_entry"}
    assert {outcomes[name] for name in needs_more} == {"not_assessable"}


def test_a_wrong_mapping_is_wrong_usage(folder, tmp_path, capsys):
    mapping = tmp_path / "columns.yml"
    mapping.write_text("spans:\n  trace_id: TraceID\n  parent_id: ParentID\n", encoding="utf-8")
    said = run(capsys, "findings", folder, "--map", mapping)
    assert said.code == 2
    assert "columns.yml, line 3: unknown key 'parent_id'; did you mean 'parent_span_id'?" in said.err
