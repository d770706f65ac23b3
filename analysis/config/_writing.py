"""The configuration written down: a file to begin with, what is in force, and a schema for editors."""

from __future__ import annotations

import json
from typing import Any, Final

import yaml

from analysis import detectors
from analysis.config._model import Configuration
from analysis.config._shape import shape

__all__ = ["SCHEMA_FILE", "effective", "json_schema", "template"]

#: What the schema is called beside a `review.yml`, so that its first line finds it.
SCHEMA_FILE: Final = "review.schema.json"

_TEMPLATE: Final = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
#
# What this team changes about an architecture review. Everything has a default: take the # from what you need.
# In patterns * stands for any text and ? for any character; "!name" takes a name out again.
#   archreview config check          says what is wrong, with line and nearest key
#   archreview config show           says what is in force

# Limits and severities of detectors; `archreview detectors NAME` explains each.
#limits:
#  n_plus_one_queries:
#    repeats: 10
#severity:
#  hub_service: info
#  clock_skew: ignore

# What services are called, and which part they play.
#services:
#  aliases:
#    cart-v2: cart
#    "payments-*": payments
#  gateways: [edge, "bff-*", "!router"]
#  back_offices: [support-console]
#  exclude: [load-generator]

# Operations, or "service operation".
#operations:
#  batch: ["POST /imports", "billing nightly*"]
#  health_checks: ["GET /alive"]
#  exclude: ["GET /warmup"]

# Data stores that have several names.
#stores:
#  aliases:
#    pgbouncer:6432: db.internal

# Who owns what: Backstage's catalog-info.yaml or CSV, beside this file.
#catalogue: catalog-info.yaml

# Alerts that exist: rule files of Prometheus, folders or globs. What they watch is not proposed again.
#alerts: [alerts.yml, "rules/*.yml"]

# Where a trace can be opened: {{trace_id}}, {{span_id}}, {{start_ms}}, {{end_ms}}, {{trace_id_low}}.
#trace_url: https://tracing.example.org/trace/{{trace_id}}

# Reports show templates, never values. Names that are values themselves can be masked too.
#redaction:
#  patterns: ['\\bACME-\\d+\\b']

# Dependencies that may not be, or have to be.
#rules:
#  - forbid: {{from: "web-*", to: "postgresql://*"}}
#    reason: pages go through an interface
#  - require: {{from: checkout, to: fraud, kind: sync}}

# Findings that are known and accepted for a time: a file, or a list here.
#acknowledgements: acknowledged.yml
#   - finding: 0123456789abcdef
#     reason: the import is rewritten in March
#     owner: team-catalogue
#     expires: 2027-03-31
"""


def template() -> str:
    """Return a ``review.yml`` that changes nothing and shows everything."""
    return _TEMPLATE


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``review.yml``, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:archreview:{SCHEMA_FILE}",
        "title": "review.yml",
    } | shape().to_schema()


def effective(settings: Configuration) -> str:
    """Return what is in force as YAML: every limit, and all else that was said; it can be loaded again."""
    view, roles, redaction = settings.view, settings.roles, settings.redaction
    services = {
        "aliases": dict(view.services),
        "gateways": list(roles.gateways.patterns),
        "back_offices": list(roles.back_offices.patterns),
        "exclude": list(view.without_services.patterns),
    }
    operations = {
        "batch": list(roles.batch.patterns),
        "health_checks": list(roles.health_checks.patterns),
        "exclude": list(view.without_entries.patterns),
    }
    whole = {
        "severity": dict(settings.severity),
        "services": _said(services),
        "operations": _said(operations),
        "stores": _said({"aliases": dict(view.stores)}),
        "catalogue": settings.catalogue_path,
        "alerts": list(settings.alert_paths),
        "trace_url": settings.trace_url,
        "redaction": _said(
            {
                "show_values": redaction.show_values,
                "patterns": list(redaction.patterns),
                "dataset": redaction.dataset,
            }
        ),
        "rules": [_rule(rule) for rule in settings.rules],
        "acknowledgements": [vars(item) for item in settings.acknowledgements],
        "limits": {name: settings.limits_of(name) for name in detectors.discover()},
    }
    # Through JSON, so that equal lists are written out each and not as references to one.
    plain = json.loads(json.dumps(_said(whole)))
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120))


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _rule(rule: Any) -> dict[str, Any]:
    edge = {"from": rule.caller, "to": rule.callee, "kind": rule.kind}
    return {"forbid" if rule.forbids else "require": edge} | _said({"reason": rule.reason})
