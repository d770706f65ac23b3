"""The figures of the README's section on trust: each is counted from the tests, or is what a long run gave."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from analysis import sources
from tests.benchmarks.accuracy import EXPORTS
from tests.detectors.stories import stories
from tests.fuzz.targets import CORPUS
from tests.hostile.test_exports import RAW, hostile_spans
from tests.secrets import SECRETS

REPOSITORY = Path(__file__).resolve().parent.parent
SECTION = (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("## How far it can be trusted")[2]
RUNS = yaml.safe_load((REPOSITORY / "tests" / "trust.yml").read_text(encoding="utf-8"))


def test_there_is_such_a_section():
    assert "| held against |" in SECTION


def counted() -> dict[str, int]:
    told = list(stories())
    truth = yaml.safe_load(EXPORTS.read_text(encoding="utf-8"))
    return {
        # Cases come with every change: the hundreds are told.
        "small systems": len(told) // 100 * 100,
        "detectors": len({detector for detector, _, _ in told}),
        "real exports": len(truth),
        "true findings": sum(len(export["found"]) for export in truth),
        "kinds of secrets": len(SECRETS),
        "hostile exports": len(hostile_spans()) + len(RAW),
        "formats": len(sources.discover()),
        "kills": RUNS["kills"]["killed"],
        "other bytes": RUNS["kills"]["other_bytes"],
        "minutes": RUNS["fuzz"]["minutes"],
        "inputs": RUNS["fuzz"]["inputs"],
    }


@pytest.mark.parametrize(("name", "count"), counted().items())
def test_a_figure_is_what_is_counted(name, count):
    said = re.findall(rf"([\d,]+) {name}", SECTION.partition("\n## ")[0])
    assert {int(text.replace(",", "")) for text in said} == {count}


def test_what_broke_is_kept_and_mended():
    kept = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert len(kept) == RUNS["fuzz"]["broke"]
    assert f"{RUNS['fuzz']['broke']} of them broke a reader" in SECTION
