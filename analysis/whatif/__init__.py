"""What would have happened: recorded traces replayed with one thing changed, or several.

Latency goes through the recorded tree: what waited for what still does, and what had slack still has it. Failures go
up through the tolerance that callers were seen to have, load follows the calls that are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from analysis.dataset import Dataset
from analysis.review import Review
from analysis.whatif.against import AGAINST_COLUMNS, held_to, kinds
from analysis.whatif.changes import ASSUMPTIONS, apply
from analysis.whatif.failures import reaching_the_root
from analysis.whatif.measuring import check_names, measure, recordings, tolerances
from analysis.whatif.outcome import COLUMNS, SCHEMA, WhatIf, compared
from analysis.whatif.plan import Plan, Recording
from analysis.whatif.scenarios import KINDS, Scenario, ScenarioError, read_scenario, read_scenarios

__all__ = [
    "AGAINST_COLUMNS",
    "COLUMNS",
    "KINDS",
    "SCHEMA",
    "Scenario",
    "ScenarioError",
    "WhatIf",
    "keep_what_if",
    "open_what_if",
    "read_scenario",
    "what_if",
]

_FILE: Final = "what-if.json"

#: Kinds that make calls fail which did not.
_BREAKING = frozenset({"fail", "timeout", "breaker"})
_ALWAYS = (
    "requests come as they were recorded; nobody queues longer or shorter for the change",
    "the time between the calls of a span is its own work and stays as it was",
)


def what_if(
    data: Dataset,
    scenario: str | Scenario | Iterable[str | Scenario],
    *,
    config: Any = None,
    against: Dataset | None = None,
    reviewed: Review | None = None,
) -> WhatIf:
    """Replay recorded traces with one thing changed, or several at once.

    Parameters
    ----------
    data
        What was recorded.
    scenario
        ``fail=SERVICE[:share]``, ``slow=SERVICE:+50ms`` or ``slow=SERVICE:x2``, ``merge=A+B``, ``batch=detected`` or
        ``batch=SERVICE``, ``parallel=detected`` or ``parallel=SERVICE``, ``timeout=A->B:300ms``, ``breaker=A->B``,
        ``retry=A->B:attempts``, ``owner=TABLE->SERVICE``, ``cut=SERVICE/MODULE``; or a list of these, applied in order.
    config
        The configuration ``review.yml`` by which ``detected`` calls are found.
    against
        What was recorded after such a change was made: the prediction is held to it, without the drift between the two
        recordings.
    reviewed
        A review of the same data, whose findings say what is ``detected``; one is made when not given.

    Returns
    -------
    WhatIf
        Its ``operations`` are a pandas.DataFrame, an entry operation a row; its ``assumptions`` a tuple of texts; its
        ``against`` a pandas.DataFrame as well, with `AGAINST_COLUMNS`, where a recording after the change is given.

    Raises
    ------
    ScenarioError
        A scenario cannot be read, names what is not there, or concerns nothing; or ``against`` has no trace.
    """
    scenarios = read_scenarios(scenario)
    measured = measure(data, scenarios, config, reviewed)
    surviving = tolerances(data) if _BREAKING & {one.kind for one in scenarios} else None
    concerned = dict.fromkeys(scenarios, 0)
    known: set[str] = set()
    parts, spans = [], []
    for recording in recordings(data):
        plan = Plan(recording)
        for one in scenarios:
            concerned[one] += apply(one, plan, measured)
        known |= set(recording.services) | set(recording.target)
        parts.append(_requests(plan, surviving))
        if against is not None:
            spans.append(kinds(plan))
    for one, count in concerned.items():
        check_names(one, known - {""}, count)
    table = compared(pd.concat(parts, ignore_index=True))
    held = None if against is None else _held(table, spans, against)
    return WhatIf(scenarios, table, _assumptions(scenarios, surviving), held)


def _held(predicted: pd.DataFrame, before: list[pd.DataFrame], against: Dataset) -> pd.DataFrame:
    requests, after = [], []
    for recording in recordings(against):
        plan = Plan(recording)
        requests.append(_requests(plan, None))
        after.append(kinds(plan))
    if not sum(map(len, requests)):
        raise ScenarioError("the recording that the prediction is to be held to has no trace")
    return held_to(predicted, compared(pd.concat(requests, ignore_index=True)), before, after)


def keep_what_if(result: WhatIf, folder: str | Path) -> None:
    """Keep a replay in the folder of a saved review."""
    text = json.dumps(result.to_json(), ensure_ascii=True, allow_nan=False, indent=1)
    (Path(folder) / _FILE).write_text(text + "\n", encoding="utf-8", newline="\n")


def open_what_if(folder: str | Path) -> WhatIf | None:
    """Open the replay that was kept beside a saved review; None where none was."""
    path = Path(folder) / _FILE
    if not path.is_file():
        return None
    members = json.loads(path.read_text(encoding="utf-8"))
    table = pd.DataFrame(members["operations"], columns=list(COLUMNS))
    return WhatIf(read_scenarios(members["scenarios"]), table, tuple(members["assumptions"]))


def _assumptions(scenarios: Iterable[Scenario], surviving: pd.DataFrame | None) -> tuple[str, ...]:
    said = [*_ALWAYS, *(f"{one.kind}: {ASSUMPTIONS[one.kind]}" for one in scenarios)]
    if surviving is not None and (unseen := int((surviving["failures"] == 0).sum())):
        said.append(
            f"{unseen} of {len(surviving)} edges never failed in the recording: callers are taken not to survive, "
            "but the lower bound of the error rate takes them always to"
        )
    return tuple(dict.fromkeys(said))


def _requests(plan: Plan, surviving: pd.DataFrame | None) -> pd.DataFrame:
    """Return the requests of a partition before and after, a row a request."""
    recording: Recording = plan.recording
    forest = recording.forest
    roots = np.flatnonzero((forest.parent < 0) & ~forest.orphan & forest.has_time)
    after = plan.durations()
    calls_before = np.bincount(forest.root, np.where(recording.calls, forest.multiplicity, 0), forest.size)
    calls_after = np.bincount(forest.root, plan.call_counts(), forest.size)
    recovered = np.zeros(forest.size)
    np.maximum.at(recovered, forest.root, plan.recovered)
    failed = forest.error[roots].astype(np.float64)
    rates = {}
    for name, column in (("after", "tolerance"), ("low", "high"), ("high", "low")):
        broken = reaching_the_root(plan, _table(surviving, column))[roots]
        rates[name] = 1 - (1 - failed * (1 - recovered[roots])) * (1 - broken)
    return pd.DataFrame(
        {
            "id": [f"{forest.trace_id(int(forest.trace_of[row]))}{forest.span_id(int(row))}" for row in roots],
            "service": recording.services[roots],
            "operation": recording.texts("operation")[roots],
            "before_ns": forest.duration[roots],
            "after_ns": after[roots],
            "calls_before": calls_before[roots],
            "calls_after": calls_after[roots],
            "failed_before": failed,
            **{f"failed_{name}": rate for name, rate in rates.items()},
        }
    )


def _table(surviving: pd.DataFrame | None, column: str) -> dict[tuple[str, str], float]:
    if surviving is None:
        return {}
    values = surviving[column].fillna(0.0)
    return dict(zip(zip(surviving["caller"], surviving["callee"], strict=True), values.tolist(), strict=True))
