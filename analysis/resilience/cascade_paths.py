"""Cascade paths: the ways that failures took, how often, how surely, how fast, how, and what ended them."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from analysis._histogram import Histogram
from analysis.resilience._facts import Facts, Reviewed, facts_of

__all__ = ["cascade_paths"]

_WAY: Final = ["origin_service", "origin_operation", "path", "stopped_at", "sent_by", "mechanism", "reached_root"]
_COLUMNS: Final = [
    *("origin_service", "origin_operation", "path", "mechanism", "ended", "ended_at", "absorbed_how"),
    *("failures", "requests", "traces", "share", "probability", "base_rate", "lift", "climb_ms_p50", "climb_ms_p95"),
]
#: A call stands in for another where it follows this share of its failures, and this share of other visits at most.
_MOSTLY, _SELDOM = 0.8, 0.2
_NS_PER_MS: Final = 1e6


def cascade_paths(result: Reviewed | Facts) -> pd.DataFrame:
    """List the ways that failures took from where they began to the user, or to what absorbed them.

    Parameters
    ----------
    result
        A review, or its facts.

    Returns
    -------
    pandas.DataFrame
        A way a row, the most frequent first: ``origin_service``, ``origin_operation``; ``path``, the "service
        operation" of each failed visit, the origin first; ``mechanism`` (error, timeout, rejection, exhausted retries,
        saturation, bad data); ``ended``: "request failed", "absorbed", "not waited for" (a message, or a call whose
        caller went on) or "not seen"; ``ended_at``, where it was absorbed, or who sent the message; ``absorbed_how``:
        "retry that worked", "fallback: …" with what was called instead, or "default" where nothing was;
        ``failures``, ``requests`` failed, ``traces``; ``share`` of all failures (0..1); ``probability`` that the end of
        the path fails when its origin fails below it, its ``base_rate`` of failing without it, and ``lift``, their
        quotient (not a number where it has no visit without, infinite where it never failed then);
        ``climb_ms_p50`` and ``climb_ms_p95``, from the end of the origin to that of the topmost failed visit.
    """
    facts = facts_of(result)
    failures = facts["failures"]
    whole = int(failures["failures"].sum())
    surely = _probabilities(facts)
    instead = _stand_ins(facts)
    rows: list[dict[str, Any]] = []
    for key, group in failures.groupby(_WAY, sort=True):
        values: Any = key
        named: dict[str, Any] = dict(zip(_WAY, values, strict=True))
        count = int(group["failures"].sum())
        climb = Histogram.merged(group["climb"])
        path = tuple(map(str, named["path"]))
        began = (str(named["origin_service"]), str(named["origin_operation"]))
        probability, base_rate = surely.get((*began, path[-1]), (float("nan"), float("nan")))
        rows.append(
            {
                "origin_service": began[0],
                "origin_operation": began[1],
                "path": path,
                "mechanism": str(named["mechanism"]),
                **_end(named, int(group["retried_well"].sum()), count, path, instead),
                "failures": count,
                "requests": int(group["requests"].sum()),
                "traces": int(group["traces"].sum()),
                "share": count / whole if whole else 0.0,
                "probability": probability,
                "base_rate": base_rate,
                "lift": _quotient(probability, base_rate),
                "climb_ms_p50": climb.percentile(0.5) / _NS_PER_MS,
                "climb_ms_p95": climb.percentile(0.95) / _NS_PER_MS,
            }
        )
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table.sort_values(
        ["failures", "origin_service", "origin_operation", "path", "mechanism"],
        ascending=[False, True, True, True, True],
        kind="stable",
        ignore_index=True,
    )


def _end(
    named: dict[str, Any], retried_well: int, failures: int, path: tuple[str, ...], instead: dict[tuple[str, str], str]
) -> dict[str, str]:
    """Tell how a way ended, where, and what absorbed it."""
    stopped, sender = str(named["stopped_at"]), str(named["sent_by"])
    if sender:
        return {"ended": "not waited for", "ended_at": sender, "absorbed_how": ""}
    if named["reached_root"]:
        return {"ended": "request failed", "ended_at": "", "absorbed_how": ""}
    if not stopped:
        return {"ended": "not seen", "ended_at": "", "absorbed_how": ""}
    if 2 * retried_well >= failures:
        how = "retry that worked"
    else:
        service = next((found for at, found in instead if at == stopped and path[-1].startswith(f"{found} ")), "")
        called = instead.get((stopped, service), "")
        how = f"fallback: {called}" if called else "default"
    return {"ended": "absorbed", "ended_at": stopped, "absorbed_how": how}


def _probabilities(facts: Facts) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Return by origin and "service operation": how likely it fails when the origin does, and when it does not."""
    visits = facts["visits"].groupby(["service", "operation"], as_index=False)[["visits", "failures"]].sum()
    seen = {
        f"{row['service']} {row['operation']}": (int(row["visits"]), int(row["failures"]))
        for row in visits.to_dict("records")
    }
    found = {}
    for row in facts["propagation"].to_dict("records"):
        waited, failed = int(row["waited"]), int(row["failed"])
        name = f"{row['service']} {row['operation']}"
        whole, failures = seen.get(name, (waited, failed))
        without = whole - waited
        base = max(0, failures - failed) / without if without > 0 else float("nan")
        found[str(row["origin_service"]), str(row["origin_operation"]), name] = (failed / max(1, waited), base)
    return found


def _quotient(probability: float, base_rate: float) -> float:
    if probability != probability or base_rate != base_rate:  # noqa: PLR0124 - NaN differs from itself
        return float("nan")
    return probability / base_rate if base_rate else float("inf")


def _stand_ins(facts: Facts) -> dict[tuple[str, str], str]:
    """Return by surviving "service operation" and failed service what is called instead, and not otherwise."""
    rows, dependencies = facts["stand_ins"], facts["dependencies"]
    key = ["service", "operation", "target", "template"]
    survived = dependencies[dependencies["failed"].astype(bool) & ~dependencies["visit_failed"].astype(bool)]
    failures, called = _counted(survived, key), _counted(dependencies, key)
    visits = _counted(facts["visits"], key[:2])
    found: dict[tuple[str, str], str] = {}
    grouped = rows.groupby([*key, "then_target", "then_template"], as_index=False, sort=True)[["visits"]].sum()
    for row in sorted(grouped.to_dict("records"), key=lambda row: -int(row["visits"])):
        at = (str(row["service"]), str(row["operation"]))
        lost = failures.get((*at, str(row["target"]), str(row["template"])), 0)
        then = (*at, str(row["then_target"]), str(row["then_template"]))
        together = int(row["visits"])
        otherwise = max(0, called.get(then, 0) - together) / max(1, visits.get(at, 0) - lost)
        if lost and together >= _MOSTLY * lost and otherwise <= _SELDOM:
            found.setdefault((" ".join(at), str(row["target"])), f"{row['then_target']} {row['then_template']}")
    return found


def _counted(rows: pd.DataFrame, key: list[str]) -> dict[tuple[str, ...], int]:
    table = rows.groupby(key, as_index=False, sort=True)[["visits"]].sum()
    names = zip(*(table[name].astype(str) for name in key), strict=True)
    return dict(zip(names, map(int, table["visits"]), strict=True))
