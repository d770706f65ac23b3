"""Tolerance of callers, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.resilience import tolerance
from analysis.resilience.tolerance import wilson
from tests.resilience.facts import depends, empty, table

DEPENDENCIES = table(
    "dependencies",
    depends("web GET /", "ads GET /ads", 90),
    depends("web GET /", "ads GET /ads", 8, failed=True),
    depends("web GET /", "ads GET /ads", 2, failed=True, visit_failed=True),
    depends("web POST /pay", "payments POST /pay", 50),
    depends("web POST /pay", "payments POST /pay", 10, failed=True, visit_failed=True),
    depends("web POST /pay", "stock GET /stock", 50),
    depends("web POST /pay", "web GET /", 5, failed=True),
)
FACTS = empty() | {"dependencies": DEPENDENCIES}


def test_tolerance_is_the_share_of_failures_that_the_caller_survives() -> None:
    rows = tolerance(FACTS)[["caller", "callee", "visits", "failures", "survived"]]
    assert list(rows.itertuples(index=False, name=None)) == [
        ("web", "ads", 100, 10, 8),
        ("web", "payments", 60, 10, 0),
        ("web", "stock", 50, 0, 0),
    ]
    assert list(tolerance(FACTS)["tolerance"].fillna(-1)) == [0.8, 0.0, -1]


def test_bounds_are_wilsons() -> None:
    # 8 of 10: (0.8 + 1.921/10 ± 1.96 sqrt(0.016 + 0.0096)) / 1.384 (Wilson 1927; the usual example is 0.490 to 0.943).
    assert tolerance(FACTS)["low"].tolist() == pytest.approx([0.490, 0.0, 0.0], abs=0.001)
    assert tolerance(FACTS)["high"].tolist() == pytest.approx([0.943, 0.278, 1.0], abs=0.001)
    low, high = wilson(np.array([10.0, 0.0]), np.array([10.0, 0.0]))
    assert (high.tolist(), low[1]) == ([1.0, 1.0], 0.0)
    assert low[0] == pytest.approx(0.722, abs=0.001)


def test_a_call_that_never_arrived_belongs_to_the_operation_that_answers_its_template() -> None:
    lost = depends("web POST /pay", "payments", 4, failed=True, template="payments POST /pay")
    facts = empty() | {"dependencies": table("dependencies", *DEPENDENCIES.to_dict("records"), lost)}
    rows = tolerance(facts, "operation")
    found = rows[rows["callee"] == "payments"].to_dict("records")
    assert [(row["caller_operation"], row["callee_operation"], row["failures"]) for row in found] == [
        ("POST /pay", "POST /pay", 14)
    ]


def test_nothing_called_is_an_empty_table() -> None:
    rows = tolerance(empty())
    assert rows.empty
    assert list(rows) == ["caller", "callee", "visits", "failures", "survived", "tolerance", "low", "high"]
