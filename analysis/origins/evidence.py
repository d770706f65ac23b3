"""What speaks for a service: what changed there, in numbers before and during."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from analysis.origins.blame import Suspicion
from analysis.origins.recorded import Recorded
from analysis.origins.windows import Window

__all__ = ["evidence_of"]

#: Pieces of evidence of one kind for one service.
_MOST: Final = 3
_LONGEST: Final = 160
_MEASURES: Final = {
    "errors": "share of {operation} that failed",
    "missing_calls": "share of {operation} that called {other}",
    "new_calls": "share of {operation} that called {other}",
    "log_template": "share of {operation} that logged: {other}",
}


def evidence_of(
    service: str, during: Recorded, found: list[Suspicion], lost: pd.DataFrame, window: Window
) -> list[dict[str, Any]]:
    """Return the evidence for a service, the strongest first: ``kind``, ``measure``, ``before``, ``during``.

    Parameters
    ----------
    service
        Whose.
    during
        What was recorded.
    found
        What changed.
    lost
        What requests lost at the service.
    window
        The incident.
    """
    ranked: list[tuple[float, dict[str, Any]]] = []
    blamed = set(lost.loc[~lost["late"], "row"].tolist())
    for one in found:
        shown = [row for row in one.rows.tolist() if row in blamed]
        if shown:
            operation = str(during.spans["operation"].to_numpy()[shown[0]])
            measure = _MEASURES[one.kind].format(operation=operation or "spans", other=_other(one, during))
            told = _told(one.kind, measure, round(one.before, 4), round(one.during, 4))
            ranked.append((one.weight * len(shown), told))
    ranked += _slow(service, during, lost)
    ranked.sort(key=lambda pair: (-round(pair[0], 9), str(pair[1]["kind"]), str(pair[1]["measure"])))
    counts: dict[str, int] = {}
    chosen = []
    for _, told in ranked:
        counts[told["kind"]] = counts.get(told["kind"], 0) + 1
        if counts[told["kind"]] <= _MOST and told not in chosen:
            chosen.append(told)
    first_ms = (int(lost["began_ns"].min()) - window.start_ns) / 1e6
    chosen.append(_told("order", "first seen, ms after the start of the incident", None, round(first_ms, 3)))
    return chosen


def _told(kind: str, measure: str, before: float | None, during: float) -> dict[str, Any]:
    return {"kind": kind, "measure": measure, "before": before, "during": during}


def _other(one: Suspicion, during: Recorded) -> str:
    if one.kind == "log_template":
        return during.names.templates.get(one.label, "")[:_LONGEST]
    service, operation, callee, callee_operation = during.names.labels.get(one.label, ("", "", "", ""))
    return f"{callee} {callee_operation}" if callee else f"{service} {operation}"


def _slow(service: str, during: Recorded, lost: pd.DataFrame) -> list[tuple[float, dict[str, Any]]]:
    late = lost[lost["late"]]
    spans = during.spans.loc[late["row"].to_numpy()]
    table = late.assign(
        callee=spans["callee"].to_numpy(),
        caller=spans["service"].to_numpy(),
        before_ns=late["before_ns"],
        during_ns=late["during_ns"],
    )
    ranked = []
    for named, rows in table.groupby(["operation", "caller", "callee"], sort=True):
        operation, caller, callee = map(str, named)
        before_ms, during_ms = (float(np.median(rows[name])) / 1e6 for name in ("before_ns", "during_ns"))
        if during_ms <= before_ms:
            # Single spans were late; the kind as a whole was not.
            continue
        if callee:
            kind, time = "network_gap", f"time between {caller} and {callee} ({operation})"
        elif caller == service:
            kind, time = "self_time", f"self time of {operation}"
        else:
            kind, time = "held_up", f"self time of {operation} of {caller}, whose other requests waited for {service}"
        told = _told(kind, f"95th percentile of the {time}, ms", round(before_ms, 4), round(during_ms, 4))
        ranked.append((float(rows["part"].sum()), told))
    return ranked
