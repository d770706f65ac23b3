"""Which mechanisms against failure each edge has, as far as the recorded calls and logs show them at work."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram, mid
from analysis.resilience._facts import Facts, Reviewed, facts_of
from analysis.resilience.tolerance import tolerance

__all__ = ["mechanisms"]

_COLUMNS: Final = [
    *("caller", "callee", "visits", "failures", "timeouts", "timeout_ms", "attempts_per_call", "most_attempts"),
    *("backoff", "idempotency", "breaker", "survived_share"),
]
_NS_PER_MS: Final = 1e6
#: As the detector of retries without backoff: shorter gaps are none, more alike ones are constant.
_SHORT_NS: Final = 50 * 1_000_000
_ALIKE: Final = 0.1
#: Gaps from which their spread can be told.
_ENOUGH: Final = 3
#: A breaker had reason to open in a minute with this many calls of which half failed.
_CALLS, _FAILED = 20, 0.5
_BREAKER_SIGNALS: Final = ("open breaker", "overflow")


def mechanisms(result: Reviewed | Facts) -> pd.DataFrame:
    """Tell for each edge which mechanisms against failure were seen at work.

    What was never needed is not seen: an edge that never failed shows neither retry, breaker nor fallback, and nothing
    is said of it. The detectors judge; this is what they see.

    Parameters
    ----------
    result
        A review, or its facts.

    Returns
    -------
    pandas.DataFrame
        An edge a row, sorted by name: ``caller``, ``callee``; ``visits`` of the caller that called, in how many the
        callee failed (``failures``); calls that ended by a timeout (``timeouts``) and after how long at the median
        (``timeout_ms``, not a number without any); ``attempts_per_call`` and ``most_attempts``; ``backoff``: "none"
        (gaps below 50 ms), "constant" or "varying", "" where calls were not tried again often enough;
        ``idempotency``: "key" where every repetition that may have been done twice carried one, "no key seen", ""
        where there was none; ``breaker``: "open" where calls were kept back by one (exceptions, flags of proxies, the
        caller's logs), "not seen" where a minute gave it reason to open, "" where none did; ``survived_share``, the
        share of the failures that the caller survived (0..1).
    """
    facts = facts_of(result)
    rows = []
    gaps, tried, waited, minutes = (
        _by_edge(facts[name]) for name in ("retry_gaps", "attempts", "waits", "call_minutes")
    )
    for edge in tolerance(facts).to_dict("records"):
        key = (str(edge["caller"]), str(edge["callee"]))
        rows.append(
            {
                "caller": edge["caller"],
                "callee": edge["callee"],
                "visits": edge["visits"],
                "failures": edge["failures"],
                **_timeouts(waited.get(key)),
                **_attempts(tried.get(key)),
                "backoff": _backoff(gaps.get(key)),
                "idempotency": _idempotency(tried.get(key)),
                "breaker": _breaker(facts, key, minutes.get(key)),
                "survived_share": edge["tolerance"],
            }
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


def _by_edge(rows: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    found = {}
    for key, part in rows.groupby(["service", "target"], sort=True):
        service, target = map(str, key)
        found[service, target] = part
    return found


def _timeouts(waits: pd.DataFrame | None) -> dict[str, Any]:
    late = None if waits is None else waits[waits["end"] == "timeout"]
    if late is None or late.empty:
        return {"timeouts": 0, "timeout_ms": float("nan")}
    latency = Histogram.merged(late["latency"])
    return {"timeouts": int(late["calls"].sum()), "timeout_ms": latency.percentile(0.5) / _NS_PER_MS}


def _attempts(rows: pd.DataFrame | None) -> dict[str, Any]:
    if rows is None or rows.empty:
        return {"attempts_per_call": 1.0, "most_attempts": 1}
    calls = max(1, int(rows["calls"].sum()))
    return {"attempts_per_call": int(rows["attempts"].sum()) / calls, "most_attempts": int(rows["most"].max())}


def _backoff(rows: pd.DataFrame | None) -> str:
    """Judge the gaps after the first: the first retry may well come at once."""
    later = None if rows is None else rows[~rows["first"].astype(bool)]
    if later is None or later.empty:
        return ""
    gaps = Histogram.merged(later["gap"])
    if gaps.count < _ENOUGH:
        return ""
    if gaps.percentile(0.5) < _SHORT_NS:
        return "none"
    values = np.array([mid(int(bucket)) for bucket in gaps.buckets], float)
    mean = float(np.average(values, weights=gaps.counts))
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=gaps.counts)))
    return "constant" if spread < _ALIKE * mean else "varying"


def _idempotency(rows: pd.DataFrame | None) -> str:
    uncertain = 0 if rows is None else int(rows["uncertain"].sum())
    if rows is None or not uncertain:
        return ""
    return "key" if int(rows["keyed"].sum()) == uncertain else "no key seen"


def _breaker(facts: Facts, key: tuple[str, str], minutes: pd.DataFrame | None) -> str:
    bad = (
        None
        if minutes is None
        else minutes[(minutes["calls"] >= _CALLS) & (minutes["failures"] >= _FAILED * minutes["calls"])]
    )
    if minutes is not None and int(minutes["kept_by_breaker"].sum()):
        return "open"
    signals = facts["log_signals"]
    if signals.empty:
        return "not seen" if bad is not None and len(bad) else ""
    told = signals["signal"].isin(_BREAKER_SIGNALS)
    # What a service logs names its callee in words only: it counts where the caller has trouble with this one.
    by_proxy = told & (signals["target"] == key[1]) & (key[1] != "")
    failing = set() if minutes is None else set(minutes.loc[minutes["failures"] > 0, "minute"])
    by_caller = told & (signals["service"] == key[0]) & signals["minute"].isin(failing)
    if int(signals.loc[by_proxy | by_caller, "lines"].sum()):
        return "open"
    return "not seen" if bad is not None and len(bad) else ""
