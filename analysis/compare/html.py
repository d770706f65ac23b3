"""How a comparison displays itself in a notebook and in the report: HTML, everything from telemetry escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from analysis._wording import counted, duration, percent, plain
from analysis.compare.noise import MEASURES
from analysis.compare.standing import Standing
from analysis.finding_html import SEVERITY_BARS

if TYPE_CHECKING:
    from analysis.compare import Comparison

__all__ = ["said_change", "sentences", "summary", "valued"]

_MOST: Final = 10
_TITLE: Final = 300
_HEADINGS: Final = {
    "new": "New",
    "resolved": "Resolved",
    "unjudged": "Found before; cannot be judged now",
}


def valued(measure: str, value: float) -> str:
    """Return a number of a measure in words."""
    if measure.endswith("_ms"):
        return duration(value)
    return percent(value) if measure.endswith("_share") else f"{value:,.3g}"


def said_change(row: object, *, verdict: bool = True) -> str:
    """Return one change in a sentence: ``cart → pricing: duration, p95 from 12 ms to 48 ms (worse)``.

    Parameters
    ----------
    row
        Of :attr:`Comparison.changes`.
    verdict
        Say whether it became worse or better: not where a heading says so.
    """
    measure = str(row.measure)  # type: ignore[attr-defined] # a row of Comparison.changes
    ends = f"{plain(row.caller, _TITLE)} → {plain(row.callee, _TITLE)}"  # type: ignore[attr-defined] # as above
    values = f"from {valued(measure, row.before)} to {valued(measure, row.after)}"  # type: ignore[attr-defined] # as above
    said = f" ({row.verdict})" if verdict else ""  # type: ignore[attr-defined] # as above
    return f"{ends}: {MEASURES[measure].words} {values}{said}"


def sentences(comparison: Comparison) -> Iterator[str]:
    """Yield what became better and worse, a plain sentence each."""
    counts = {status: len(comparison.of_status(status)) for status in ("new", "persisting", "resolved", "unjudged")}
    yield (
        f"{counted(counts['new'], 'finding is', 'findings are')} new, {counts['persisting']} persist, "
        f"{counts['resolved']} {'is' if counts['resolved'] == 1 else 'are'} resolved."
    )
    unseen = sum(not standing.judged_before for standing in comparison.of_status("new"))
    if unseen:
        yield (
            f"Of the new ones {unseen} may be old: their detectors could not judge the earlier telemetry, or did not "
            "exist."
        )
    if counts["unjudged"]:
        yield f"{counts['unjudged']} of the earlier ones cannot be judged now: what showed them is no longer recorded."
    persisting = comparison.of_status("persisting")
    graver, milder = (sum(item.graver > 0 for item in persisting), sum(item.graver < 0 for item in persisting))
    if graver or milder:
        yield f"Of those that persist {graver} became graver and {milder} milder."
    if not comparison.has_traffic:
        yield "Of the earlier review only findings were kept, so calls, durations and errors could not be compared."
        return
    moved = comparison.edges["change"].value_counts()
    appeared, vanished = int(moved.get("appeared", 0)), int(moved.get("vanished", 0))
    if appeared or vanished:
        yield f"{counted(appeared, 'edge')} between services, stores and queues appeared, {vanished} vanished."
    else:
        yield "No edge between services, stores and queues appeared or vanished."
    if not len(comparison.compared) and len(comparison.edges):
        yield (
            "The earlier review was saved without what tells a change from chance, or no edge is in both, so calls, "
            "durations and errors could not be compared."
        )
        return
    verdicts = comparison.compared["verdict"].value_counts()
    worse, better = int(verdicts.get("worse", 0)), int(verdicts.get("better", 0))
    tested = worse + better + int(verdicts.get("chance", 0))
    chance = max(1, round(tested * 0.01)) if tested else 0
    yield (
        f"Of {counted(len(comparison.compared), 'number')} of calls, errors and durations, {worse} became worse and "
        f"{better} better by more than chance explains (99 % intervals over groups of traces; of {tested} tested, "
        f"about {chance} may still be chance)."
    )


def summary(comparison: Comparison) -> str:
    """Return the comparison in a few lines and lists."""
    parts = ['<div class="archreview comparison">', *(f"<p>{escape(text)}</p>" for text in sentences(comparison))]
    for status, heading in _HEADINGS.items():
        chosen = [standing for standing in comparison.standings if standing.status == status]
        if chosen:
            parts.append(f"<p><b>{heading}</b></p><ul>{''.join(map(_item, chosen[:_MOST]))}</ul>")
            if len(chosen) > _MOST:
                parts.append(f"<p>{len(chosen) - _MOST} more in <code>.findings</code></p>")
    changes = list(comparison.changes.itertuples(index=False))
    if changes:
        listed = "".join(f"<li>{escape(said_change(row))}</li>" for row in changes[:_MOST])
        parts.append(f"<p><b>Changed by more than chance</b></p><ul>{listed}</ul>")
        if len(changes) > _MOST:
            parts.append(f"<p>{len(changes) - _MOST} more in <code>.changes</code></p>")
    return "".join(parts) + "</div>"


def _item(standing: Standing) -> str:
    finding = standing.finding
    bar = f'<span aria-hidden="true">{SEVERITY_BARS[finding.severity]}</span>'
    return f"<li>{bar} {escape(finding.severity)}: {escape(plain(finding.title, _TITLE))}</li>"
