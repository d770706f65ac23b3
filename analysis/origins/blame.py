"""Which spans of an incident are not as before, and which of them explain the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.origins.changes import failing, keys_of, structure
from analysis.origins.recorded import Recorded

__all__ = ["Explained", "Kind", "Suspicion", "explain", "suspicions"]

Kind = Literal["errors", "new_calls", "missing_calls", "log_template"]

#: Share of a call's makers before that had not failed, from which on it is missed.
_MOSTLY: Final = 0.5
_CALLS: Final[dict[str, Kind]] = {"new": "new_calls", "missing": "missing_calls"}


@dataclass(frozen=True, eq=False)
class Suspicion:
    """One thing that changed, and the spans of the incident that show it.

    Attributes
    ----------
    kind
        What kind of evidence it is.
    key
        Which spans are concerned.
    label
        The call, as its hash, or the template; 0 for failures.
    before, during
        Shares of the spans.
    weight
        What of it is more than chance, 0..1.
    rows
        Spans that show it.
    """

    kind: Kind
    key: int
    label: int
    before: float
    during: float
    weight: float
    rows: NDArray[np.int64]


def suspicions(before: Recorded, during: Recorded) -> list[Suspicion]:
    """Return what changed for the worse in failures, calls and log lines, by kind, key and label."""
    keys = keys_of(before, during)
    failed = during.spans["failed"].to_numpy(bool)
    concerned = keys[1].to_numpy()
    found: list[Suspicion] = []
    for key, was, now, weight in _plain(failing(before, during, keys), "before", "during", "weight"):
        found.append(Suspicion("errors", key, 0, was, now, weight, _where(failed & (concerned == key))))
    totals = (keys[0].value_counts(), keys[1].value_counts())
    # What failed before does not tell which calls are usual: a call that is made again is a recovery.
    sound = ~before.spans["spoiled"].to_numpy(bool)
    of_sound = (keys[0][sound].value_counts(), totals[1])
    for reader, calls in ((_calls, True), (_lines, False)):
        had, usual = reader(during, keys[1]), reader(before, keys[0])
        changed = structure(usual, had, totals, calls=calls)
        if calls:
            made = structure(usual[sound[usual["row"].to_numpy(np.int64)]], had, of_sound, calls=True)
            by_sound = sound[usual["row"].to_numpy(np.int64)]
            share = usual.assign(sound=by_sound).groupby(["key", "label"])["sound"].mean()
            # What only failures called (who answers errors) is not missed.
            mostly = [
                float(share.get(pair, 0.0)) >= _MOSTLY for pair in zip(changed["key"], changed["label"], strict=True)
            ]
            changed = changed[np.array(mostly, bool) & (changed["kind"] == "missing").to_numpy(bool)]
            changed = pd.concat([changed, made[made["kind"] == "new"]])
        for key, label, word, was, now, weight in _plain(changed, "label", "kind", "before", "during", "weight"):
            having = had.loc[(had["key"] == key) & (had["label"] == label), "row"].to_numpy(np.int64)
            rows = having if word == "new" else np.setdiff1d(_where(concerned == key), having)
            kind: Kind = _CALLS[word] if calls else "log_template"
            found.append(Suspicion(kind, key, label, was, now, weight, rows))
    return sorted(found, key=lambda one: (one.kind, one.key, one.label))


def _plain(table: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    """Return rows as plain values, the key first."""
    return list(zip(*(table[name].tolist() for name in ("key", *names)), strict=True))


def _where(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.flatnonzero(rows).astype(np.int64)


def _calls(recorded: Recorded, keys: pd.Series[Any]) -> pd.DataFrame:
    """Return what spans called, each label once; a remote call and its answer are one call, told at its maker."""
    spans = recorded.spans
    parents = spans["parent"].to_numpy(np.int64)
    called = np.flatnonzero(parents >= 0)
    called = called[spans["callee"].to_numpy()[parents[called]] == ""]
    made = pd.DataFrame({"row": parents[called], "label": spans["label"].to_numpy()[called]}).drop_duplicates()
    return made.assign(key=keys.to_numpy()[made["row"]])


def _lines(recorded: Recorded, keys: pd.Series[Any]) -> pd.DataFrame:
    lines = recorded.lines.rename(columns={"template": "label"})
    return lines.assign(key=keys.to_numpy()[lines["row"]])


@dataclass(frozen=True, eq=False)
class Explained:
    """What is seen at and below each span.

    Attributes
    ----------
    failed
        What of its request was lost at the span: what it shows beyond what is shown, or was slow, below it; 0..1.
    waited
        How much is shown below the span; 0..1.
    cause
        The span below that shows it; -1 where none does.
    """

    failed: NDArray[np.float64]
    waited: NDArray[np.float64]
    cause: NDArray[np.int64]


def explain(during: Recorded, found: list[Suspicion], late: NDArray[np.float64]) -> Explained:
    """Look for each span whether what it shows is explained below it, by a change or by lost time.

    Parameters
    ----------
    during
        The incident.
    found
        What changed.
    late
        For each span what of a request it lost in time, 0..1: who waited for it and gave up is not the origin.
    """
    spans = during.spans
    shown = np.zeros(len(spans))
    for one in found:
        shown[one.rows] = np.maximum(shown[one.rows], one.weight)
    depth, parent = spans["depth"].to_numpy(np.int64), spans["parent"].to_numpy(np.int64)
    waited, cause = np.zeros(len(spans)), np.full(len(spans), -1, np.int64)
    order = np.argsort(-depth, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(depth[order])) + 1):
        own = np.maximum(shown[rows], late[rows])
        weight = np.maximum(waited[rows], own)
        here = np.where(own > waited[rows], rows, cause[rows])
        # The heaviest last, so that it is the one that stays.
        heaviest = np.lexsort((-rows, weight))
        under = heaviest[(parent[rows[heaviest]] >= 0) & (weight[heaviest] > 0)]
        above = parent[rows[under]]
        waited[above], cause[above] = weight[under], here[under]
    return Explained(np.maximum(shown - np.maximum(waited, late), 0.0), waited, cause)
