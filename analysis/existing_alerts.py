"""Alerts that exist already: rule files of Prometheus, and which operations each of their alerts watches.

Read are rule files (``groups``), Kubernetes' ``PrometheusRule`` (``spec.groups``) and Grafana's provisioned alerts.
What an alert watches is told by the matchers of its expression: a label that names a service, or an operation.
A series that a rule of the files records stands for what that rule asks. An alert on requests that names no service
watches all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from analysis._promql import Matcher, Selector, plain_text, selectors
from analysis._yaml_documents import documents_of

__all__ = ["Alert", "AlertFileError", "Alerts", "read_alerts"]

_SUFFIXES: Final = (".yml", ".yaml", ".rules", ".json")
#: Labels by which metrics name a service, in the order of trust: the last ones name where it runs.
_SERVICES: Final = frozenset(
    [
        "service_name",
        "service",
        "exported_service",
        "slo_service",
        "sloth_service",
        "application",
        "app",
        "component",
        "job",
        "destination_service",
        "destination_service_name",
        "destination_workload",
        "destination_app",
        "destination_canonical_service",
        "deployment",
        "workload",
        "container",
        "server_name",
    ]
)
_OPERATIONS: Final = frozenset(
    [
        "span_name",
        "operation",
        "operation_name",
        "slo_operation",
        "http_route",
        "http_target",
        "route",
        "uri",
        "path",
        "handler",
        "endpoint",
        "url",
        "url_path",
        "rpc_method",
        "grpc_method",
        "resource",
        "resource_name",
        "transaction_name",
        "request_path",
    ]
)
_VERBS: Final = frozenset({"method", "http_method", "http_request_method", "request_method", "verb"})
#: Words in the names of metrics that count or time requests; of metrics that name a service besides, others too.
_OF_REQUESTS: Final = re.compile(r"request|calls|latenc|http|grpc|rpc|span|slo|sli|transaction")
_OF_A_SERVICE: Final = re.compile(rf"{_OF_REQUESTS.pattern}|duration|response|error|fail|availab")
#: What exporters tell of machines, processes and stores.
_OF_MACHINES: Final = re.compile(
    r"(?:alertmanager|apiserver|blackbox|container|coredns|etcd|go|jvm|kafka|kube|kubelet|machine|mongodb|mysql|node|pg"
    r"|postgres|process|prometheus|python|rabbitmq|redis|scrape|windows)_|up$|ALERTS"
)
_GLOB: Final = re.compile(r"[*?\[]")
_STATUS: Final = frozenset(
    [
        "code",
        "status",
        "status_code",
        "http_status",
        "http_status_code",
        "http_response_status_code",
        "response_code",
        "grpc_code",
        "grpc_status",
        "rpc_grpc_status_code",
        "outcome",
        "error",
        "result",
    ]
)
_OF_TIME: Final = re.compile(r"latenc|duration|slow|quantile|apdex|_p\d\d")
_PLACE: Final = re.compile(r"\{[^{}]*\}|<[^<>]*>|(?<=/):\w+")
_METHOD: Final = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|QUERY) (?=/)")
#: Recording rules that are followed from one to the next, at most.
_DEEPEST: Final = 8


class AlertFileError(ValueError):
    """The rule files cannot be used; the message names the file, the line and the remedy."""


@dataclass(frozen=True)
class Alert:
    """An alert that exists.

    Attributes
    ----------
    name
        As its rule calls it.
    file
        Name of its file.
    expression
        What it asks.
    """

    name: str
    file: str
    expression: str


@dataclass(frozen=True)
class Alerts:
    """What is known of alerts beside the telemetry.

    Attributes
    ----------
    alerts
        In the order of files and rules.
    recorded
        By the name of a recorded series: what is asked for it, with the labels that are put on it.
    """

    alerts: tuple[Alert, ...] = ()
    recorded: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.alerts)

    def watching(self, service: str, operation: str) -> tuple[Alert, ...]:
        """Return the alerts that watch an operation of a service."""
        return tuple(
            alert
            for alert, asked in zip(self.alerts, self._asked, strict=True)
            if any(_watches(selector, service, operation) for selector in asked)
        )

    def kinds(self, service: str, operation: str) -> tuple[str, ...]:
        """Return which of availability and latency of an operation is watched."""
        asked = {selector for several in self._asked for selector in several}
        return tuple(sorted({_kind(selector) for selector in asked if _watches(selector, service, operation)}))

    @cached_property
    def _asked(self) -> tuple[tuple[Selector, ...], ...]:
        return tuple(tuple(self._followed(alert.expression, ())) for alert in self.alerts)

    def _followed(self, expression: str, before: tuple[str, ...]) -> Iterator[Selector]:
        """Give the selectors of an expression; those of recorded series with what these are recorded from."""
        for selector in selectors(expression):
            rules = self._rules.get(selector.metric, ())
            if not rules or selector.metric in before or len(before) >= _DEEPEST:
                yield selector
                continue
            for asked, labels in rules:
                own = {matcher.label: matcher for matcher in selector.matchers}
                # A rule of which the alert asks for other labels is not meant.
                if all(own[label].holds(value) for label, value in labels if label in own):
                    put = tuple(Matcher(label, "=", value) for label, value in labels)
                    for inner in self._followed(asked, (*before, selector.metric)):
                        yield Selector(inner.metric, (*inner.matchers, *selector.matchers, *put))

    @cached_property
    def _rules(self) -> dict[str, list[tuple[str, tuple[tuple[str, str], ...]]]]:
        found: dict[str, list[tuple[str, tuple[tuple[str, str], ...]]]] = {}
        for name, asked, labels in self.recorded:
            found.setdefault(name, []).append((asked, labels))
        return found


def read_alerts(sources: Sequence[str | Path], folder: Path = Path()) -> Alerts:
    """Read rule files.

    Parameters
    ----------
    sources
        Files, folders or globs.
    folder
        Where those that are not absolute are looked for.

    Raises
    ------
    AlertFileError
        If one cannot be read, is no rule file, or matches nothing.
    """
    alerts: list[Alert] = []
    recorded: list[tuple[str, str, tuple[tuple[str, str], ...]]] = []
    for path in dict.fromkeys(file for source in sources for file in _files(folder / source)):
        for where, rule in _rules_of(path):
            expression = _expression(rule)
            if not expression:
                message = f"{where}: a rule without an expression (expr)"
                raise AlertFileError(message)
            if "record" in rule:
                labels = tuple(sorted((str(key), str(value)) for key, value in _mapping(rule.get("labels")).items()))
                recorded.append((str(rule["record"]), expression, labels))
            else:
                alerts.append(Alert(str(rule.get("alert") or rule.get("title") or "an alert"), path.name, expression))
    return Alerts(tuple(alerts), tuple(recorded))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file())
    elif _GLOB.search(str(path)):
        top = Path(path.anchor)
        found = sorted(file for file in top.glob(str(path.relative_to(top))) if file.is_file())
    else:
        return [path]
    if not found:
        message = f"{path} holds no rule file: name a file, a folder with {', '.join(_SUFFIXES)}, or a glob"
        raise AlertFileError(message)
    return found


def _rules_of(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the rules of a file, each with where it stands."""
    for line, content in documents_of(path, "rule file", AlertFileError):
        document = _mapping(content)
        within = _mapping(document.get("spec")) if "groups" not in document else document
        groups = within.get("groups")
        if not isinstance(groups, list):
            message = f"{path}, line {line}: expected groups of rules, as Prometheus has them"
            raise AlertFileError(message)
        for group in groups:
            rules = _mapping(group).get("rules")
            for number, rule in enumerate(rules if isinstance(rules, list) else [], 1):
                where = f"{path}, group {str(_mapping(group).get('name', ''))[:80]!r}, rule {number}"
                if not isinstance(rule, Mapping) or not {"alert", "record", "title"} & set(rule):
                    message = f"{where}: expected a rule with alert or record"
                    raise AlertFileError(message)
                yield where, rule


def _expression(rule: Mapping[str, Any]) -> str:
    """Return what a rule asks; of Grafana's alerts what their queries ask together."""
    if rule.get("expr") is not None:
        return str(rule["expr"])
    data = rule.get("data")
    models = [_mapping(_mapping(query).get("model")).get("expr") for query in data] if isinstance(data, list) else []
    return " or ".join(str(asked) for asked in models if isinstance(asked, str))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _watches(selector: Selector, service: str, operation: str) -> bool:
    """Tell whether a selector takes in the requests of an operation."""
    services = [matcher for matcher in selector.matchers if matcher.label in _SERVICES]
    operations = [matcher for matcher in selector.matchers if matcher.label in _OPERATIONS]
    words = _OF_A_SERVICE if any(not matcher.excludes for matcher in services) else _OF_REQUESTS
    if _OF_MACHINES.match(selector.metric) or not (operations or words.search(selector.metric.lower())):
        return False
    verb = _METHOD.match(operation)
    verbs = [matcher for matcher in selector.matchers if matcher.label in _VERBS]
    if verb and any(not matcher.holds(verb[1]) and not matcher.holds(verb[1].lower()) for matcher in verbs):
        return False
    return all(_any_holds(matcher, (service,)) for matcher in services) and all(
        _any_holds(matcher, _operation_names(operation)) for matcher in operations
    )


def _kind(selector: Selector) -> str:
    labels = {matcher.label for matcher in selector.matchers}
    if selector.metric.endswith("_bucket") or "quantile" in labels:
        return "latency"
    # The counts of a histogram of durations count requests.
    counts = labels & _STATUS or selector.metric.endswith(("_count", "_total"))
    return "latency" if _OF_TIME.search(selector.metric.lower()) and not counts else "availability"


def _any_holds(matcher: Matcher, names: Sequence[str]) -> bool:
    """Tell whether a matcher holds for one of the names of a thing; one that excludes must exclude none."""
    if matcher.excludes:
        return all(matcher.holds(name) for name in names)
    value = plain_text(matcher.value) if matcher.kind == "=~" else matcher.value
    # A job is "namespace/service", a host name begins with the service.
    short = {value.rpartition("/")[2], value.partition(".")[0]} if matcher.label in _SERVICES and value else set()
    places = _PLACE.sub("{}", value) if value else ""
    return any(matcher.holds(name) or name in short or _PLACE.sub("{}", name) == places for name in names)


def _operation_names(operation: str) -> tuple[str, ...]:
    """Return an operation, and its path or its method alone, as metrics name it."""
    verb = _METHOD.match(operation)
    if verb:
        return (operation, operation[verb.end() :])
    _, slash, method = operation.rpartition("/")
    return (operation, method) if slash and method and " " not in operation else (operation,)
