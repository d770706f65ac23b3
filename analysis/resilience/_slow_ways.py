"""Ways of slowness: spans that took much longer than usual, and whom they made wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from analysis._histogram import Histogram, lowers
from analysis.resilience._facts import Facts
from analysis.resilience._messages import linked_senders

__all__ = ["MECHANISM", "slow_ways"]

MECHANISM: Final = "slowness"
_NS_PER_MS: Final = 1e6
_Operation = tuple[str, str]
#: What makes two rows of the fact one way, as far as it was carried.
_Way = tuple[str, str, tuple[str, ...], str, str, str]


def slow_ways(facts: Facts, slow: float, publishers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the ways that slowness took, as rows of :func:`analysis.resilience.cascade_paths`.

    Parameters
    ----------
    facts
        ``slow_ways``, ``operations`` and ``visits``.
    slow
        How many times the median duration of its operation a span takes itself to be slow.
    publishers
        By "service operation" of consumers: who publishes to the queues that they take messages from.
    """
    usual = _medians(facts)
    rows = []
    for row in facts["slow_ways"].to_dict("records"):
        median = usual.get((str(row["origin_service"]), str(row["origin_operation"])), float("nan"))
        own: Histogram = row["own"]
        count = int(own.counts[lowers(own.buckets) >= slow * median].sum()) if own.count else 0
        if count:
            rows.append((row, count))
    whole = sum(count for _, count in rows)
    linked = linked_senders((row for row, _ in rows), "way")
    surely = _Probabilities(rows, facts)
    grouped: dict[_Way, list[tuple[Mapping[Any, Any], int]]] = {}
    for row, count in rows:
        path = tuple(map(str, row["way"][: int(row["carried"])]))
        ended, at, how = _end(row, linked.get(tuple(map(str, row["way"]))) or publishers.get(str(row["way"][-1]), ""))
        key = (str(row["origin_service"]), str(row["origin_operation"]), path, ended, at, how)
        grouped.setdefault(key, []).append((row, count))
    for (service, operation, path, ended, at, how), parts in grouped.items():
        count = sum(part for _, part in parts)
        climb = Histogram.merged(row["climb"] for row, _ in parts)
        probability, base_rate = surely.of((service, operation), path)
        yield {
            "origin_service": service,
            "origin_operation": operation,
            "path": path,
            "mechanism": MECHANISM,
            "ended": ended,
            "ended_at": at,
            "absorbed_how": how,
            "failures": count,
            "requests": sum(min(int(row["requests"]), part) for row, part in parts),
            "traces": sum(min(int(row["traces"]), part) for row, part in parts),
            "share": count / whole,
            "probability": probability,
            "base_rate": base_rate,
            "climb_ms_p50": climb.percentile(0.5) / _NS_PER_MS,
            "climb_ms_p95": climb.percentile(0.95) / _NS_PER_MS,
        }


def _medians(facts: Facts) -> dict[_Operation, float]:
    """Return the median duration of each operation (ns), whatever the kind of its spans."""
    found: dict[_Operation, list[Histogram]] = {}
    for row in facts["operations"][["service", "operation", "latency"]].to_dict("records"):
        found.setdefault((str(row["service"]), str(row["operation"])), []).append(row["latency"])
    return {key: Histogram.merged(parts).percentile(0.5) for key, parts in found.items()}


def _end(row: Mapping[Any, Any], publisher: str) -> tuple[str, str, str]:
    """Tell how a way ended, where, and what absorbed it."""
    way, carried, sender = tuple(map(str, row["way"])), int(row["carried"]), str(row["sent_by"])
    if carried < len(way):
        gave_up = 2 * int(row["gave_up"]) >= int(row["spans"])
        return "absorbed", way[carried], "gave up waiting" if gave_up else "took longer itself"
    if not row["whole"]:
        return "not seen", "", ""
    if sender or row["entry_kind"] == "consumer":
        return "not waited for", sender or publisher, ""
    return "request slow", "", ""


class _Probabilities:
    """How likely an operation is made slow when an origin below it is slow, and when it is not."""

    def __init__(self, rows: Sequence[tuple[Mapping[Any, Any], int]], facts: Facts) -> None:
        self._visits: Counter[str] = Counter()
        for visit in facts["visits"][["service", "operation", "visits"]].to_dict("records"):
            self._visits[f"{visit['service']} {visit['operation']}"] += int(visit["visits"])
        self._waited: Counter[tuple[_Operation, str]] = Counter()
        self._slow: Counter[tuple[_Operation, str]] = Counter()
        self._slow_at_all: Counter[str] = Counter()
        for row, count in rows:
            origin = (str(row["origin_service"]), str(row["origin_operation"]))
            carried = set(map(str, row["way"][: int(row["carried"])]))
            for name in set(map(str, row["way"])):
                self._waited[origin, name] += count
            for name in carried:
                self._slow[origin, name] += count
                self._slow_at_all[name] += count

    def of(self, origin: _Operation, path: tuple[str, ...]) -> tuple[float, float]:
        """Return the two for the end of a path; not numbers where the path is the origin alone."""
        end = path[-1]
        if len(path) == 1:
            return float("nan"), float("nan")
        waited, slow = self._waited[origin, end], self._slow[origin, end]
        without = self._visits[end] - waited
        others = self._slow_at_all[end] - slow
        return slow / waited, min(1.0, others / without) if without > 0 else float("nan")
