"""The JSON that scripts build on: members and their types, as the stable contract names them."""

from __future__ import annotations

from typing import Any

__all__ = ["CRITICAL_PATH", "FINDINGS", "GRAPH", "INSPECT", "Maybe", "OneOf", "differences"]


class OneOf(frozenset[str]):
    """A text out of a few."""


class Maybe:
    """A value of a shape, or null."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


NUMBER = (int, float)
FAMILY = OneOf({"chatty", "shared_data", "cascades", "boundaries", "observability"})
SEVERITY = OneOf({"info", "low", "medium", "high"})
REJECTED = {"reason": str, "count": int, "example": str}
TRUST = {
    "orphan_share": NUMBER,
    "skew_corrected_hosts": [dict],
    "sampled": bool,
    "compressed_spans": int,
    "attribute_coverage": dict,
}

FINDINGS = {
    "schema": OneOf({"archreview/findings/1"}),
    "inputs": [{"path": str, "format": str, "traces": int, "spans": int, "logs": int, "rejected": [REJECTED]}],
    "trust": TRUST,
    "assessments": [
        {
            "detector": str,
            "family": FAMILY,
            "outcome": OneOf({"found", "not_found", "not_assessable"}),
            "missing": [str],
            "findings": int,
        }
    ],
    "findings": [
        {
            "id": str,
            "detector": str,
            "family": FAMILY,
            "severity": SEVERITY,
            "confidence": NUMBER,
            "title": str,
            "summary": str,
            "services": [str],
            "subject": dict,
            "measures": dict,
            "limits": dict,
            "cost": {"total_ms": NUMBER},
            "saving": dict,
            "traces_seen": int,
            "traces_affected": int,
            "share": NUMBER,
            "exemplars": [
                {"trace_id": str, "span_ids": [str], "why": OneOf({"median", "worst", "recent"}), "url": str}
            ],
            "considered": [str],
            "remedy": str,
        }
    ],
    "scorecard": [
        {
            "service": str,
            "team": str,
            "chatty": str,
            "shared_data": str,
            "cascades": str,
            "boundaries": str,
            "observability": str,
            "findings": [str],
        }
    ],
    "teams": [
        {
            "team": str,
            "services": [str],
            "chatty": str,
            "shared_data": str,
            "cascades": str,
            "boundaries": str,
            "observability": str,
            "findings": [str],
        }
    ],
}
_INPUT = {
    "path": str,
    "format": str,
    "traces": int,
    "spans": int,
    "logs": int,
    "services": [str],
    "root_spans": int,
    "error_spans": int,
    "first": Maybe(str),
    "last": Maybe(str),
    "rejected": [REJECTED],
    "notes": [str],
}
INSPECT = {"schema": OneOf({"archreview/inspect/1"}), "inputs": [_INPUT], "totals": _INPUT, "trust": TRUST}
GRAPH = {
    "nodes": [
        {
            "id": str,
            "kind": OneOf({"service", "database", "cache", "queue", "external", "user"}),
            "team": Maybe(str),
            "spans": int,
        }
    ],
    "edges": [
        {
            "caller": str,
            "callee": str,
            "kind": OneOf({"sync", "async", "data"}),
            "calls": int,
            "errors": int,
            "traces": int,
            "p50_ms": Maybe(NUMBER),
            "p95_ms": Maybe(NUMBER),
            "p99_ms": Maybe(NUMBER),
            "exemplars": [dict],
        }
    ],
}
CRITICAL_PATH = {
    "traces": [
        {
            "trace_id": str,
            "sections": [{"span_id": str, "start_ns": int, "end_ns": int}],
            "spans": [{"span_id": str, "exclusive_ns": int, "drag_ns": int, "slack_ns": int}],
        }
    ],
    "operations": [{"service": Maybe(str), "operation": Maybe(str), "exclusive_ns": int, "traces": int}],
    "errors": [
        {
            "path": [str],
            "origins": int,
            "reached_root": int,
            "absorbed": int,
            "time_saved_ns": int,
            "asynchronous": int,
            "logged": int,
            "confidence": float,
        }
    ],
}


def differences(value: Any, shape: Any, where: str = "$") -> list[str]:
    """Return how a value differs from a shape, a sentence each; members beside those of a shape are allowed."""
    if isinstance(shape, Maybe):
        return [] if value is None else differences(value, shape.shape, where)
    if isinstance(shape, OneOf):
        return [] if value in shape else [f"{where} is {value!r}, none of {sorted(shape)}"]
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        missing = [f"{where}.{name} is missing" for name in shape if name not in value]
        known = [name for name in shape if name in value]
        return missing + [text for name in known for text in differences(value[name], shape[name], f"{where}.{name}")]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} is no array"]
        return [text for index, item in enumerate(value) for text in differences(item, shape[0], f"{where}[{index}]")]
    if isinstance(value, bool) and shape is not bool:
        return [f"{where} is a truth value"]
    return [] if isinstance(value, shape) else [f"{where} is {type(value).__name__}"]
