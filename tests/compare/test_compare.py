"""Two recordings of a small shop, compared: what appeared, what vanished, what changed, and what nobody knows."""

from __future__ import annotations

import gzip
import json

import pytest

import analysis as an
from analysis.compare import BaselineError
from tests.exports import otlp_lines
from tests.shop import shop, shop_file


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("before") / "shop.jsonl", 120)))


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    """The same shop; billing writes a table of its own and never fails, and the user's request takes twice as long."""
    path = tmp_path_factory.mktemp("after") / "shop.jsonl"
    spans = shop(120)
    for service, one in spans:
        one["status"] = {}
        one["events"] = []
        if service == "billing":
            one["attributes"] = [
                {**item, "value": {"stringValue": item["value"]["stringValue"].replace("ledger", "charges")}}
                for item in one["attributes"]
            ]
        if service == "gateway" and not one["parentSpanId"]:
            one["endTimeUnixNano"] = str(2 * int(one["endTimeUnixNano"]) - int(one["startTimeUnixNano"]))
    path.write_bytes(otlp_lines(spans))
    return an.review(an.open_export(path))


@pytest.fixture(scope="module")
def comparison(before, after):
    return an.compare(before, after)


def test_a_review_beside_itself_has_not_changed(before):
    same = an.compare(before, before)
    assert {standing.status for standing in same.standings} == {"persisting"}
    assert not len(same.changes)
    assert not len(same.nodes)
    assert not len(same.tables)
    assert set(same.edges["change"]) == {""}
    assert set(same.compared["verdict"]) == {"same"}


def test_what_was_mended_is_resolved(comparison):
    resolved = {standing.finding.detector for standing in comparison.of_status("resolved")}
    assert "shared_table" in resolved or "foreign_write" in resolved
    # Where nothing fails nobody can see whether failures climb: that is no cure.
    unjudged = {standing.finding.detector for standing in comparison.of_status("unjudged")}
    assert "realised_cascade" in unjudged
    assert comparison.status_of("0123456789abcdef") == ""


def test_tables_that_are_written_now_and_no_more(comparison):
    moved = set(comparison.tables[["table", "service", "change"]].itertuples(index=False, name=None))
    assert moved == {("charges", "billing", "appeared"), ("ledger", "billing", "vanished")}


def test_errors_and_durations_changed_and_calls_did_not(comparison):
    found = {(row.caller, row.callee, row.measure): row for row in comparison.changes.itertuples()}
    slower = found["user", "gateway", "p95_ms"]
    # 300 ms and 600 ms, each within the 0.8 % of a bucket.
    assert slower.before == pytest.approx(300, rel=0.008)
    assert slower.after == pytest.approx(600, rel=0.008)
    assert slower.verdict == "worse"
    fewer = found["gateway", "billing", "error_share"]
    # 40 of 120 traces failed.
    assert fewer.before == pytest.approx(1 / 3)
    assert fewer.after == 0
    assert fewer.low <= -1 / 3 <= fewer.high
    assert fewer.verdict == "better"
    assert not [key for key in found if key[2] == "calls_per_trace"]


def test_with_few_traces_nothing_is_called_changed(tmp_path, after):
    few = an.review(an.open_export(shop_file(tmp_path / "few.jsonl", 20)))
    compared = an.compare(few, after)
    assert not len(compared.changes)
    assert "too few" in set(compared.compared["verdict"])


def test_a_service_that_came_and_one_that_went(before, tmp_path):
    other = an.review(an.open_export(shop_file(tmp_path / "other.jsonl", service="basket")))
    compared = an.compare(before, other)
    services = compared.nodes[compared.nodes["kind"] == "service"]
    assert list(services[["name", "change"]].itertuples(index=False, name=None)) == [
        ("basket", "appeared"),
        ("cart", "vanished"),
    ]
    edges = compared.edges.set_index(["caller", "callee"])["change"]
    assert edges["gateway", "basket"] == "appeared"
    assert edges["gateway", "cart"] == "vanished"
    assert edges["gateway", "billing"] == ""


def test_findings_alone_are_compared_and_the_rest_is_not_made_up(before, after, tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(before.to_json_text())
    compared = an.compare(path, after)
    assert compared.findings.equals(an.compare(before, after).findings)
    assert not compared.has_traffic
    assert not len(compared.edges)
    assert "could not be compared" in compared._repr_html_()
    assert compared.to_json()["traffic_compared"] is False


def test_a_review_without_samples_says_so(before, after):
    import dataclasses

    old = dataclasses.replace(before, tables={k: v for k, v in before.tables.items() if k != "call_samples"})
    assert "saved without" in an.compare(old, after)._repr_html_()


def test_what_is_kept_serves_as_well_as_the_review(before, after, tmp_path):
    kept = before.save(tmp_path / "report" / "review")
    expected = an.compare(before, after).to_json()
    assert an.compare(kept, after).to_json() == expected
    assert an.compare(tmp_path / "report", after).to_json() == expected


def test_a_comparison_is_kept_beside_the_later_review(before, after, comparison, tmp_path):
    folder = after.save(tmp_path / "review")
    assert an.open_comparison(folder) is None
    comparison.save(folder)
    kept = an.open_comparison(folder)
    assert kept.to_json() == comparison.to_json()
    assert kept.tables.equals(comparison.tables)
    assert kept.nodes.equals(comparison.nodes)
    # What a comparison reads, and no more: the folder goes into every report.
    assert sorted(path.name for path in (folder / "before").iterdir()) == [
        "baseline.json.gz",
        "call_samples.parquet",
        "calls.parquet",
        "data_access.parquet",
        "operations.parquet",
    ]
    (tmp_path / "findings.json").write_text(before.to_json_text())
    an.compare(tmp_path / "findings.json", after).save(folder := after.save(tmp_path / "other"))
    assert not an.open_comparison(folder).has_traffic
    assert an.open_comparison(folder).findings.equals(comparison.findings)
    (folder / "before" / "baseline.json.gz").unlink()
    with pytest.raises(BaselineError, match="not written whole"):
        an.open_comparison(folder)


def test_a_configuration_judges_what_is_reviewed_and_masks_what_it_hides(before, tmp_path):
    other = shop_file(tmp_path / "other.jsonl", 40, service="basket")
    config = {"redaction": {"patterns": ["cart", "basket"]}, "limits": {"n_plus_one_queries": {"repeats": 1_000}}}
    named = an.compare(before, other)
    assert "cart" in repr(named.to_json())
    assert "basket" in repr(named.to_json())
    hidden = an.compare(before, other, config=config)
    assert "cart" not in repr(hidden.to_json())
    assert "basket" not in repr(hidden.to_json())
    hidden.save(tmp_path)
    assert "cart" not in gzip.decompress((tmp_path / "before" / "baseline.json.gz").read_bytes()).decode()
    # Both are mended by a limit that nothing reaches; what was reviewed before stays as it was.
    assert "n_plus_one_queries" in {item.finding.detector for item in hidden.of_status("resolved")}
    assert not hidden.after.assessments["findings"][hidden.after.assessments["detector"] == "n_plus_one_queries"].any()


def test_json_has_no_number_that_is_none(comparison):
    text = json.dumps(comparison.to_json(), allow_nan=False)
    assert json.loads(text)["counts"]["resolved"] == len(comparison.of_status("resolved"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": "archreview/findings/9", "findings": []}', "archreview/findings/9"),
        ('{"schema": "archreview/findings/1", "findings": [{}], "assessments": []}', "lacks what it must have"),
        ('{"schema": "archreview/findings/1", "findings": [', "cannot be compared with"),
    ],
)
def test_findings_that_cannot_be_used_are_refused(after, tmp_path, text, said):
    path = tmp_path / "findings.json"
    path.write_text(text)
    with pytest.raises(BaselineError, match=said):
        an.compare(path, after)


def test_findings_cannot_stand_in_for_the_later_review(before, tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(before.to_json_text())
    with pytest.raises(BaselineError, match="without facts"):
        an.compare(before, path)
