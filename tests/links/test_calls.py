"""Which semantics there are."""

from __future__ import annotations

import pytest

from analysis.links import SEMANTICS, calls
from tests.forests import TableDataset


def test_semantics_are_the_stated_ones() -> None:
    assert sorted(SEMANTICS) == ["architecture", "tempo", "zipkin"]


def test_unknown_semantics_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="architecture, tempo, zipkin, not 'jaeger'"):
        calls(TableDataset(()), links="jaeger")
