"""Cases of detectors, told as short stories in YAML and turned into real exports.

A file ``tests/cases/<family>/<anti_pattern>.yml`` holds stories by name: ``fires_…``, ``silent_…``, one exactly at the
limit (``…_at_the_limit``), and ``not_assessable_…``. A story is::

    fires_on_a_lazy_loaded_relation:
      why: one sentence for the reader
      traces: 30                       # how many; `{n}` in a text is the number of the trace, `{i}` of the repetition
      spans:
        - {is: root, service: web, name: GET /orders, kind: server, ms: 200, attributes: {http.route: /orders}}
        - {is: query, under: root, service: web, name: SELECT, kind: client, at: 10, ms: 12, times: 6,
           attributes: {db.system.name: postgresql, db.query.text: "SELECT * FROM item WHERE order_id = {n}{i}"}}
      also: [{traces: 5, spans: […]}]  # further groups of traces, with their own spans
      limits: {repeats: 5}             # limits of this detector that differ
      config: {rules: […]}             # further sections of review.yml
      edges_before: [[a, b, sync]]     # dependencies of the review compared with
      catalogue: {cart: checkout}      # team of each service, where a catalogue is given
      alert_rules: [{alert: …}]        # rules of a Prometheus file, where one is given
      expect:
        outcome: found
        findings:                      # all of them, worst first; members not named are not compared
          - {severity: high, services: [web], subject: {…}, measures: {calls_per_trace_p95: 6}, exemplar_spans: 6}
        suppressed: [told as …]        # each occurs in a sentence of what was left to others; `missing` likewise

Of a span: ``at`` is its start in ms after its parent's (default 0), ``ms`` its duration, ``times`` repeats it, a
repetition starting ``every`` ms after the one before (default: one after the other), and each repetition has children
of its own. ``share: 0.5`` puts it into the first half of the traces only. ``status: error`` fails it, ``orphan: true``
names a parent that is not there, ``event`` is an exception's type, ``resource`` adds resource attributes, ``links``
names spans of the same trace, ``state`` is the tracestate. ``logs`` are records beside them: ``service``, ``at``,
``body``, ``severity``, ``attributes``, the number of the ``span`` that they name; ``traced: false`` names no trace. The
story becomes OTLP JSON and is read, reviewed and
judged like any export.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from analysis.findings import Assessment

CASES = Path(__file__).parent.parent / "cases"
KINDS = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
EPOCH_NS = 1_767_225_600_000_000_000
TRACE_EVERY_NS = 2_000_000_000


def stories() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield detector, name and story of every case."""
    for path in sorted(CASES.glob("*/*.yml")):
        # libyaml takes a seventh of the time.
        for name, story in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).items():
            yield path.stem, name, story


def export(story: Mapping[str, Any], path: Path) -> Path:
    """Write a story as OTLP JSON lines, a trace a line."""
    lines = []
    number = 0
    for group in [story, *story.get("also", [])]:
        for index in range(group.get("traces", 1)):
            spans = list(_spans(group, number, index))
            logs = list(_logs(group, number, index))
            lines.append(json.dumps({"resourceSpans": spans}))
            if logs:
                lines.append(json.dumps({"resourceLogs": logs}))
            number += 1
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def settings(story: Mapping[str, Any], detector: str, folder: Path) -> dict[str, Any]:
    """Return the configuration that a story is reviewed with; its catalogue and rules are written to a folder."""
    found: dict[str, Any] = {"limits": {detector: story.get("limits", {})}, **story.get("config", {})}
    if "catalogue" in story:
        path = folder / "teams.csv"
        rows = "".join(f"{service},{team}\n" for service, team in story["catalogue"].items())
        path.write_text(f"service,team\n{rows}", encoding="utf-8")
        found["catalogue"] = str(path)
    if "alert_rules" in story:
        rules = folder / "rules.yml"
        rules.write_text(json.dumps({"groups": [{"name": "own", "rules": story["alert_rules"]}]}), encoding="utf-8")
        found["alerts"] = str(rules)
    return found


def differences(assessment: Assessment, expected: Mapping[str, Any]) -> list[str]:
    """Return how an answer differs from what a story expects, a sentence each."""
    wrong = []
    if assessment.outcome != expected["outcome"]:
        wrong.append(f"outcome is {assessment.outcome}, not {expected['outcome']} (missing: {assessment.missing})")
    wrong += [
        f"{text!r} is not among what is missing: {assessment.missing}"
        for text in expected.get("missing", [])
        if not any(text in item for item in assessment.missing)
    ]
    wrong += [
        f"{text!r} is not among what was suppressed: {assessment.suppressed}"
        for text in expected.get("suppressed", [])
        if not any(text in item for item in assessment.suppressed)
    ]
    if "findings" in expected:
        found = sorted(assessment.findings, key=lambda item: (item.services, item.id))
        wanted = expected["findings"]
        if len(found) != len(wanted):
            wrong.append(f"{len(found)} findings, not {len(wanted)}: {[item.title for item in found]}")
        unmatched = list(found)
        for item in wanted:
            scored = sorted(
                ((_compare(finding.to_json(), item), finding) for finding in unmatched), key=lambda pair: len(pair[0])
            )
            if scored:
                wrong += scored[0][0]
                unmatched.remove(scored[0][1])
    return wrong


def fits(finding: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Tell whether all that a story says of a finding holds."""
    return not _compare(finding, expected)


def _compare(finding: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    wrong = []
    for name, value in expected.items():
        if name == "exemplar_spans":
            counts = [len(example["span_ids"]) for example in finding["exemplars"]]
            if not counts or counts[0] != value:
                wrong.append(f"exemplars hold {counts} spans, not {value}")
        elif name == "considered":
            wrong += [
                f"{text!r} was not considered: {finding['considered']}"
                for text in value
                if not any(text in sentence for sentence in finding["considered"])
            ]
        elif isinstance(value, Mapping):
            wrong += [
                f"{name}.{key} is {finding[name].get(key)!r}, not {item!r}"
                for key, item in value.items()
                if not _same(finding[name].get(key), item)
            ]
        elif not _same(finding[name], value):
            wrong.append(f"{name} is {finding[name]!r}, not {value!r}")
    return wrong


def _same(found: Any, expected: Any) -> bool:
    """Compare; numbers may differ by 1 %, which is what the histograms keep."""
    if isinstance(expected, int | float) and not isinstance(expected, bool) and isinstance(found, int | float):
        return abs(found - expected) <= 0.01 * max(abs(expected), 1e-9)
    return bool(found == expected)


def _spans(group: Mapping[str, Any], number: int, index: int) -> Iterator[dict[str, Any]]:
    trace_id = f"{number + 1:032x}"
    placed: dict[str, list[tuple[int, int]]] = {}
    next_id = 1
    for span in group["spans"]:
        if index >= span.get("share", 1.0) * group.get("traces", 1):
            continue
        parents: list[tuple[int | None, int]] = [(None, EPOCH_NS + number * TRACE_EVERY_NS)]
        if "under" in span:
            parents = list(placed.get(span["under"], []))
        for parent, start in parents:
            for repeat in range(span.get("times", 1)):
                every = span.get("every", span["ms"])
                begin = start + int((span.get("at", 0) + repeat * every) * 1e6)
                placed.setdefault(span["is"], []).append((next_id, begin))
                yield _resource_span(span, trace_id, next_id, parent, begin, number, repeat, placed)
                next_id += 1


def _resource_span(
    span: Mapping[str, Any],
    trace_id: str,
    span_id: int,
    parent: int | None,
    begin: int,
    number: int,
    repeat: int,
    placed: Mapping[str, list[tuple[int, int]]],
) -> dict[str, Any]:
    def said(text: Any) -> Any:
        return text.replace("{n}", str(number)).replace("{i}", str(repeat)) if isinstance(text, str) else text

    written: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": f"{span_id:016x}",
        "name": said(span["name"]),
        "kind": KINDS[span.get("kind", "internal")],
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + int(span["ms"] * 1e6)),
        "attributes": [_attribute(key, said(value)) for key, value in span.get("attributes", {}).items()],
    }
    if parent is not None:
        written["parentSpanId"] = f"{parent:016x}"
    if span.get("orphan"):
        written["parentSpanId"] = "00000000deadbeef"
    if span.get("status") == "error":
        written["status"] = {"code": 2}
    if "event" in span:
        attributes = [_attribute("exception.type", span["event"])]
        written["events"] = [{"timeUnixNano": str(begin), "name": "exception", "attributes": attributes}]
    if "state" in span:
        written["traceState"] = span["state"]
    if "links" in span:
        written["links"] = [{"traceId": trace_id, "spanId": f"{placed[name][0][0]:016x}"} for name in span["links"]]
    resource = dict(span.get("resource", {}))
    if span.get("service") is not None:
        resource["service.name"] = span["service"]
    return {
        "resource": {"attributes": [_attribute(key, said(value)) for key, value in resource.items()]},
        "scopeSpans": [{"scope": {"name": span.get("scope", "")}, "spans": [written]}],
    }


def _logs(group: Mapping[str, Any], number: int, index: int) -> Iterator[dict[str, Any]]:
    for log in group.get("logs", []):
        if index >= log.get("share", 1.0) * group.get("traces", 1):
            continue
        record = {
            "timeUnixNano": str(EPOCH_NS + number * TRACE_EVERY_NS + int(log.get("at", 0) * 1e6)),
            "severityText": log.get("severity", "INFO"),
            "body": {"stringValue": log["body"].replace("{n}", str(number))},
        }
        if log.get("traced", True):
            record["traceId"] = f"{number + 1:032x}"
        if "span" in log:
            record["spanId"] = f"{log['span']:016x}"
        if "attributes" in log:
            said = {key: str(value).replace("{n}", str(number)) for key, value in log["attributes"].items()}
            record["attributes"] = [_attribute(key, value) for key, value in said.items()]
        yield {
            "resource": {"attributes": [_attribute("service.name", log["service"])]},
            "scopeLogs": [{"scope": {}, "logRecords": [record]}],
        }


def _attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": value}}
