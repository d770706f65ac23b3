"""How a finding displays itself in a notebook and in the report: HTML, everything from telemetry escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from analysis.findings import Finding

__all__ = ["SEVERITY_BARS", "section"]

#: Severity is told by word and by the height of the bar beside it, not by colour alone.
SEVERITY_BARS: Final = {"info": "▁", "low": "▃", "medium": "▅", "high": "█"}


def section(finding: Finding) -> str:
    """Return one finding as HTML: claim, cost, evidence, counter-evidence, remedy."""
    considered = "".join(f"<li>{escape(sentence)}</li>" for sentence in finding.considered)
    traces = ", ".join(f"{escape(item.why)} <code>{escape(item.trace_id)}</code>" for item in finding.exemplars)
    bar = f'<span aria-hidden="true">{SEVERITY_BARS[finding.severity]}</span>'
    parts = [
        f'<section class="finding {escape(finding.severity)}" id="finding-{escape(finding.id)}">',
        f'<h3>{bar} <span class="severity">{escape(finding.severity)}</span> {escape(finding.title)}</h3>',
        f"<p>{escape(finding.summary)}</p>",
        f"<p><b>What to do.</b> {escape(finding.remedy)}</p>",
        '<dl class="evidence">',
        f"<dt>Cost</dt><dd>{_listed(finding.cost) or 'none measured'}</dd>",
        f"<dt>Saving</dt><dd>{_listed(finding.saving) or 'not estimated'}</dd>",
        f"<dt>Seen in</dt><dd>{finding.traces_affected:,} of {finding.traces_seen:,} traces</dd>",
        f"<dt>Confidence</dt><dd>{finding.confidence:.0%}</dd>",
        f"<dt>Exemplars</dt><dd>{traces or 'none'}</dd>",
        f"<dt>Looked at against it</dt><dd><ul>{considered}</ul></dd>" if considered else "",
        f"<dt>Judged by</dt><dd><code>{escape(finding.detector)}</code>, limits {_listed(finding.limits)}</dd>",
        "</dl></section>",
    ]
    return "".join(parts)


def _listed(numbers: Mapping[str, Any]) -> str:
    return "; ".join(f"{escape(name.replace('_', ' '))} <b>{_number(value)}</b>" for name, value in numbers.items())


def _number(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) else escape(str(value))
