"""Reviews one after the other: appended, ordered by their windows, replaced by the same, and told as a trend."""

from __future__ import annotations

import dataclasses
import json

import pytest

import analysis as an
from analysis.history import Entry, History, HistoryError, append, open_history
from tests.shop import shop_file


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("history") / "shop.jsonl")))


def entry(day: int, *findings: str) -> Entry:
    found = {
        name: {"detector": "loop", "severity": "high", "title": name, "total_ms": 30.0, "requests": 2}
        for name in findings
    }
    window = (f"2026-11-{day:02}T10:00:00Z", f"2026-11-{day:02}T11:00:00Z")
    return Entry(f"{day:016x}", *window, 10, 3, {"chatty": {"A": 1, "E": 2}}, found)


def test_a_review_is_kept_once_however_often_it_is_made(shop, tmp_path):
    first = append(shop, tmp_path / "past")
    again = append(shop, tmp_path / "past")
    assert first.entries == again.entries
    assert len(list((tmp_path / "past").iterdir())) == 1
    assert open_history(tmp_path / "past").entries == again.entries
    assert set(again.entries[0].findings) == {finding.id for finding in shop.finding_objects}


def test_other_exports_are_another_review(shop, tmp_path):
    append(shop, tmp_path)
    other = an.review(an.open_export(shop_file(tmp_path / "other.jsonl", traces=31)))
    history = append(other, tmp_path)
    assert [item.traces for item in history.entries] == [30, 31]


def test_age_counts_reviews_in_a_row():
    history = History((entry(1, "a"), entry(8, "a", "b"), entry(15, "b"), entry(22, "a", "b")))
    assert history.age("b") == (3, "2026-11-08T10:00:00Z")
    # It was gone in between.
    assert history.age("a") == (1, "2026-11-22T10:00:00Z")
    assert history.age("c") == (0, "")


def test_trend_adds_up_what_findings_cost():
    row = History((entry(1, "a", "b"),)).trend.iloc[0]
    assert (row["high"], row["info"], row["requests"], row["marks_d_e"]) == (2, 0, 4, 2)
    # 60 ms in 10 traces.
    assert row["total_ms_per_trace"] == 6.0


def test_trend_is_drawn_and_an_empty_one_says_why():
    figure = an.figures.trend(History((entry(1, "a"), entry(8, "a", "b"))))
    high = next(trace for trace in figure.data if trace.name == "high")
    assert list(high.y) == [1, 2]
    assert list(figure.layout.xaxis.ticktext) == ["2026-11-01 11:00", "2026-11-08 11:00"]
    assert "No review was added" in an.figures.trend(History()).to_json()


def test_a_file_that_is_none_of_ours_is_named(tmp_path):
    path = tmp_path / "review-mine.json"
    path.write_text("{}")
    with pytest.raises(HistoryError, match=r"review-mine\.json"):
        open_history(tmp_path)
    path.write_text(json.dumps({"schema": "archreview/history/9"} | dataclasses.asdict(entry(1))))
    with pytest.raises(HistoryError, match="another schema"):
        open_history(tmp_path)


def test_a_folder_that_is_not_there_has_no_history(tmp_path):
    assert open_history(tmp_path / "nothing").entries == ()
