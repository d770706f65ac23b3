"""How often callers survive the failure of what they call."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import pandas as pd

from analysis.resilience._facts import Facts, Reviewed, facts_of

__all__ = ["GRAINS", "named_callees", "tolerance", "wilson"]

#: For each grain what names an edge: columns of the fact ``dependencies`` and what they are called here.
GRAINS: Final = {
    "service": {"service": "caller", "target": "callee"},
    "operation": {
        "service": "caller",
        "operation": "caller_operation",
        "target": "callee",
        "callee_operation": "callee_operation",
    },
}
#: The normal quantile of a two-sided interval of 95 %.
_QUANTILE: Final = 1.959964


def tolerance(result: Reviewed | Facts, grain: Literal["service", "operation"] = "service") -> pd.DataFrame:
    """Measure for each edge how often the caller survives a failure of the callee.

    A callee failed in a visit of the caller if the last attempt of some call to it failed; the visit survived if it
    did not fail itself: a fallback, a default, or a part left out. Retries that worked are no failures here. Where
    caller and callee failed for one common cause, or two callees failed at once, each counts as not survived:
    tolerance is rather understated than overstated.

    Parameters
    ----------
    result
        A review, or its facts; ``dependencies`` is used.
    grain
        Edges between services, or between operations.

    Returns
    -------
    pandas.DataFrame
        An edge a row, sorted by name: ``caller``, ``callee`` (and ``caller_operation``, ``callee_operation``), then
        ``visits`` of the caller that called it, ``failures`` (of these, the callee failed), ``survived`` (of these,
        the visit did not fail), ``tolerance`` (survived / failures, 0..1; not a number where the callee never failed),
        and ``low`` and ``high``, the bounds of its 95 % interval (Wilson 1927), 0 and 1 where nothing was measured.

    Raises
    ------
    KeyError
        If there is no such grain.
    """
    names = GRAINS[grain]
    rows = named_callees(facts_of(result)["dependencies"])
    rows = rows[rows["service"] != rows["target"]]
    lost = rows["failed"].astype(bool)
    counted = rows[list(names)].assign(
        visits=rows["visits"],
        failures=rows["visits"].where(lost, 0),
        survived=rows["visits"].where(lost & ~rows["visit_failed"].astype(bool), 0),
    )
    table = counted.groupby(list(names), as_index=False, sort=True).sum().rename(columns=names)
    for name in ("visits", "failures", "survived"):
        table[name] = table[name].astype("int64")
    failures, survived = table["failures"].to_numpy(float), table["survived"].to_numpy(float)
    low, high = wilson(survived, failures)
    share = np.divide(survived, failures, out=np.full(len(table), np.nan), where=failures > 0)
    return table.assign(tolerance=share, low=low, high=high)


def named_callees(dependencies: pd.DataFrame) -> pd.DataFrame:
    """Give calls that never arrived the operation that answered the others of their template, where it is one."""
    key = ["service", "target", "template"]
    seen = dependencies[dependencies["callee_operation"] != ""]
    answers = seen.groupby(key)["callee_operation"].agg(["first", "nunique"])
    only = answers.loc[answers["nunique"] == 1, "first"].to_dict()
    keys = zip(*(dependencies[name] for name in key), strict=True)
    named = [said or only.get(place, "") for said, place in zip(dependencies["callee_operation"], keys, strict=True)]
    return dependencies.assign(callee_operation=pd.Series(named, index=dependencies.index, dtype=object))


def wilson(successes: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the 95 % interval of a share; 0 and 1 where there were no trials.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share, square = successes / trials, _QUANTILE**2
        middle = (share + square / (2 * trials)) / (1 + square / trials)
        half = _QUANTILE * np.sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / (1 + square / trials)
    none = trials == 0
    low, high = np.where(none, 0.0, middle - half), np.where(none, 1.0, middle + half)
    # A share of nothing or of all reaches its end exactly.
    low = np.where(~none & (successes == 0), 0.0, np.clip(low, 0, 1))
    high = np.where(~none & (successes == trials), 1.0, np.clip(high, 0, 1))
    return low, high
