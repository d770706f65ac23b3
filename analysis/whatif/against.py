"""What was predicted, held to a recording made after the change, with the drift between the two recordings taken out.

Two recordings differ by more than what was changed: the machine was slower, the load was higher. How much is measured
by spans that the change does not concern, the control. Where something else changed as well, nothing can be held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.whatif.plan import Plan

__all__ = ["AGAINST_COLUMNS", "TOLERANCE", "held_to", "kinds"]

#: The p95 is held where prediction and observation, without the drift, differ by no more than this share.
TOLERANCE: Final = 0.2
#: Fewer requests have no p95: it would be their longest.
_REQUESTS: Final = 20
#: A kind of span is a control from so many spans on, in each recording.
_SPANS: Final = 10
#: Calls of a request (as a share) and failed requests (as points) that may differ by chance.
_CHANCE: Final = 0.05
_NAMED: Final = 3

AGAINST_COLUMNS: Final = (
    "service",
    "operation",
    "requests_before",
    "requests_after",
    "calls_predicted",
    "calls_observed",
    "error_rate_predicted",
    "error_rate_observed",
    "p95_ms_before",
    "p95_ms_predicted",
    "p95_ms_observed",
    "drift",
    "drift_from",
    "controls",
    "p95_ms_predicted_with_drift",
    "ratio_without_drift",
    "ratio",
    "held",
    "why",
)

_ENTRY: Final = ["entry_service", "entry_operation"]
_KIND: Final = ["service", "target", "name"]


def kinds(plan: Plan) -> pd.DataFrame:
    """Return the kinds of spans below each entry operation of a partition.

    Parameters
    ----------
    plan
        A partition with what scenarios change; without a change for a recording that is only looked at.

    Returns
    -------
    pandas.DataFrame
        A row a kind: its entry operation, ``service``, ``target`` and ``name``, the ``calls`` that it stands for with
        the change, whether the change concerns it (``touched``), and of its spans the self time and the request
        (``times`` and ``roots``, arrays).
    """
    recording, forest = plan.recording, plan.recording.forest
    operation, template = recording.texts("operation"), recording.texts("template")
    rows = np.flatnonzero(forest.has_time & ~forest.orphan[forest.root])
    root = forest.root[rows]
    table = pd.DataFrame(
        {
            "entry_service": recording.services[root],
            "entry_operation": operation[root],
            "service": recording.services[rows],
            "target": recording.target[rows],
            "name": np.where(template[rows] != "", template[rows], operation[rows]),
            "calls": plan.call_counts()[rows],
            "touched": _touched(plan)[rows],
            "time": forest.self_time[rows],
        }
    )
    grouped = table.groupby([*_ENTRY, *_KIND], sort=True)
    found = grouped.agg(calls=("calls", "sum"), touched=("touched", "max"))
    for name, values in (("times", table["time"].to_numpy(np.int64)), ("roots", root.astype(np.int64))):
        found[name] = pd.Series({key: values[places] for key, places in grouped.indices.items()}, dtype=object)
    return found.reset_index()


def _touched(plan: Plan) -> NDArray[np.bool_]:
    """Tell the spans that a change concerns: themselves, or something below, for whose sake they last otherwise."""
    forest = plan.recording.forest
    touched = np.asarray(
        plan.removed
        | (plan.durations() != forest.duration)
        | (plan.inside >= 0)
        | (plan.beside >= 0)
        | (plan.fails > 0)
        | (plan.recovered > 0)
        | (plan.more_calls != 0)
    )
    for depth in range(int(forest.depth.max(initial=0)), 0, -1):
        touched[forest.parent[np.flatnonzero((forest.depth == depth) & touched)]] = True
    return touched


def held_to(
    predicted: pd.DataFrame, observed: pd.DataFrame, before: Iterable[pd.DataFrame], after: Iterable[pd.DataFrame]
) -> pd.DataFrame:
    """Hold what was predicted to what was observed.

    Parameters
    ----------
    predicted, observed
        Entry operations of the recording before with the change, and of the recording after as it is.
    before, after
        The kinds of spans of each partition of both.

    Returns
    -------
    pandas.DataFrame
        A row an entry operation, with `AGAINST_COLUMNS`; ``held`` is missing where nothing can be said, ``why`` says
        for which reason.
    """
    keys = ["service", "operation"]
    pairs = predicted.merge(observed, on=keys, how="left", suffixes=("", "_observed"), sort=True)
    both = _side_by_side(_merged(before), _merged(after), pairs)
    parts: dict[Any, pd.DataFrame] = dict(iter(both.groupby(_ENTRY, sort=False)))
    drifts = {entry: _drift(mine[mine["control"]]) for entry, mine in parts.items()}
    often = pairs[pairs[["requests", "requests_observed"]].min(axis=1, skipna=False) >= _REQUESTS]
    own = [drifts.get((row["service"], row["operation"])) for row in often.to_dict("records")]
    known = [drift for drift in own if drift is not None]
    overall = float(np.median(known)) if known else None
    rows = []
    for pair in pairs.to_dict("records"):
        entry = (pair["service"], pair["operation"])
        mine = parts.get(entry, both.iloc[:0])
        drift, origin, used = drifts.get(entry), "its own spans", int(mine["control"].sum())
        if drift is None:
            drift, origin, used = overall, "median of the other operations", 0
        rows.append(_row(pair, mine, (drift, origin if drift is not None else None, used)))
    return pd.DataFrame(rows, columns=list(AGAINST_COLUMNS))


def _joined(arrays: pd.Series) -> Any:
    return np.concatenate(list(arrays))


def _merged(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    # The same number may be another request in another partition.
    table = pd.concat([part.assign(part=number << 32) for number, part in enumerate(parts)], ignore_index=True)
    table["roots"] = table["roots"] + table["part"]
    grouped = table.groupby([*_ENTRY, *_KIND], sort=True)
    found = grouped.agg(calls=("calls", "sum"), touched=("touched", "max"))
    for name in ("times", "roots"):
        found[name] = grouped[name].agg(_joined)
    found["spans"] = found["times"].map(len)
    return found.reset_index()


def _side_by_side(before: pd.DataFrame, after: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the kinds of both recordings a request, and which of them are a control."""
    both = before.merge(after, on=[*_ENTRY, *_KIND], how="outer", suffixes=("", "_after"), sort=True)
    names = {"service": "entry_service", "operation": "entry_operation"}
    counts = pairs[["service", "operation", "requests", "requests_observed"]].rename(columns=names)
    both = both.merge(counts, on=_ENTRY, how="inner")
    for end, requests in (("", "requests"), ("_after", "requests_observed")):
        for count in ("calls", "spans"):
            both[f"{count}_each{end}"] = both[f"{count}{end}"].fillna(0.0) / both[requests]
    as_often = (both["spans_each"] - both["spans_each_after"]).abs() <= _CHANCE * both["spans_each"]
    enough = (both["spans"] >= _SPANS) & (both["spans_after"] >= _SPANS)
    both["control"] = as_often & enough & ~both["touched"].fillna(value=True).astype(bool)
    return both


def _drift(control: pd.DataFrame) -> float | None:
    """Return how many times as long the spans of the control took a request before as after; None without any.

    Requests count up to the 95th percentile: a median would not see what makes the slow ones slow, the longest few are
    chance.
    """
    if control.empty:
        return None
    means = [_mean(control["times" + end], control["roots" + end]) for end in ("", "_after")]
    return means[0] / means[1] if min(means) > 0 else None


def _mean(times: pd.Series, roots: pd.Series) -> float:
    _, request = np.unique(np.concatenate(list(roots)), return_inverse=True)
    spent = np.sort(np.bincount(request, np.concatenate(list(times))))
    return float(spent[spent <= np.percentile(spent, 95)].mean())


def _row(pair: dict[Any, Any], mine: pd.DataFrame, measured: tuple[float | None, str | None, int]) -> dict[str, Any]:
    drift, origin, used = measured
    seen = bool(pair["requests_observed"] > 0)
    observed = pair["p95_ms_after_observed"] if seen else None
    known = drift is not None and observed
    ratio = pair["p95_ms_after"] / drift / observed if known else None
    why = "; ".join(_reasons(pair, mine, drift))
    return {
        "service": pair["service"],
        "operation": pair["operation"],
        "requests_before": pair["requests"],
        "requests_after": int(pair["requests_observed"]) if seen else 0,
        "calls_predicted": pair["calls_after"],
        "calls_observed": pair["calls_after_observed"] if seen else None,
        "error_rate_predicted": pair["error_rate_after"],
        "error_rate_observed": pair["error_rate_after_observed"] if seen else None,
        "p95_ms_before": pair["p95_ms_before"],
        "p95_ms_predicted": pair["p95_ms_after"],
        "p95_ms_observed": observed,
        "drift": None if drift is None else round(drift, 4),
        "drift_from": origin,
        "controls": used,
        "p95_ms_predicted_with_drift": None if drift is None else round(pair["p95_ms_after"] / drift, 4),
        "ratio_without_drift": round(pair["p95_ms_after"] / observed, 4) if observed else None,
        "ratio": None if ratio is None else round(ratio, 4),
        "held": None if why or ratio is None else bool(abs(ratio - 1) <= TOLERANCE),
        "why": why,
    }


def _reasons(pair: dict[Any, Any], mine: pd.DataFrame, drift: float | None) -> Iterator[str]:
    """Say why a prediction cannot be held to what was observed; nothing where it can."""
    if not pair["requests_observed"] > 0:
        yield "it is not in the recording after"
        return
    if min(pair["requests"], pair["requests_observed"]) < _REQUESTS:
        yield (
            f"{pair['requests']:,.0f} requests before and {pair['requests_observed']:,.0f} after: a p95 needs "
            f"{_REQUESTS} of each"
        )
    predicted, observed = pair["calls_after"], pair["calls_after_observed"]
    if abs(predicted - observed) > _CHANCE * max(predicted, observed):
        yield (
            f"its calls changed in ways that no scenario stands for: {predicted:,.4g} a request predicted, "
            f"{observed:,.4g} observed ({_differing(mine)})"
        )
    if abs(pair["error_rate_after"] - pair["error_rate_after_observed"]) > _CHANCE:
        yield (
            f"it failed otherwise than predicted: {pair['error_rate_after']:.1%} of the requests predicted, "
            f"{pair['error_rate_after_observed']:.1%} observed"
        )
    if drift is None:
        yield (
            "there is no control: no span that the scenario does not concern is in both recordings as often a request, "
            f"at least {_SPANS} times in each"
        )


def _differing(mine: pd.DataFrame) -> str:
    change = (mine["calls_each_after"] - mine["calls_each"]).round(6)
    rows = mine.assign(size=-change.abs()).sort_values(["size", *_KIND]).head(_NAMED)
    return ", ".join(
        f"{row['service']} -> {row['target'] or '?'} {row['name'][:80]}: "
        f"{row['calls_each']:.3g} -> {row['calls_each_after']:.3g}"
        for row in rows.to_dict("records")
        if row["size"] < 0
    )
