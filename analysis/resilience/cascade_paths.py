"""Cascade paths: the ways that failures and slowness took, how often, how surely, how fast, and what ended them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pandas as pd

from analysis._histogram import Histogram
from analysis.resilience._facts import Facts, Reviewed, facts_of
from analysis.resilience._messages import linked_senders, publishers
from analysis.resilience._slow_ways import MECHANISM, slow_ways

__all__ = ["cascade_paths"]

_WAY: Final = [
    *("origin_service", "origin_operation", "path", "stopped_at", "sent_by", "mechanism", "reached_root"),
]
_COLUMNS: Final = [
    *("origin_service", "origin_operation", "path", "mechanism", "ended", "ended_at", "absorbed_how"),
    *("failures", "requests", "traces", "share", "probability", "base_rate", "lift", "climb_ms_p50", "climb_ms_p95"),
    "confidence",
]
#: A call stands in for another where it follows this share of its failures, and this share of other visits at most.
_MOSTLY, _SELDOM = 0.8, 0.2
_NS_PER_MS: Final = 1e6
_SLOW: Final = 4.0
#: House default, as for the errors of the critical path: how sure a failure is that only a log record tells of.
_BY_LOGS_ALONE: Final = 0.6
_LOGGED: Final = "logged error"
#: Stands for the sender of a message that nothing recorded.
_NOBODY: Final = "\x00"


def cascade_paths(result: Reviewed | Facts, *, slow: float = _SLOW) -> pd.DataFrame:
    """List the ways that failures and slowness took from where they began to the user, or to what absorbed them.

    Slowness begins at a span whose own time is `slow` times the median duration of its operation or more, and half of
    its service's visit or more; it goes up as long as that time is half of the visit that waited. A request that it
    reaches takes at least 1.6 times as long as with the usual time of that span. Visits that failed are told as
    failures.

    Parameters
    ----------
    result
        A review, or its facts.
    slow
        Times the median.

    Returns
    -------
    pandas.DataFrame
        A way a row, the most frequent first, those of failures before those of slowness: ``origin_service``,
        ``origin_operation``; ``path``, the "service operation" of each visit that failed or was made slow, the origin
        first; ``mechanism`` (error, timeout, rejection, exhausted retries, saturation, bad data, slowness, or "logged
        error": a log record of severity error or fatal in a trace of which no span failed); ``ended``: "request
        failed", "request slow", "absorbed", "not waited for" (a message, or a call whose caller went on) or "not
        seen"; ``ended_at``, where it was absorbed, or who sent the message (of messages in traces of their own, who
        publishes to the queue); ``absorbed_how``: "retry that worked", "fallback: …" with what was called instead, or
        "default" where nothing was; of slowness "gave up waiting" or "took longer itself"; ``failures`` (of slowness
        and of logs: spans and records), ``requests`` failed or slow, ``traces``; ``share`` of all failures, of all
        slowness, or of all such records (0..1); ``probability`` that the end of the path fails (is slow) when its
        origin does below it, its ``base_rate`` of failing without it, and ``lift``, their quotient (not a number where
        it has no visit without, infinite where it never failed then); ``climb_ms_p50`` and ``climb_ms_p95``, from the
        end of the origin to that of the topmost visit of the path (of slowness, over all that took this way, slow or
        not); ``confidence`` (0..1), 1 for what spans say, less for what log records alone do.
    """
    facts = facts_of(result)
    senders = publishers(facts)
    rows = [
        {**row, "lift": _quotient(row["probability"], row["base_rate"]), "confidence": row.get("confidence", 1.0)}
        for row in (*_failed(facts, senders), *slow_ways(facts, slow, senders), *_logged(facts))
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    order = table.assign(late=table["mechanism"] == MECHANISM, told=table["confidence"] < 1).sort_values(
        ["late", "told", "failures", "origin_service", "origin_operation", "path", "mechanism", "ended", "ended_at"],
        ascending=[True, True, False, True, True, True, True, True, True],
        kind="stable",
    )
    return table.loc[order.index].reset_index(drop=True)


def _failed(facts: Facts, senders: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the ways of failures."""
    failures = facts["failures"]
    whole = int(failures["failures"].sum())
    surely = _probabilities(facts)
    instead = _stand_ins(facts)
    ways: dict[tuple[Any, ...], list[dict[Any, Any]]] = {}
    rows = failures.to_dict("records")
    linked = linked_senders(rows, "path")
    for row in rows:
        if not row["sent_by"] and row["reached_root"] and row["entry_kind"] == "consumer":
            consumer = str(row["path"][-1])
            row["sent_by"] = linked.get(tuple(map(str, row["path"]))) or senders.get(consumer, _NOBODY)
        ways.setdefault(tuple(row[name] for name in _WAY), []).append(row)
    for key in sorted(ways):
        group, named = ways[key], dict(zip(_WAY, key, strict=True))
        count = sum(int(row["failures"]) for row in group)
        climb = Histogram.merged(row["climb"] for row in group)
        path = tuple(map(str, named["path"]))
        began = (str(named["origin_service"]), str(named["origin_operation"]))
        probability, base_rate = surely.get((*began, path[-1]), (float("nan"), float("nan")))
        yield {
            "origin_service": began[0],
            "origin_operation": began[1],
            "path": path,
            "mechanism": str(named["mechanism"]),
            **_end(named, sum(int(row["retried_well"]) for row in group), count, path, instead),
            "failures": count,
            "requests": sum(int(row["requests"]) for row in group),
            "traces": sum(int(row["traces"]) for row in group),
            "share": count / whole if whole else 0.0,
            "probability": probability,
            "base_rate": base_rate,
            "climb_ms_p50": climb.percentile(0.5) / _NS_PER_MS,
            "climb_ms_p95": climb.percentile(0.95) / _NS_PER_MS,
        }


def _logged(facts: Facts) -> Iterator[dict[str, Any]]:
    """Yield what only log records tell of: where, and how often."""
    places: dict[tuple[str, str], list[dict[Any, Any]]] = {}
    for row in facts["untold_logs"].to_dict("records"):
        places.setdefault((str(row["service"]), str(row["operation"])), []).append(row)
    whole = sum(int(row["lines"]) for rows in places.values() for row in rows)
    # Without a status no span can say that it went well all the same.
    told = bool(int(facts["coverage"]["with_outcome"].sum()))
    for service, operation in sorted(places):
        rows = places[service, operation]
        lines = sum(int(row["lines"]) for row in rows)
        yield {
            "origin_service": service,
            "origin_operation": operation,
            "path": (f"{service} {operation}".strip(),),
            "mechanism": _LOGGED,
            "ended": "absorbed" if told else "not seen",
            "ended_at": f"{service} {operation}".strip() if told else "",
            "absorbed_how": "no span failed" if told else "",
            "failures": lines,
            "requests": 0,
            "traces": sum(int(row["traces"]) for row in rows),
            "share": lines / whole if whole else 0.0,
            "probability": float("nan"),
            "base_rate": float("nan"),
            "climb_ms_p50": float("nan"),
            "climb_ms_p95": float("nan"),
            "confidence": _BY_LOGS_ALONE,
        }


def _end(
    named: dict[str, Any], retried_well: int, failures: int, path: tuple[str, ...], instead: dict[tuple[str, str], str]
) -> dict[str, str]:
    """Tell how a way ended, where, and what absorbed it."""
    stopped, sender = str(named["stopped_at"]), str(named["sent_by"])
    if sender:
        at = "" if sender == _NOBODY else sender
        return {"ended": "not waited for", "ended_at": at, "absorbed_how": ""}
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
