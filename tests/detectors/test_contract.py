"""What every detector owes, held for whatever is discovered."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import yaml

from analysis import detectors, facts
from analysis.detectors import Evidence
from analysis.findings import FAMILIES, OUTCOMES, SEVERITIES
from analysis.trust import DOUBTS, Trust
from tests.detectors.stories import CASES

SECTIONS = ["What it finds", "Why it matters", "How it decides", "Example", "What it can mistake", "What to do"]
DETECTORS = sorted(detectors.discover())


@pytest.mark.parametrize("name", DETECTORS)
def test_page_has_its_sections_in_order(name: str) -> None:
    text = detectors.discover()[name].__doc__
    places = [re.search(rf"^{section}\n-+$", text, re.MULTILINE) for section in SECTIONS]
    assert all(places), [section for section, place in zip(SECTIONS, places, strict=True) if place is None]
    starts = [place.start() for place in places if place is not None]
    assert starts == sorted(starts)


@pytest.mark.parametrize("name", DETECTORS)
def test_info_names_the_module_its_facts_and_its_limits(name: str) -> None:
    module = detectors.discover()[name]
    info = module.INFO
    assert info.name == name
    assert info.family in FAMILIES
    assert module.__name__.split(".")[-2] == info.family
    assert set(info.facts) <= set(facts.discover())
    assert info.limits
    assert all(limit.meaning and limit.source for limit in info.limits.values())
    assert set(info.after) <= set(DETECTORS)


@pytest.mark.parametrize("name", DETECTORS)
def test_cases_tell_all_three_answers_and_the_limit(name: str) -> None:
    info = detectors.discover()[name].INFO
    path = CASES / info.family / f"{name}.yml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    outcomes = {story["expect"]["outcome"] for story in told.values()}
    assert outcomes == set(OUTCOMES)
    assert any(title.startswith("fires_") for title in told)
    assert any(title.startswith("silent_") for title in told)
    assert any("at_the_limit" in title for title in told)
    assert any(title.startswith("not_assessable_") for title in told)
    assert all(story.get("why") for story in told.values())
    severities = {item["severity"] for story in told.values() for item in story["expect"].get("findings", [])}
    assert severities <= set(SEVERITIES)
    assert len(severities) >= 2, "cases show the shape only (info) and what is worth fixing"


@pytest.mark.parametrize("name", DETECTORS)
def test_nothing_seen_is_not_assessable(name: str) -> None:
    catalogue = facts.discover()
    frames = {fact: facts.to_frame(module.FIELDS, facts.merge(module.FIELDS, [])) for fact, module in catalogue.items()}
    module = detectors.discover()[name]
    answer = module.judge(Evidence(frames, Trust(), 0), module.INFO.defaults())
    assert answer.outcome == "not_assessable"
    assert answer.missing


def test_every_file_of_cases_belongs_to_a_detector() -> None:
    known = {(detectors.discover()[name].INFO.family, name) for name in DETECTORS}
    assert {(path.parent.name, path.stem) for path in Path(CASES).glob("*/*.yml")} == known


@pytest.mark.parametrize("name", DETECTORS)
def test_judge_takes_facts_first(name: str) -> None:
    parameters = list(inspect.signature(detectors.discover()[name].judge).parameters)
    assert parameters == ["evidence", "limits"]


@pytest.mark.parametrize("name", DETECTORS)
def test_sensitivities_are_doubts_that_there_are(name: str) -> None:
    named = getattr(detectors.discover()[name], "_SENSITIVE_TO", ())
    assert set(named) <= set(DOUBTS)
