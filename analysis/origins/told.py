"""The ranking together with what it is of: for readers who name no incident, kept beside a saved review."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis._wording import counted, percent, plain
from analysis.dataset import Dataset
from analysis.origins.proposal import Proposal, propose
from analysis.origins.ranking import origins_report
from analysis.origins.windows import NoTraces, whole

__all__ = ["MOST_SPANS", "Beginning", "beginning", "open_beginning"]

_FILE: Final = "origins.json"
_COLUMNS: Final = ("rank", "service", "operation", "score", "lost_share", "evidence")
#: Both windows are held in memory span by span; of more, a part of the traces is compared.
MOST_SPANS: Final = 2_000_000


@dataclass(frozen=True, eq=False)
class Beginning:
    """Where an incident began, if there was one.

    Attributes
    ----------
    ranked
        As :func:`analysis.origins` returns it; None where there is nothing to show.
    said
        What was held against what, or why nothing is shown.
    """

    ranked: pd.DataFrame | None
    said: str

    def save(self, folder: str | Path) -> None:
        """Keep it in the folder of a saved review."""
        rows = None if self.ranked is None else self.ranked.to_dict("records")
        text = json.dumps({"said": self.said, "origins": rows}, ensure_ascii=True, allow_nan=False, indent=1)
        (Path(folder) / _FILE).write_text(text + "\n", encoding="utf-8", newline="\n")

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.said)}</p>"


def beginning(data: Dataset, *, incident: Any = None, baseline: Any = None, most_spans: int = MOST_SPANS) -> Beginning:
    """Rank where an incident began, and say what was compared.

    Parameters
    ----------
    data
        What was recorded.
    incident
        As :func:`analysis.origins` takes it. When not given it is the whole recording, where the baseline is another
        dataset; else the window that departs from the rest, as :func:`analysis.origins.propose` finds it.
    baseline
        As :func:`analysis.origins` takes it.
    most_spans
        Spans that are compared. Of more, a part of the traces is, of both windows alike: those whose ids have the
        lowest hashes, whatever the order in which they come; what is said says so.
    """
    if not data.totals.spans:
        return Beginning(None, "No span was recorded: nothing can be ranked.")
    found = None
    if not incident and isinstance(baseline, Dataset):
        if data.window is None:
            return Beginning(None, "No span has a time: nothing can be ranked.")
        incident = (data.window[0], whole(data).end_ns)
    elif not incident:
        found = propose(data)
        if found is None:
            return Beginning(
                None,
                "No incident is named, and no part of the recording departs from the rest: no entry operation failed "
                "or was late for a while by more than chance. So there is nothing to rank.",
            )
        incident = (found.window.start_ns, found.window.end_ns)
    spans = data.totals.spans + (baseline.totals.spans if isinstance(baseline, Dataset) else 0)
    share = min(1.0, most_spans / spans)
    try:
        members = origins_report(data, incident=incident, baseline=baseline, share=share)
    except NoTraces as error:
        return Beginning(None, f"Nothing can be ranked: {error}.")
    said = [_compared(members)] if found is None else [_proposed(found), _compared(members)]
    said += [_sampled(spans, share)] if share < 1 else []
    if not members["origins"]:
        return Beginning(None, " ".join([*said, "Nothing changed by more than chance: no service stands out."]))
    return Beginning(pd.DataFrame(members["origins"], columns=list(_COLUMNS)), " ".join(said))


def open_beginning(folder: str | Path) -> Beginning:
    """Open what was kept beside a saved review; where nothing was, that is said."""
    path = Path(folder) / _FILE
    if not path.is_file():
        return Beginning(
            None,
            "A saved review keeps only the traces that findings name, and no ranking was kept beside this one: nothing "
            "can be ranked. archreview report keeps one.",
        )
    members = json.loads(path.read_text(encoding="utf-8"))
    rows = members["origins"]
    return Beginning(None if rows is None else pd.DataFrame(rows, columns=list(_COLUMNS)), members["said"])


def _proposed(found: Proposal) -> str:
    inside, outside = found.bad / found.requests, found.bad_outside / found.requests_outside
    return (
        f"No incident is named; this window is proposed by the data: {percent(inside)} of "
        f"{counted(found.requests, 'request')} {plain(found.operation or '(no name)', 100)} of "
        f"{plain(found.service or 'an unnamed service', 60)} failed or took more than twice as long as usual, "
        f"{percent(outside)} of {found.requests_outside:,} in the rest."
    )


def _compared(members: dict[str, Any]) -> str:
    windows = (
        f"{' to '.join(map(_to_the_second, members[name]))} UTC ({counted(members['traces'][name], 'trace')})"
        for name in _WINDOWS
    )
    return "{} is held against {}.".format(*windows)


def _sampled(spans: int, share: float) -> str:
    return (
        f"The recording has {counted(spans, 'span')}: {percent(share)} of the traces are compared, chosen by the hash "
        "of their ids; archreview origins compares all of them."
    )


def _to_the_second(instant: str) -> str:
    return instant[:19].replace("T", " ")


_WINDOWS: Final = ("incident", "baseline")
