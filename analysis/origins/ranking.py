"""Services ranked by how likely an incident began there, and the evidence for each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.dataset import Dataset
from analysis.ingest import iso_time
from analysis.origins.blame import Suspicion, explain, suspicions
from analysis.origins.changes import SEEN
from analysis.origins.evidence import evidence_of
from analysis.origins.queues import held_up
from analysis.origins.recorded import Names, Recorded, record
from analysis.origins.slowness import slowness
from analysis.origins.windows import NoTraces, Window, read_window, whole

__all__ = ["SCHEMA", "origins", "origins_report"]

SCHEMA: Final = "archreview/origins/1"
#: Digits of a score, and of the percentage that people are shown: where that is the same, who was first counts.
_DIGITS: Final = 4
_SHOWN: Final = 1
#: Less than this part of the requests is no score.
_LEAST: Final = 0.0005


def origins(data: Dataset, *, incident: Any, baseline: Any = None) -> pd.DataFrame:
    """Rank services by how likely an incident began there.

    Every span of the incident is held against how its operation behaved before, called the same way: whether it
    failed, which calls it made, which warnings and errors it logged, how long it took itself. What is more than chance
    counts at the deepest span of a request where it is seen; a service's score is the part of the requests passing it
    that was lost to it, failed or late.

    Parameters
    ----------
    data
        Where the incident was recorded.
    incident
        Its start and end: a pair of what `pandas.Timestamp` takes (without a zone it is UTC), or ``"START..END"``.
    baseline
        Such a window of the same data, or another dataset, all of which is taken; by default all of the same data
        before the incident.

    Returns
    -------
    pandas.DataFrame
        A row a service, best first: ``rank``, ``service``, ``operation`` (where most was lost), ``score`` (0..1: of the
        requests that pass the service, and four more, the part that was lost to what changed there), ``lost_share`` (of
        all requests of the incident), ``evidence`` (a list of dictionaries
        with ``kind``, ``measure``, ``before`` and ``during``). Services of which nothing speaks have no row.

    Raises
    ------
    NoTraces
        No trace begins in one of the windows.
    ValueError
        A window is none.
    """
    rows = origins_report(data, incident=incident, baseline=baseline)["origins"]
    return pd.DataFrame(rows, columns=["rank", "service", "operation", "score", "lost_share", "evidence"])


def origins_report(data: Dataset, *, incident: Any, baseline: Any = None, share: float = 1.0) -> dict[str, Any]:
    """Return the ranking as the members of ``archreview/origins/1``.

    Parameters
    ----------
    data, incident, baseline
        As for `origins`.
    share
        The part of the traces that is compared (0..1), chosen by the hash of their ids.
    """
    names = Names()
    window = read_window(incident)
    during = _recorded(data, window, "incident", names, share)
    source, reference = _baseline(data, window, baseline)
    before = _recorded(source, reference, "baseline", names, share)
    found = suspicions(before, during)
    lost = _lost(before, during, found)
    return {
        "schema": SCHEMA,
        "incident": window.to_json(),
        "baseline": reference.to_json(),
        "traces": {"incident": during.trace_count, "baseline": before.trace_count},
        "logs": {"incident": len(during.lines), "baseline": len(before.lines)},
        "origins": _ranked(during, found, lost, window),
    }


def _baseline(data: Dataset, incident: Window, given: Any) -> tuple[Dataset, Window]:
    if isinstance(given, Dataset):
        return given, whole(given)
    if given is not None:
        return data, read_window(given)
    start_ns = whole(data).start_ns
    if start_ns >= incident.start_ns:
        raise NoTraces("nothing was recorded before the incident: give a baseline, a window or another recording")
    return data, Window(start_ns, incident.start_ns)


def _recorded(data: Dataset, window: Window, name: str, names: Names, share: float) -> Recorded:
    recorded = record(data, window, names, share)
    if recorded.spans.empty:
        covers = whole(data)
        message = (
            f"no trace begins in the {name} {'..'.join(map(str, window.to_json()))}: the recording covers "
            f"{iso_time(covers.start_ns)}..{iso_time(covers.end_ns)}"
        )
        raise NoTraces(message)
    return recorded


def _lost(before: Recorded, during: Recorded, found: list[Suspicion]) -> pd.DataFrame:
    """Return what each request lost where: ``row``, ``trace``, ``service``, ``part`` of a request, ``began_ns``."""
    spans = during.spans
    slow = slowness(before, during)
    # A request that takes twice as long as usual is as bad as one that is lost.
    usual = _usual(before, during)[spans["trace"].to_numpy(np.int64)[slow["row"].to_numpy(np.int64)]]
    slow = slow.assign(part=slow["lost_ns"] / np.maximum(usual, 1.0), late=True)
    late = np.zeros(len(spans))
    late[slow["row"].to_numpy(np.int64)] = np.minimum(slow["part"], 1.0)
    seen = explain(during, found, late)
    slow = slow.assign(service=held_up(during, slow, seen))
    rows = np.flatnonzero(seen.failed > 0)
    failed = pd.DataFrame({"row": rows, "service": spans["service"].to_numpy()[rows], "part": seen.failed[rows]})
    lost = pd.concat([failed.assign(late=False), slow], ignore_index=True)
    lost = lost.astype({"row": "int64", "part": "float64", "late": "bool"})
    return lost.assign(
        home=spans["service"].to_numpy()[lost["row"]] == lost["service"],
        trace=spans["trace"].to_numpy()[lost["row"]],
        operation=spans["operation"].to_numpy()[lost["row"]],
        began_ns=spans["start_ns"].to_numpy()[lost["row"]],
    )


def _usual(before: Recorded, during: Recorded) -> NDArray[np.float64]:
    """Return for each trace of the incident how long such requests took before: the median of its kind, ns.

    Requests are of one kind where their topmost spans are, and the first calls that these make to other services:
    gateways name every request alike. Of a kind that is not known, it is the median of all.
    """
    asked, made = (_topmost(recorded.spans) for recorded in (before, during))
    kinds = asked.groupby("label")["duration_ns"].agg(["median", "size"])
    known = kinds.loc[kinds["size"] >= SEEN, "median"]
    usual = np.full(int(during.spans["trace"].max()) + 1, float(asked["duration_ns"].median()))
    usual[made["trace"].to_numpy(np.int64)] = made["label"].map(known).fillna(usual[0]).to_numpy(np.float64)
    return usual


def _topmost(spans: pd.DataFrame) -> pd.DataFrame:
    """Return of each trace the longest span, the topmost of several, with a label of its kind."""
    order = spans.sort_values(["trace", "duration_ns", "depth", "label"], ascending=[True, False, True, True])
    top = order.drop_duplicates("trace").set_index("trace")
    remote = spans[spans["callee"] != ""].sort_values(["trace", "depth", "start_ns", "label"])
    first = remote.drop_duplicates("trace").set_index("trace")["label"]
    kind = top["label"] ^ first.reindex(top.index).fillna(0).astype(np.uint64)
    return top[["duration_ns"]].assign(label=kind).reset_index()


def _ranked(during: Recorded, found: list[Suspicion], lost: pd.DataFrame, window: Window) -> list[dict[str, Any]]:
    lost = lost[lost["service"] != ""]
    failed = lost[~lost["late"]].groupby(["trace", "service"])["part"].max()
    late = lost[lost["late"]].groupby(["trace", "service"])["part"].sum()
    requests = failed.add(late, fill_value=0.0).clip(upper=1.0)
    whole_lost = requests.groupby("service").sum()
    scores = whole_lost / during.trace_count
    began = lost.groupby("service")["began_ns"].min()
    # Requests that were held up for a service lost time to it without passing it.
    concerned = pd.concat([during.spans[["trace", "service"]], lost[["trace", "service"]]]).drop_duplicates()
    passing = concerned.groupby("service").size()
    # Who loses much of what comes to it is suspected rather than who loses a little of everything (the specificity of
    # spectra, as MicroRank has it, Yu et al., WWW 2021); few requests are held against four that were not lost.
    suspected = {name: round(float(whole_lost[name]) / (int(passing[name]) + SEEN), _DIGITS) for name in scores.index}
    order = sorted(scores.index, key=lambda name: (-round(100 * suspected[name], _SHOWN), int(began[name]), name))
    rows: list[dict[str, Any]] = []
    for service in order:
        if scores[service] < _LEAST:
            continue
        mine = lost[lost["service"] == service]
        at_home = mine[mine["home"]] if mine["home"].any() else mine
        own = at_home.groupby("operation")["part"].sum()
        told = evidence_of(service, during, found, mine, window)
        rows.append(
            {
                "rank": len(rows) + 1,
                "service": service,
                "operation": min(own.index, key=lambda name: (-round(float(own[name]), 9), name)),
                "score": suspected[service],
                "lost_share": round(float(scores[service]), _DIGITS),
                "evidence": told,
            }
        )
    return rows
