"""What the logs of a system are worth as evidence: by service, and by what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from analysis.log_patterns import group_templates

__all__ = ["SEVERITIES", "logs_by_service", "measures", "patterns"]

#: From the gravest to the mildest; the empty text stands for records that do not say.
SEVERITIES: Final = ("fatal", "error", "warn", "info", "debug", "trace", "")
_COUNTS: Final = ["lines", "structured", "named", "joined", "by_request"]


def logs_by_service(facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what each service's log records are like.

    Parameters
    ----------
    facts
        The merged facts ``log_lines`` and ``log_templates``.

    Returns
    -------
    DataFrame
        Indexed by service: ``lines`` (records), ``structured_share``, ``named_share`` (those naming a trace),
        ``joined_share`` (those whose trace has spans in the export), ``by_request_share`` (those that name no trace and
        whose request id the spans of one trace carry), each 0..1, ``templates`` (distinct, grouped by
        :func:`analysis.log_patterns.group_templates`), and a count for each severity, ``unknown`` last.
    """
    lines = facts["log_lines"]
    total = lines.groupby("service", sort=True)[_COUNTS].sum()
    found = pd.DataFrame({"lines": total["lines"]}, index=total.index)
    for name in _COUNTS[1:]:
        found[f"{name}_share"] = (total[name] / total["lines"]).round(6)
    grouped = patterns(facts)
    found["templates"] = grouped.groupby("service")["template"].nunique().reindex(found.index, fill_value=0)
    by_severity = lines.pivot_table(index="service", columns="severity", values="lines", aggfunc="sum", fill_value=0)
    for severity in SEVERITIES:
        counts = by_severity[severity] if severity in by_severity else pd.Series(0, index=found.index)
        found[severity or "unknown"] = counts.reindex(found.index, fill_value=0).astype("int64")
    return found


def patterns(facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what the services log, most frequent first.

    Parameters
    ----------
    facts
        The merged fact ``log_templates``.

    Returns
    -------
    DataFrame
        ``service``, ``severity``, ``template`` (values replaced, words that vary as ``<*>``), ``lines`` and of these
        ``named`` and ``joined`` (records).
    """
    table = facts["log_templates"]
    of = group_templates(table["template"])
    grouped = table.assign(template=table["template"].map(of))
    keys = ["service", "severity", "template"]
    summed = grouped.groupby(keys, sort=True)[["lines", "named", "joined"]].sum().reset_index()
    return summed.sort_values(["lines", *keys], ascending=[False, True, True, True], ignore_index=True)


def measures(facts: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what the trust report says of logs; shares are None where there is no record to form them of.

    Parameters
    ----------
    facts
        The merged facts, ``log_lines`` among them where logs are to be told of.
    """
    lines = facts.get("log_lines")
    if lines is None:
        return {}
    total = {name: int(lines[name].sum()) for name in (*_COUNTS, "timeless")}
    by_severity = lines.groupby("severity")["lines"].sum()
    return {
        "records": total["lines"],
        "correlation_share": _share(total["named"], total["lines"]),
        "join_share": _share(total["joined"], total["named"]),
        "request_id_share": _share(total["by_request"], total["lines"]),
        "structured_share": _share(total["structured"], total["lines"]),
        "without_time": total["timeless"],
        "severities": {
            severity or "unknown": int(by_severity[severity]) for severity in SEVERITIES if severity in by_severity
        },
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
