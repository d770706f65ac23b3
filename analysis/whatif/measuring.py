"""What is measured before a recording is replayed: detected runs, time on the way, failures, breakers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import schema
from analysis.contexts import shared_accesses
from analysis.dataset import Dataset
from analysis.engine import scan_facts
from analysis.facts import _modules, discover, to_frame
from analysis.graph import module_name, several_modules
from analysis.links.architecture import COLUMNS
from analysis.planting import iter_forests
from analysis.resilience import tolerance
from analysis.review import Review, review
from analysis.whatif.changes import Found, Measured
from analysis.whatif.plan import Recording
from analysis.whatif.scenarios import Scenario, ScenarioError

__all__ = ["check_names", "measure", "recordings", "tolerances"]

_BATCHED: Final = ("n_plus_one_calls", "n_plus_one_queries")
_SERIES: Final = "serial_calls"
#: Kinds that ask for what calls cost or how they failed.
_OF_CALLS: Final = frozenset({"breaker", "retry", "owner"})
#: The breaker of the replay: so many failures one after the other open it, for so long.
_TRIPS: Final = 5
_OPEN_NS: Final = 5_000_000_000


def recordings(data: Dataset) -> Iterator[Recording]:
    """Give each partition of a dataset, planted."""
    columns = tuple(dict.fromkeys((*COLUMNS, "operation", "template", "category", *_modules.COLUMNS)))
    for forest in iter_forests(data, columns):
        yield Recording(forest)


def measure(
    data: Dataset, scenarios: Iterable[Scenario], config: Any = None, reviewed: Review | None = None
) -> Measured:
    """Measure what scenarios ask for, and check that what they name is there.

    Raises
    ------
    ScenarioError
        A service or a module is named that is not in the recording, nothing was detected, or what a call over the
        network takes is not known.
    """
    scenarios = tuple(scenarios)
    kinds = {scenario.kind for scenario in scenarios}
    measured = Measured(found=_found(data, kinds, config, reviewed))
    if "cut" in kinds:
        cut_out = [scenario for scenario in scenarios if scenario.kind == "cut"]
        measured.network_ns = _network(data, cut_out)
        measured.shared_tables = _shared_tables(data, cut_out)
    if kinds & _OF_CALLS:
        calls = pd.concat([_calls(recording) for recording in recordings(data)], ignore_index=True)
        served = calls[calls["way_ns"] >= 0]
        measured.way_ns = {str(name): int(way) for name, way in served.groupby("callee")["way_ns"].median().items()}
        measured.way_ns[""] = int(served["way_ns"].median()) if len(served) else 0
        shares = calls.groupby(["caller", "callee"], as_index=False)["failed"].mean()
        ends = zip(shares["caller"].tolist(), shares["callee"].tolist(), strict=True)
        measured.failure_share = dict(zip(ends, shares["failed"].tolist(), strict=True))
        for scenario in scenarios:
            if scenario.kind == "breaker":
                caller, callee = scenario.services
                mine = calls[(calls["caller"] == caller) & (calls["callee"] == callee)]
                measured.open_calls[caller, callee] = _kept_out(mine)
    return measured


def _shared_tables(data: Dataset, cuts: list[Scenario]) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Return for each module to be cut out the tables of siblings that it uses, and its own that siblings use."""
    fact = discover()["module_calls"]
    rows = several_modules(to_frame(fact.FIELDS, scan_facts(data, ["module_calls"])["module_calls"]))
    found = {}
    for scenario in cuts:
        service, _, _ = scenario.services[0].partition("/")
        modules = rows.loc[rows["service"] == service, "module"].unique().tolist()
        named = [module for module in modules if module_name(service, module) == scenario.services[0]]
        if named:
            over = shared_accesses(rows, service, named[0])
            borrows = over["module"] == named[0]
            tables = over["callee_module"].astype(str)
            found[scenario.services[0]] = (frozenset(tables[borrows]), frozenset(tables[~borrows]))
    return found


def _network(data: Dataset, cuts: list[Scenario]) -> int:
    """Return the median time on the way between two services, and check that the modules to be cut out are there."""
    ways: list[NDArray[np.int64]] = []
    modules: set[str] = set()
    client = schema.KINDS.index("client")
    for recording in recordings(data):
        forest, answer = recording.forest, recording.answer
        modules |= set(recording.modules)
        whole = (answer >= 0) & forest.has_time & (forest.kind == client)
        whole &= forest.has_time[answer] & (recording.services != recording.services[answer])
        rows = np.flatnonzero(whole)
        ways.append(np.maximum(forest.duration[rows] - forest.duration[answer[rows]], 0))
    told = sorted(modules - {""})
    for scenario in cuts:
        if scenario.services[0] not in modules:
            there = f"there are {', '.join(told[:30])}" if told else "no service names modules"
            raise ScenarioError(f"{scenario.text!r}: there is no module {scenario.services[0]!r}; {there}")
    every = np.concatenate(ways)
    if not len(every):
        raise ScenarioError(
            f"{cuts[0].text!r}: what a call over the network takes is not known: "
            "no call between two services was recorded by both"
        )
    return int(np.median(every))


def _found(data: Dataset, kinds: set[str], config: Any, reviewed: Review | None) -> Found:
    wanted = [*(_BATCHED if "batch" in kinds else ()), *((_SERIES,) if "parallel" in kinds else ())]
    if not wanted:
        return Found()
    runs: set[tuple[str, str, str]] = set()
    series: set[tuple[str, str]] = set()
    made = review(data, only=wanted, config=config) if reviewed is None else reviewed
    for finding in made.finding_objects:
        subject = finding.subject
        if finding.detector not in wanted:
            continue
        if finding.detector == _SERIES:
            series.add((subject["service"], subject["operation"]))
        else:
            runs.add((subject["service"], subject["operation"], subject["template"]))
    return Found(frozenset(runs), frozenset(series))


def _calls(recording: Recording) -> pd.DataFrame:
    forest = recording.forest
    rows = np.flatnonzero(recording.calls & (recording.target != "") & forest.has_time)
    answer = recording.answer[rows]
    way = np.where(answer >= 0, np.maximum(forest.duration[rows] - forest.duration[answer], 0), -1)
    return pd.DataFrame(
        {
            "caller": recording.services[rows],
            "callee": recording.target[rows],
            "failed": forest.error[rows],
            "way_ns": way,
            "start_ns": forest.start[rows] + forest.trace_start_ns[forest.trace_of[rows]],
            "duration_ns": forest.duration[rows],
            "high": forest.array("trace_id_high")[rows],
            "low": forest.array("trace_id_low")[rows],
            "span": forest.array("span_id")[rows],
        }
    )


def _kept_out(calls: pd.DataFrame) -> frozenset[tuple[int, int, int]]:
    """Return the calls that an open breaker would not have let through, as they came one after the other."""
    ordered = calls.sort_values(["start_ns", "high", "low", "span"])
    kept: set[tuple[int, int, int]] = set()
    failures, closed_at = 0, None
    names = ("start_ns", "failed", "high", "low", "span")
    for start, failed, high, low, span in zip(*(ordered[name].tolist() for name in names), strict=True):
        if closed_at is not None and start < closed_at:
            kept.add((high, low, span))
            continue
        # Closed, or the one call that is let through to try.
        failures = failures + 1 if failed else 0
        opens = failures >= _TRIPS or (closed_at is not None and failed)
        closed_at = start + _OPEN_NS if opens else None
    return frozenset(kept)


def tolerances(data: Dataset) -> pd.DataFrame:
    """Return how often callers survive the failure of what they call, measured on the recording."""
    table = scan_facts(data, ["dependencies"])["dependencies"]
    return tolerance({"dependencies": to_frame(discover()["dependencies"].FIELDS, table)})


def check_names(scenario: Scenario, known: set[str], concerned: int) -> None:
    """Raise where a scenario concerns no span: what it names is not there, or nothing of the kind is."""
    # Of several that are merged, two that are there do not answer for a third that is not.
    if concerned and scenario.kind != "merge":
        return
    if scenario.kind == "owner":
        table, owner = scenario.services
        raise ScenarioError(f"{scenario.text!r}: no service but {owner!r} reaches a table {table!r}")
    unknown = [name for name in scenario.services if name not in known]
    if unknown:
        close = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"did you mean {close[0]!r}? There" if close else "there"
        there = f"{hint} are {', '.join(sorted(known)[:30])}"
        raise ScenarioError(f"{scenario.text!r}: there is no {unknown[0]!r}; {there}")
    if concerned:
        return
    if scenario.kind in {"batch", "parallel"}:
        if not scenario.services:
            # Nothing detected is an answer: nothing changes.
            return
        raise ScenarioError(f"{scenario.text!r}: the detectors found no such calls")
    raise ScenarioError(f"{scenario.text!r}: no span of the recording is concerned")
