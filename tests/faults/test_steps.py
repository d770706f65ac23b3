"""Reports, saved reviews and results, ended at each step of being written: what is done next is not in the way."""

from __future__ import annotations

import itertools
import json

import pytest

import analysis as an
from analysis.commands._speaking import give
from analysis.report.folder import prepare, publish
from tests.faults.killing import contents
from tests.faults.stepping import died_at_each_step
from tests.shop import shop_file


def build(folder, *names):
    unfinished = prepare(folder)
    for name in names:
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")
    publish(unfinished, folder)


def new_folders(tmp_path):
    """Return folders, a new one each time."""
    numbers = itertools.count()
    return lambda: tmp_path / f"folder-{next(numbers)}"


NAMES = ("index.html", "00-a.html", "alerts.yml", "assets/report.css", "review/facts/a.parquet", "services/a.html")


def test_a_report_that_died_at_any_step_is_built_again(tmp_path):
    build(tmp_path / "whole", *NAMES)
    whole, steps = contents(tmp_path / "whole"), 0
    for folder in died_at_each_step(lambda folder: build(folder, *NAMES), new_folders(tmp_path)):
        index = folder / "index.html"
        assert not index.exists() or contents(folder).items() >= {n: whole[n] for n in NAMES}.items()
        build(folder, *NAMES)
        assert contents(folder) == whole
        steps += 1
    assert steps > 30


def test_a_report_that_died_in_the_place_of_an_earlier_one_is_built_again(tmp_path):
    build(tmp_path / "whole", *NAMES)
    whole, steps = contents(tmp_path / "whole"), 0
    fresh = new_folders(tmp_path)

    def with_an_earlier_one():
        folder = fresh()
        build(folder, "index.html", "07-gone.html", "services/gone.html")
        (folder / "mine.txt").write_text("mine")
        return folder

    for folder in died_at_each_step(lambda folder: build(folder, *NAMES), with_an_earlier_one):
        build(folder, *NAMES)
        assert (folder / "mine.txt").read_text() == "mine"
        (folder / "mine.txt").unlink()
        assert contents(folder) == whole
        steps += 1
    assert steps > 30


def test_a_review_that_died_while_it_was_saved_is_none_and_is_saved_again(tmp_path):
    result = an.review(an.open_export(shop_file(tmp_path / "shop.jsonl", 24)), only=["hub_service"])
    whole, steps = contents(result.save(tmp_path / "whole")), 0
    for folder in died_at_each_step(result.save, new_folders(tmp_path)):
        with pytest.raises(FileNotFoundError, match="holds no review"):
            an.open_review(folder)
        assert not (folder / "findings.json").exists() or json.loads((folder / "findings.json").read_text())
        assert contents(result.save(folder)) == whole
        steps += 1
    assert steps > 5


def test_a_result_that_died_while_it_was_written_is_the_earlier_one(tmp_path):
    fresh = new_folders(tmp_path)

    def with_an_earlier_one():
        folder = fresh()
        give('{"earlier": 1}', str(folder / "findings.json"))
        return folder

    steps = 0
    for folder in died_at_each_step(lambda one: give('{"new": 1}', str(one / "findings.json")), with_an_earlier_one):
        assert json.loads((folder / "findings.json").read_text()) == {"earlier": 1}
        give('{"new": 1}', str(folder / "findings.json"))
        assert [path.name for path in folder.iterdir()] == ["findings.json"]
        steps += 1
    assert steps >= 2
