"""A report ranks and replays the whole source, and keeps the results beside the review for its notebooks."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

import analysis as an
from analysis.report import build, build_report, whole
from tests.notebooks.running import NOTEBOOKS, run, text_of
from tests.origins.stories import recorded


def fails(made):
    made["failed"] = {"shop", "stock", "store"}


def nothing(made):
    del made


def pages(folder):
    """Return what the two notebooks say of a saved review."""
    wanted = ("08-where-did-it-begin", "09-what-if")
    shown = [run(path, folder) for path in NOTEBOOKS if path.stem in wanted]
    # Prose that a cell makes is text in a kernel, and no more than an object here.
    return [text_of([one.data if isinstance(one, Markdown) else one for one in cells]) for cells in shown]


def test_notebooks_show_the_whole_source(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "notebooks", list)
    data = recorded(fails)
    build_report(an.review(data), tmp_path / "out", title="Shop", data=data)
    kept = tmp_path / "out" / "review"
    assert an.open_beginning(kept).ranked["service"].iloc[0] == "store"
    replayed = an.open_what_if(kept)
    # Two minutes of forty requests, of which findings name a few.
    assert replayed.operations["requests"].tolist() == [80]
    pd.testing.assert_frame_equal(replayed.operations, an.what_if(data, "batch=detected").operations)
    began, replay = pages(kept)
    assert "this window is proposed by the data" in began
    assert "Where the incident began" in began
    assert "all requests" in replay


def test_a_baseline_that_is_a_recording_is_what_is_usual(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "notebooks", list)
    data = recorded(fails)
    build_report(an.review(data), tmp_path / "out", title="Shop", data=data, before=recorded(nothing))
    assert an.open_beginning(tmp_path / "out" / "review").said.count("80 traces") == 2


def test_a_saved_review_alone_says_what_is_missing(tmp_path):
    folder = an.review(recorded(fails)).save(tmp_path / "review")
    began, replay = pages(folder)
    assert "no ranking was kept beside this one" in began
    assert "Where the incident began" not in began
    assert "only the traces that findings name" in replay


def test_more_than_can_be_replayed_is_ranked_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(whole, "MOST_SPANS", 10)
    data = recorded(fails)
    whole.keep_whole(an.review(data), data, None, tmp_path)
    assert an.open_beginning(tmp_path).ranked["service"].iloc[0] == "store"
    assert an.open_what_if(tmp_path) is None
