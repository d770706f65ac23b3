"""A review written down in each format: true, short, and in words."""

from __future__ import annotations

import pytest

import analysis as an
from analysis import outputs
from analysis.outputs._sentences import cost, seen
from analysis.outputs.as_csv import cell
from tests.claims import finding
from tests.exports import log, otlp, span
from tests.shop import shop_file


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("outputs") / "shop.jsonl")))


def test_an_unknown_format_is_an_error(shop):
    with pytest.raises(ValueError, match="unknown format 'yaml'"):
        outputs.write(shop, "yaml")


@pytest.mark.parametrize("form", [form for form in outputs.FORMATS if form != "prometheus"])
def test_every_format_ends_with_a_line_feed_and_names_every_finding(shop, form):
    text = outputs.write(shop, form)
    assert text.endswith("\n")
    for item in shop.finding_objects:
        assert item.id in text


def test_text_is_for_a_terminal(shop):
    text = outputs.write(shop, "text")
    assert text.startswith("30 traces, 360 spans and 0 log records of 3 services from 1 export.\n")
    assert max(map(len, text.splitlines())) <= 100
    assert f"{len(shop.finding_objects)} findings: " in text
    assert "1 exports" not in text
    # What is only worth knowing is told in three lines: no remedy is asked for.
    for item in shop.finding_objects:
        if item.severity != "info":
            assert " ".join(item.title.split()[:4]) in text
    for item in shop.assessments_made:
        assert item.detector in text.split("What was looked for")[1]


def test_nothing_found_is_said(tmp_path):
    path = tmp_path / "one.json"
    path.write_bytes(otlp([span(1, 1)], [log("started", 1, 1)]))
    result = an.review(an.open_export(path), only=["shared_table"])
    text = outputs.write(result, "text")
    assert "1 trace, 1 span and 1 log record of 1 service from 1 export." in text
    # The only detector asked had nothing to judge: that is no clean bill.
    assert "Nothing could be assessed." in text
    assert "Nothing was found." not in text
    assert "could not be assessed" in text
    assert "missing: " in text
    markdown = outputs.write(result, "markdown")
    assert "\nNone.\n" in markdown
    assert len(outputs.write(result, "csv").splitlines()) == 1


def test_markdown_links_lead_to_their_sections(shop):
    text = outputs.write(shop, "markdown")
    for item in shop.finding_objects:
        assert f"(#finding-{item.id})" in text
        assert f'<a id="finding-{item.id}"></a>' in text


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"requests_failed": 1, "total_ms": 5.0}, "1 failed request"),
        ({"requests_failed": 0, "critical_path_ms_p95": 130.653, "total_ms": 9e9}, "131 ms a request at p95"),
        ({"critical_path_ms_p95": 0.0, "total_ms": 120_609.0}, "2 min 1 s over all requests"),
        ({"total_ms": 0.0}, ""),
        ({}, ""),
    ],
)
def test_cost_is_told_in_the_unit_that_says_most(members, said):
    assert cost(finding(cost=members)) == said


@pytest.mark.parametrize(
    ("affected", "of", "share", "said"),
    [
        (1, 2129, 1 / 2129, "1 of 2,129 traces (under 0.1%)"),
        (300, 2129, 300 / 2129, "300 of 2,129 traces (14%)"),
        (5, 5, 1.0, "5 of 5 traces"),
        (1, 1, 1.0, "1 of 1 trace"),
        (0, 3, 0.0, ""),
    ],
)
def test_where_it_was_seen(affected, of, share, said):
    assert seen(finding(traces_affected=affected, traces_seen=of, share=share)) == said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cart", "cart"),
        ("=1+1", "'=1+1"),
        ("  +1", "'+1"),
        ("\t-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\u200b=1", "'=1"),
        ("a=1", "a=1"),
        ("a\nb", "a b"),
    ],
)
def test_a_cell_is_never_a_formula(text, shown):
    assert cell(text) == shown
