"""Alert rules for Prometheus, from the objectives that a review proposes.

The rules ask the span metrics that the OpenTelemetry Collector derives from traces (``spanmetrics`` connector). For
each objective the ratios over the windows are recorded once, and the alerts compare them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import pandas as pd
import yaml

from analysis.detectors.observability._objectives import BURN_RATES
from analysis.findings import Finding

__all__ = ["alert_rules", "objectives", "rules_text"]

CALLS: Final = "traces_span_metrics_calls_total"
BUCKETS: Final = "traces_span_metrics_duration_milliseconds_bucket"
DURATIONS: Final = "traces_span_metrics_duration_milliseconds_count"
_DETECTOR: Final = "absent_alert_threshold"
_HEAD: Final = """\
# Alert rules proposed by an architecture review, on the objectives that each entry operation has kept in the export.
# They ask the span metrics of the OpenTelemetry Collector (spanmetrics connector); where yours are called otherwise,
# replace traces_span_metrics_... throughout. Check with: promtool check rules FILE
"""
#: What stands for values in the name of an operation.
_VARIABLE: Final = re.compile(r"\{[^{}]*\}|<[^<>]*>")
_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_COLUMNS: Final = (
    "service",
    "operation",
    "objective",
    "target",
    "threshold_ms",
    "observed",
    "requests",
    *(f"{alert.name}_alerts" for alert in BURN_RATES),
)


class Reviewed(Protocol):
    """A review, or anything with its findings."""

    @property
    def finding_objects(self) -> tuple[Finding, ...]:
        """The findings, worst first."""


def objectives(result: Reviewed) -> pd.DataFrame:
    """List the objectives that a review proposes.

    Parameters
    ----------
    result
        A review.

    Returns
    -------
    pandas.DataFrame
        One row for each ``service``, ``operation`` and ``objective`` (availability or latency), in this order:
        ``target`` (0..1), ``threshold_ms`` (of a latency, else 0), ``observed`` (0..1), ``requests``, and how often the
        alerts would have fired: ``fast_alerts``, ``slow_alerts``, ``creeping_alerts``.
    """
    rows = []
    for finding in _proposals(result):
        for proposed in finding.measures["objectives"]:
            fired = {f"{name}_alerts": count for name, count in proposed["would_have_fired"].items()}
            rows.append(
                {
                    "service": finding.subject["entry_service"],
                    "operation": finding.subject["entry_operation"],
                    "objective": proposed["kind"],
                    "requests": finding.measures["requests"],
                    **{name: proposed[name] for name in ("target", "threshold_ms", "observed")},
                    **fired,
                }
            )
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def alert_rules(result: Reviewed) -> dict[str, Any]:
    """Return the alert rules that a review proposes, as the content of a Prometheus rule file.

    Parameters
    ----------
    result
        A review.

    Returns
    -------
    dict
        ``groups``: one for each entry operation and objective, with the ratios that are recorded and the alerts. Each
        group is named after what it watches; groups are sorted by service and operation.
    """
    groups = []
    for finding in _proposals(result):
        least = int(finding.limits["requests"])
        subject = (str(finding.subject["entry_service"]), str(finding.subject["entry_operation"]))
        kinds = finding.measures["entry_kinds"]
        groups += [_group(*subject, proposed, kinds, least) for proposed in finding.measures["objectives"]]
    return {"groups": groups}


def rules_text(result: Reviewed) -> str:
    """Return the alert rules as YAML, ready for ``promtool check rules`` and for Prometheus."""
    text = yaml.safe_dump(alert_rules(result), sort_keys=False, allow_unicode=True, width=1_000_000)
    return _HEAD + text


def _proposals(result: Reviewed) -> list[Finding]:
    found = [finding for finding in result.finding_objects if finding.detector == _DETECTOR]
    return sorted(found, key=lambda finding: (finding.subject["entry_service"], finding.subject["entry_operation"]))


def _group(
    service: str, operation: str, proposed: Mapping[str, Any], kinds: Iterable[str], least: int
) -> dict[str, Any]:
    kind, target = str(proposed["kind"]), float(proposed["target"])
    labels = {"slo_service": service, "slo_operation": operation, "slo": kind}
    windows = sorted({window for alert in BURN_RATES for window in (alert.long_minutes, alert.short_minutes)})
    spans = _selector(service, operation, kinds)
    rules: list[dict[str, Any]] = [
        {
            "record": f"slo:bad:ratio_rate{_length(window)}",
            "expr": _bad(spans, proposed, window),
            "labels": dict(labels),
        }
        for window in windows
    ]
    longest = sorted({alert.long_minutes for alert in BURN_RATES})
    rules += [
        {
            "record": f"slo:requests:increase{_length(window)}",
            "expr": f"sum(increase({CALLS}{{{spans}}}[{_length(window)}]))",
            "labels": dict(labels),
        }
        for window in longest
    ]
    rules += [_alert(kind, target, labels, alert, least) for alert in BURN_RATES if alert.factor * (1 - target) < 1]
    return {"name": f"{kind} of {operation} ({service})", "rules": rules}


def _alert(kind: str, target: float, labels: Mapping[str, str], alert: Any, least: int) -> dict[str, Any]:
    matched = ",".join(f"{name}={_quoted(value)}" for name, value in labels.items())
    long, short = _length(alert.long_minutes), _length(alert.short_minutes)
    limit = f"{alert.factor:g} * {round(1 - target, 6):g}"
    return {
        "alert": f"{kind.capitalize()}Burns{alert.name.capitalize()}",
        "expr": (
            f"slo:bad:ratio_rate{long}{{{matched}}} > ({limit}) and slo:bad:ratio_rate{short}{{{matched}}} > ({limit}) "
            f"and slo:requests:increase{long}{{{matched}}} >= {least}"
        ),
        # The series bring these labels already; named here, they tell alerts apart, as promtool asks.
        "labels": {name: _untemplated(value) for name, value in labels.items()}
        | {"severity": alert.severity, "burn": alert.name},
        # Names stand in labels only: here they would be read as a template.
        "annotations": {
            "summary": f"{{{{ $labels.slo_operation }}}} of {{{{ $labels.slo_service }}}}: {kind} burns its budget",
            "description": (
                f"{{{{ $value | humanizePercentage }}}} of the requests of the last {long} were bad; the objective of "
                f"{target * 100:g} % allows {round(1 - target, 6) * 100:g} %."
            ),
        },
    }


def _bad(spans: str, proposed: Mapping[str, Any], window: int) -> str:
    """Return the share of bad requests over a window; nothing where there were no requests."""
    length = _length(window)
    whole = f"sum(rate({CALLS}{{{spans}}}[{length}]))"
    if proposed["kind"] == "availability":
        failed = f'sum(rate({CALLS}{{{spans},status_code="STATUS_CODE_ERROR"}}[{length}]))'
        # Without a failed request there is no such series.
        return f"({failed} or 0 * {whole}) / {whole}"
    # Prometheus 3 writes the bound of a bucket as a float, earlier ones as it came.
    bound = _quoted(rf"{proposed['threshold_ms']:g}(\.0)?")
    within = f"sum(rate({BUCKETS}{{{spans},le=~{bound}}}[{length}]))"
    return f"1 - {within} / sum(rate({DURATIONS}{{{spans}}}[{length}]))"


def _selector(service: str, operation: str, kinds: Iterable[str]) -> str:
    """Return the matchers of the spans of an entry operation; what stands for values matches any."""
    parts = [f"service_name={_quoted(service)}"]
    if _VARIABLE.search(operation):
        places = _VARIABLE.split(operation)
        parts.append(f"span_name=~{_quoted('[^/ ]+'.join(_SPECIAL.sub(_escaped, part) for part in places))}")
    else:
        parts.append(f"span_name={_quoted(operation)}")
    named = sorted(f"SPAN_KIND_{kind.upper()}" for kind in kinds)
    parts.append(f"span_kind=~{_quoted('|'.join(named))}")
    return ",".join(parts)


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match.group()}"


def _quoted(text: str) -> str:
    """Return a text as a string of PromQL, which are those of Go: JSON's escapes are among them."""
    return json.dumps(text, ensure_ascii=False)


def _untemplated(text: str) -> str:
    """Return a text that Prometheus, which reads labels of alerts as templates, shows as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _length(minutes: int) -> str:
    for size, unit in ((1_440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
