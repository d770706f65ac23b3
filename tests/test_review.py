"""A review: of anything that can be read, kept and opened again, and shown."""

from __future__ import annotations

import dataclasses
import json

import pyarrow.parquet as pq
import pytest

import analysis as an
from analysis import detectors
from analysis.compare import open_baseline
from analysis.config import ConfigurationError
from analysis.review_files import OldReview
from tests.commands.shapes import FINDINGS, differences
from tests.exports import log, otlp, span
from tests.shop import shop_file

LITTLE = {
    "nothing": otlp(),
    "logs": otlp(logs=[log("paid", 1, 2), log("paid")]),
    "one span": otlp([span(1, 1)]),
    "no name": otlp([span(1, 1, service="", name="", kind=0)]),
    "no times": otlp([span(1, 1, startTimeUnixNano="", endTimeUnixNano=""), span(1, 2, 1, startTimeUnixNano="0")]),
    "no length": otlp([span(1, 1, length=0), span(1, 2, 1, length=0)]),
    "orphan": otlp([span(1, 2, 1)]),
    "its own parent": otlp([span(1, 1, 1)]),
    "circle": otlp([span(1, 1, 2), span(1, 2, 1)]),
    "end before start": otlp([span(1, 1, length=-5)]),
    "one trace": otlp([span(1, 1), span(1, 2, 1, kind=3), span(1, 3, 2, service="cart", status=2)]),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("review") / "shop.jsonl")


@pytest.fixture(scope="module")
def shop(path):
    return an.review(an.open_export(path))


@pytest.mark.parametrize("name", LITTLE)
def test_little_is_reviewed_too(tmp_path, name):
    export = tmp_path / "export.json"
    export.write_bytes(LITTLE[name])
    result = an.review(an.open_export(export))
    said = json.loads(result.to_json_text(), parse_constant=pytest.fail)
    assert differences(said, FINDINGS) == []
    assert [item["detector"] for item in said["assessments"]] == list(detectors.discover())
    assert all(item["missing"] for item in said["assessments"] if item["outcome"] == "not_assessable")
    page = result._repr_html_()
    assert page.startswith('<div class="archreview">')
    assert page.endswith("</div>")
    assert len(result.findings) == len(said["findings"])
    assert len(result.assessments) == len(said["assessments"])
    opened = an.open_review(result.save(tmp_path / "kept"))
    assert opened.to_json() == result.to_json()


def test_what_is_kept_opens_as_it_was(shop, tmp_path):
    opened = an.open_review(shop.save(tmp_path / "kept"))
    assert opened.to_json() == shop.to_json()
    assert (tmp_path / "kept" / "findings.json").read_text() == shop.to_json_text()
    assert opened.inputs == shop.inputs
    assert opened.trust_report == shop.trust_report
    assert opened.exemplar_spans.equals(shop.exemplar_spans)
    for name, frame in shop.facts.items():
        assert list(opened.facts[name].columns) == list(frame.columns)
        assert opened.facts[name].astype(str).equals(frame.astype(str)), name


def test_keeping_twice_gives_the_same_bytes_and_leaves_nothing_over(shop, tmp_path):
    folder = shop.save(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "facts" / "of_an_earlier_version.parquet").write_bytes(b"")
    shop.save(folder)
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_without_a_review_says_how_to_make_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no review.*review\(data\)\.save"):
        an.open_review(tmp_path)


def test_it_is_frozen_and_tells_itself(shop):
    with pytest.raises(dataclasses.FrozenInstanceError):
        shop.inputs = ()
    assert repr(shop) == f"<Review: {len(shop.finding_objects)} findings in 3 services>"


def test_a_finding_is_found_by_detector_and_subject(shop):
    found = shop.finding("n_plus_one_queries")
    assert found.detector == "n_plus_one_queries"
    assert shop.finding("n_plus_one_queries", **found.subject) == found
    with pytest.raises(KeyError, match="its answer is 'not_found'"):
        shop.finding("orphan_spans")
    with pytest.raises(KeyError, match="there is no detector 'orphans'; did you mean 'orphan_spans'"):
        shop.finding("orphans")


def test_findings_are_rows_worst_first(shop):
    frame = shop.findings
    order = ["high", "medium", "low", "info"]
    places = [order.index(severity) for severity in frame["severity"]]
    assert places == sorted(places)
    assert list(frame["id"]) == [finding.id for finding in shop.finding_objects]
    assert set(frame["family"]) == {family for family in frame["family"] if shop.of_family(family)}


def test_exemplars_can_be_looked_at(shop):
    named = {example.trace_id for finding in shop.finding_objects for example in finding.exemplars}
    assert set(shop.traces.spans()["trace_id"]) == named
    assert shop.traces.totals.traces == len(named)


def test_unknown_detector_is_an_error(path):
    with pytest.raises(KeyError, match="no detector 'n_plus_two'"):
        an.review(an.open_export(path), only=["n_plus_two"])


def test_configuration_is_taken_from_a_file_or_a_mapping(path, tmp_path):
    file = tmp_path / "review.yml"
    file.write_text("limits: {n_plus_one_queries: {repeats: 6}}\n")
    for config in (file, str(file), {"limits": {"n_plus_one_queries": {"repeats": 6}}}):
        result = an.review(an.open_export(path), config=config)
        assert result.assessments.set_index("detector").at["n_plus_one_queries", "outcome"] == "not_found"
    with pytest.raises(ConfigurationError):
        an.review(an.open_export(path), config={"limit": {}})


def test_inputs_of_one_name_are_in_a_fixed_order(tmp_path):
    for folder, spans in (("a", [span(1, 1)]), ("b", [span(2, 1), span(2, 2, 1)])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.json").write_bytes(otlp(spans))
    ways = [["a", "b"], ["b", "a"]]
    said = [an.review(an.open_export([tmp_path / name / "x.json" for name in way])).to_json() for way in ways]
    assert said[0] == said[1]
    assert [(entry["path"], entry["spans"]) for entry in said[0]["inputs"]] == [("x.json", 2), ("x.json", 1)] or [
        (entry["path"], entry["spans"]) for entry in said[0]["inputs"]
    ] == [("x.json", 1), ("x.json", 2)]


@pytest.mark.parametrize("change", ["a column that was added since", "a fact that is no more"])
def test_a_review_of_another_version_tells_its_findings_and_why_not_its_facts(shop, tmp_path, change):
    folder = shop.save(tmp_path / "kept")
    calls = folder / "facts" / "calls.parquet"
    if change == "a column that was added since":
        pq.write_table(pq.read_table(calls).drop_columns(["errors"]), calls)
        said = "calls lacks errors"
    else:
        calls.rename(calls.with_name("gone.parquet"))
        said = "gone is none of this version"
    opened = an.open_review(folder)
    assert [item.id for item in opened.finding_objects] == [item.id for item in shop.finding_objects]
    with pytest.raises(OldReview, match=f"another version.*{said}.*review the exports again"):
        _ = opened.facts
    # What is compared with it is compared by its findings.
    assert open_baseline(folder, pytest.fail).review is None


def test_what_is_handed_in_wrongly_is_told_in_words(path, shop):
    with pytest.raises(TypeError, match=r"a dataset is reviewed, such as an\.open_export gives, not str"):
        an.review(str(path))
    with pytest.raises(KeyError, match="there is no detector 'n_plus_one'; did you mean 'n_plus_one_calls'"):
        shop.finding("n_plus_one")
    with pytest.raises(TypeError, match="name an export, or a list of them, not NoneType"):
        an.open_export(None)
    with pytest.raises(an.sources.UnreadableExport, match="exports: none is named"):
        an.open_export([])
    with pytest.raises(ValueError, match="max_skew is a length of time such as '1ms', not 'soon'"):
        an.open_export(path, max_skew="soon")
