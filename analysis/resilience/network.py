"""Operations and what each needs: how often it calls the other, and how often it survives the other's failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.resilience._facts import Facts, made_once
from analysis.resilience.tolerance import named_callees, wilson

__all__ = ["Network", "Node", "network"]

#: Service (or store, or whoever is outside) and operation; a store has none.
Node = tuple[str, str]
#: Rounds after which failures have gone as far as they will, also around circles.
_ROUNDS: Final = 64
_SETTLED: Final = 1e-9
#: A visit is not followed through more calls than this, so that circles come to an end.
_MOST_VISITS: Final = 1e6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """Operations as nodes; an edge where a visit of one waits for the other.

    Attributes
    ----------
    nodes
        Sorted.
    visits
        Visits of each node; 0 for what has none of its own.
    caller, callee
        Places of the two ends of each edge.
    use
        Share (0..1) of the caller's visits that call the callee.
    calls
        Logical calls for each visit of the caller.
    tolerance, low, high
        Share of the callee's failures that the caller's visit survives, and the bounds of its 95 % interval; where none
        was seen, 0 (counted as required), 0 and 1.
    failures
        Failures that this was measured by.
    persists
        Probability (0..1) that a failed visit of the callee is a failed call of the caller: what retries do not mend.
    """

    nodes: tuple[Node, ...]
    visits: npt.NDArray[np.int64]
    caller: npt.NDArray[np.int64]
    callee: npt.NDArray[np.int64]
    use: Floats
    calls: Floats
    tolerance: Floats
    low: Floats
    high: Floats
    failures: npt.NDArray[np.int64]
    persists: Floats

    def failing(self, seeds: npt.NDArray[np.bool_], tolerance: Floats, *, mended: bool = False) -> Floats:
        """Return for each node the probability that a visit fails when the seeds do; callees fail independently.

        Parameters
        ----------
        seeds
            Nodes that fail.
        tolerance
            Of each edge.
        mended
            Retries mend as many failures as they did, as where a node fails now and then; none, where it is down.
        """
        passing = self.use * (1 - tolerance) * (self.persists if mended else 1.0)
        chance = seeds.astype(np.float64)
        for _ in range(_ROUNDS):
            passed = np.minimum(passing * chance[self.callee], 1.0)
            survives = np.ones(len(self.nodes))
            np.multiply.at(survives, self.caller, 1 - passed)
            new = np.where(seeds, 1.0, 1 - survives)
            if np.abs(new - chance).max(initial=0.0) < _SETTLED:
                break
            chance = new
        return chance

    def used(self, seeds: npt.NDArray[np.bool_]) -> Floats:
        """Return for each node the probability that a visit comes to one of the seeds."""
        return self.failing(seeds, np.zeros(len(self.caller)))

    def visits_of(self, start: int) -> Floats:
        """Return how many visits of each node one visit of a node brings about, itself included."""
        whole = np.zeros(len(self.nodes))
        wave = np.zeros(len(self.nodes))
        wave[start] = 1.0
        for _ in range(_ROUNDS):
            whole += wave
            onward = np.zeros(len(self.nodes))
            np.add.at(onward, self.callee, wave[self.caller] * self.calls)
            wave = onward
            if not wave.any() or whole.max() > _MOST_VISITS:
                break
        return whole

    def required_by(self, start: int) -> npt.NDArray[np.bool_]:
        """Mark the nodes whose failure can fail a visit of one: edges that never survived everything lead there."""
        marked = np.zeros(len(self.nodes), np.bool_)
        marked[start] = True
        carries = (self.use > 0) & (self.tolerance < 1)
        while True:
            found = marked.copy()
            found[self.callee[carries & marked[self.caller]]] = True
            if (found == marked).all():
                return marked
            marked = found

    def of(self, name: str) -> npt.NDArray[np.bool_]:
        """Mark the nodes of one service, store, or whoever is outside."""
        return np.array([node[0] == name for node in self.nodes], np.bool_)


def network(facts: Facts) -> Network:
    """Build the network of operations from the merged facts.

    Calls are those of ``dependencies``. Where a service's calls have no spans of their own (kinds are not recorded),
    its edges come from ``slowdowns``, which pairs visits, and their tolerance from ``propagation``.
    """
    return made_once(facts, _built)


def _built(facts: Facts) -> Network:
    rows = _edges(facts)
    visits, lost = _visits(facts)
    nodes = sorted(
        set(visits)
        | set(zip(rows["caller"], rows["caller_operation"], strict=True))
        | set(zip(rows["callee"], rows["callee_operation"], strict=True))
    )
    place = {node: index for index, node in enumerate(nodes)}
    counts = np.array([int(visits.get(node, 0)) for node in nodes], np.int64)
    caller = _places(rows, "caller", place)
    callee = _places(rows, "callee", place)
    calling = rows["visits"].to_numpy(np.float64)
    # A visit that calls without being one itself (its own half was not recorded) is counted by its calls.
    whole = np.maximum(counts[caller].astype(np.float64), calling)
    failures = rows["failures"].to_numpy(np.int64)
    survived = rows["survived"].to_numpy(np.float64)
    failing = np.array([lost.get(node, 0) / max(1, visits.get(node, 0)) for node in nodes])[callee]
    finally_failing = np.divide(failures, calling, out=np.zeros(len(rows)), where=calling > 0)
    low, high = wilson(survived, failures.astype(np.float64))
    return Network(
        nodes=tuple(nodes),
        visits=counts,
        caller=caller,
        callee=callee,
        use=np.divide(calling, whole, out=np.zeros(len(rows)), where=whole > 0),
        calls=np.divide(rows["calls"].to_numpy(np.float64), whole, out=np.zeros(len(rows)), where=whole > 0),
        tolerance=np.divide(survived, failures, out=np.zeros(len(rows)), where=failures > 0),
        low=low,
        high=high,
        failures=failures,
        persists=np.where(failing > 0, np.minimum(1.0, finally_failing / np.where(failing > 0, failing, 1.0)), 1.0),
    )


_KEY: Final = ["caller", "caller_operation", "callee", "callee_operation"]
_COUNTS: Final = ["visits", "calls", "failures", "survived"]
_NAMES: Final = {"service": "caller", "operation": "caller_operation", "target": "callee"}


def _visits(facts: Facts) -> tuple[dict[Node, int], dict[Node, int]]:
    """Return the visits of each operation, and how many of them failed."""
    table = facts["visits"].groupby(["service", "operation"], as_index=False)[["visits", "failures"]].sum()
    nodes = [(str(one), str(other)) for one, other in zip(table["service"], table["operation"], strict=True)]
    return (
        dict(zip(nodes, map(int, table["visits"]), strict=True)),
        dict(zip(nodes, map(int, table["failures"]), strict=True)),
    )


def _edges(facts: Facts) -> pd.DataFrame:
    """Return an edge a row: ``visits``, ``calls``, ``failures``, ``survived``."""
    rows = named_callees(facts["dependencies"]).rename(columns=_NAMES)
    lost = rows["failed"].astype(bool)
    rows = rows.assign(
        failures=rows["visits"].where(lost, 0),
        survived=rows["visits"].where(lost & ~rows["visit_failed"].astype(bool), 0),
    )
    calls = named_callees(facts["attempts"]).rename(columns=_NAMES)
    measured = _added_up([rows[[*_KEY, "visits", "failures", "survived"]], calls[[*_KEY, "calls"]]])
    # A visit that calls makes a call at least.
    measured["calls"] = measured[["calls", "visits"]].max(axis=1)
    found = _added_up([measured, *_unrecorded(facts, set(measured["caller"]))])
    return found[(found["caller"] != found["callee"]) | (found["caller_operation"] != found["callee_operation"])]


def _unrecorded(facts: Facts, recorded: set[str]) -> list[pd.DataFrame]:
    """Return the edges of services whose calls have no spans of their own: of visits that went well, and of failed."""
    pairs = facts["slowdowns"].rename(columns={"caller_service": "caller", "callee_service": "callee"})
    pairs = pairs[~pairs["caller"].isin(recorded)]
    climbed = facts["propagation"].rename(
        columns={
            "service": "caller",
            "operation": "caller_operation",
            "origin_service": "callee",
            "origin_operation": "callee_operation",
        }
    )
    direct = climbed[(climbed["hops"] == 1) & ~climbed["caller"].isin(recorded)]
    direct = direct[direct["caller"] != direct["callee"]]
    waited = direct["waited"]
    return [
        pairs[[*_KEY, "visits"]].assign(calls=pairs["visits"]),
        direct[_KEY].assign(visits=waited, calls=waited, failures=waited, survived=waited - direct["failed"]),
    ]


def _added_up(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Add up edges, counts that a table does not have being 0."""
    filled = [table.reindex(columns=[*_KEY, *_COUNTS], fill_value=0) for table in tables]
    whole: pd.DataFrame = pd.concat(filled, ignore_index=True).groupby(_KEY, as_index=False, sort=True)[_COUNTS].sum()
    return whole


def _places(rows: pd.DataFrame, end: str, place: dict[Node, int]) -> npt.NDArray[np.int64]:
    keys = zip(rows[end], rows[f"{end}_operation"], strict=True)
    return np.array([place[(str(one), str(other))] for one, other in keys], np.int64)
