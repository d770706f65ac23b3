"""Time that was lost: spans that took longer themselves than nearly all of their kind did before.

The time of a remote call that its answer does not explain (network, queueing, a process that does not get to run)
belongs to the edge. It is given to that end of it whose calls have become slower altogether: to the callee where its
callers wait, to the caller where it waits for all that it calls.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from analysis.origins.changes import SEEN, assured, likelihood_ratio
from analysis.origins.recorded import Recorded

__all__ = ["slowness"]

#: The share of spans before that took longer than the bound.
_BEYOND: Final = 0.05
#: How far beyond the bound is looked, in times of it.
_TIMES: Final = (1, 4, 16)
#: What chance alone gives in one of twenty such sets of looks: the quantile of chi-squared at 1 - 0.05 / 3.
_CHANCE: Final = 5.731


def slowness(before: Recorded, during: Recorded) -> pd.DataFrame:
    """Return the time that spans of an incident lost.

    Returns
    -------
    pandas.DataFrame
        ``row`` of the span, ``service`` that it is given to, ``gap`` (whether it lay between two services),
        ``lost_ns``, and of its kind ``before_ns`` and ``during_ns``, the 95th percentiles.
    """
    bounds = _bounds(before.spans)
    spans = during.spans[["near", "service", "callee", "self_ns"]].reset_index(names="row")
    spans = spans.merge(bounds, left_on="near", right_index=True)
    spans["beyond"] = spans["self_ns"] > spans["bound"]
    spans["gap"] = spans["callee"] != ""
    spans["before_ns"] = spans["near"].map(before.spans.groupby("near")["self_ns"].quantile(1 - _BEYOND))
    spans["during_ns"] = spans.groupby("near")["self_ns"].transform("quantile", 1 - _BEYOND)
    outside = [_assured_by(spans[spans["gap"]], end) for end in ("service", "callee")]
    own = _assured_by(spans[~spans["gap"]], "service")
    caller, callee = (
        spans[end].map(part).fillna(0.0) for end, part in zip(("service", "callee"), outside, strict=True)
    )
    weight = np.where(spans["gap"], np.maximum(caller, callee), spans["service"].map(own).fillna(0.0))
    spans["lost_ns"] = np.where(spans["beyond"], (spans["self_ns"] - spans["median"]) * weight, 0.0)
    spans["service"] = spans["service"].where(~spans["gap"] | (caller > callee), spans["callee"])
    found = spans[spans["lost_ns"] > 0]
    return found[["row", "service", "gap", "lost_ns", "before_ns", "during_ns"]]


def _bounds(spans: pd.DataFrame) -> pd.DataFrame:
    """Return for each kind of span its median, a bound, and the share of spans that are to be expected beyond it."""
    ordered = spans.sort_values(["near", "self_ns"], kind="stable")
    sizes = ordered.groupby("near")["self_ns"].agg(["size", "median"])
    sizes = sizes[sizes["size"] >= SEEN]
    # The bound is one of the spans: of as many again, its place says how many lie beyond it.
    above = np.maximum(np.floor(_BEYOND * (sizes["size"] + 1)), 1).astype(np.int64)
    place = ordered.groupby("near").cumcount()
    last = ordered["near"].map(sizes["size"] - above)
    bound = ordered.loc[place == last].set_index("near")["self_ns"]
    return sizes.assign(bound=bound, expected=above / (sizes["size"] + 1))


def _assured_by(spans: pd.DataFrame, end: str) -> pd.Series[Any]:
    """Return by service which part of its slow spans is more than chance, all its kinds of spans together.

    Looked at are spans beyond the bound and beyond some times of it, of which ever fewer are to be expected: of times
    that fall off as slowly as 1/x, half as many beyond twice as much. The look that tells most counts.
    """
    best = pd.Series(0.0, index=pd.Index(sorted(spans[end].unique()), name=end))
    for times in _TIMES:
        seen = spans.assign(beyond=spans["self_ns"] > times * spans["bound"], expected=spans["expected"] / times)
        sums = seen.groupby(end).agg(
            k=("beyond", "sum"), n=("beyond", "size"), e=("expected", "sum"), m=("size", "sum")
        )
        share = sums["e"] / sums["n"]
        before = np.minimum(sums["m"], sums["n"] * 20.0)
        ratio = likelihood_ratio(sums["k"], sums["n"], share * before, before)
        more = sums["k"] > sums["e"]
        weight = np.where(more, assured(ratio, _CHANCE) * (1 - sums["e"] / sums["k"].clip(lower=1)), 0.0)
        best = best.combine(pd.Series(weight, sums.index), max, fill_value=0.0)
    return best
