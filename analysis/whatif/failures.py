"""Failures that a change causes, on their way up: each caller survives as often as it was seen to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.whatif.plan import Plan

__all__ = ["reaching_the_root"]

Floats = NDArray[np.float64]


def reaching_the_root(plan: Plan, tolerance: Mapping[tuple[str, str], float]) -> Floats:
    """Return for each span the probability that it fails for what the change broke below it.

    Parameters
    ----------
    plan
        What the change breaks.
    tolerance
        By caller and callee, how often the caller survives; 0 where it was never seen to be asked.
    """
    recording, forest = plan.recording, plan.recording.forest
    survives = np.zeros(forest.size)
    calls = np.flatnonzero(recording.target != "")
    survives[calls] = [
        tolerance.get((caller, callee), 0.0)
        for caller, callee in zip(recording.services[calls], recording.target[calls], strict=True)
    ]
    stands = np.log1p(-np.clip(np.where(plan.removed, 0.0, plan.fails), 0, 1 - 1e-12))
    for depth in range(int(forest.depth.max(initial=0)), 0, -1):
        rows = np.flatnonzero((forest.depth == depth) & forest.blocking & (stands < 0))
        broken = -np.expm1(stands[rows]) * (1 - survives[rows])
        np.add.at(stands, forest.parent[rows], np.log1p(-np.clip(broken, 0, 1 - 1e-12)))
    return np.asarray(-np.expm1(stands))
