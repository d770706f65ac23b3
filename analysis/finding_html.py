"""How a finding displays itself in a notebook and in the report: HTML, everything from telemetry escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final

from analysis._wording import counted, duration, percent, plain

if TYPE_CHECKING:
    from analysis.findings import Finding

__all__ = ["SEVERITY_BARS", "measured", "said", "section"]

#: Severity is told by word and by the height of the bar beside it, not by colour alone.
SEVERITY_BARS: Final = {"info": "▁", "low": "▃", "medium": "▅", "high": "█"}
_TITLE: Final = 300
_SENTENCES: Final = 2000


def section(finding: Finding) -> str:
    """Return one finding as HTML: claim, cost, evidence, counter-evidence, remedy."""
    considered = "".join(f"<li>{_shown(sentence)}</li>" for sentence in finding.considered)
    traces = ", ".join(f"{_shown(item.why)} <code>{_shown(item.trace_id)}</code>" for item in finding.exemplars)
    bar = f'<span aria-hidden="true">{SEVERITY_BARS[finding.severity]}</span>'
    parts = [
        f'<section class="finding {escape(finding.severity)}" id="finding-{escape(finding.id)}">',
        f'<h3>{bar} <span class="severity">{escape(finding.severity)}</span> {_shown(finding.title, _TITLE)}</h3>',
        f"<p>{_shown(finding.summary)}</p>",
        f"<p><b>What to do.</b> {_shown(finding.remedy)}</p>",
        '<dl class="evidence">',
        f"<dt>Cost</dt><dd>{_listed(measured(finding.cost)) or 'none measured'}</dd>",
        f"<dt>Saving</dt><dd>{_listed(finding.saving) or 'not estimated'}</dd>",
        f"<dt>Seen in</dt><dd>{finding.traces_affected:,} of {counted(finding.traces_seen, 'trace')}</dd>",
        f"<dt>Confidence</dt><dd>{percent(finding.confidence)}</dd>",
        f"<dt>Exemplars</dt><dd>{traces or 'none'}</dd>",
        f"<dt>Looked at against it</dt><dd><ul>{considered}</ul></dd>" if considered else "",
        f"<dt>Judged by</dt><dd><code>{escape(finding.detector)}</code>, limits {_listed(finding.limits)}</dd>",
        "</dl></section>",
    ]
    return "".join(parts)


def measured(cost: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a cost that cost something: what is zero by every measure costs nothing that was seen."""
    return {name: value for name, value in cost.items() if value}


def _shown(text: str, longest: int = _SENTENCES) -> str:
    return escape(plain(text, longest))


def _listed(numbers: Mapping[str, Any]) -> str:
    return "; ".join(f"{words} <b>{number}</b>" for words, number in map(_escaped, numbers.items()))


def _escaped(item: tuple[str, object]) -> tuple[str, str]:
    words, number = said(*item)
    return escape(words), escape(number)


def said(name: str, value: object) -> tuple[str, str]:
    """Put a number into words: times and shares with their unit, percentiles behind what they are of.

    Parameters
    ----------
    name, value
        A member of a finding's cost, saving, measures or limits.

    Returns
    -------
    tuple of str
        What it is, and its value; not escaped.
    """
    words, shown = name, _number(value)
    for percentile in ("p50", "p95", "p99"):
        if words.endswith(f"_{percentile}"):
            words = f"{words.removesuffix(f'_{percentile}')} {percentile}"
    if "_ms" in words and isinstance(value, int | float) and not isinstance(value, bool):
        words, shown = words.replace("_ms", ""), duration(value)
    elif isinstance(value, float) and ("share" in name or name in ("probability", "coverage")):
        shown = percent(value)
    return plain(words.replace("_", " ")), shown


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if abs(value) >= 100 else f"{value:,.3g}"
