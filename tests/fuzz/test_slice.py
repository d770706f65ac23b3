"""A slice of the fuzzing, the same each time, and all that once broke something; the long run: python -m tests.fuzz."""

from __future__ import annotations

import io
import random

import pytest

from analysis.sources import discover, open_stream, recognise
from tests.fuzz import vendors
from tests.fuzz.mutation import LARGEST, mutated
from tests.fuzz.targets import CORPUS, TARGETS, seeds_of

KEPT = [(target, path) for target in TARGETS for path in sorted((CORPUS / target).glob("*"))]


@pytest.mark.parametrize("target", TARGETS)
def test_there_are_seeds_and_they_are_read(target, tmp_path):
    seeds = seeds_of(target)
    assert len(seeds) >= 2
    for number, seed in enumerate(seeds):
        path = tmp_path / f"{number}.json"
        path.write_bytes(seed)
        TARGETS[target](path)


@pytest.mark.parametrize(("target", "path"), KEPT, ids=[path.name for _, path in KEPT])
def test_what_once_broke_is_read(target, path):
    TARGETS[target](path)


def test_every_format_has_seeds_that_are_read_as_it():
    found = vendors.by_format()
    assert set(found) == {source.NAME for source in discover()}
    for name, contents in found.items():
        for content in contents:
            with open_stream(io.BytesIO(content), "cart.log") as stream:
                assert name == recognise(stream).NAME


@pytest.mark.parametrize(
    ("target", "inputs"),
    [("exports", 60), ("vendors", 120), ("rows", 40), ("configuration", 150), ("findings", 150)],
)
def test_a_slice(target, inputs, tmp_path):
    random_, seeds = random.Random(20_261_128), seeds_of(target)
    for number in range(inputs):
        path = tmp_path / f"{number}.json"
        path.write_bytes(mutated(random_, seeds))
        TARGETS[target](path)


def test_mutants_differ_and_are_bounded():
    random_ = random.Random(1)
    mutants = {mutated(random_, [b"abc" * 100, b"x" * LARGEST]) for _ in range(50)}
    assert len(mutants) > 40
    assert max(map(len, mutants)) <= LARGEST
