"""Alert rules: what promtool would check of a rule file is checked here, by schema and by the grammar of PromQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

import analysis as an
from analysis.alerts import alert_rules, objectives, rules_text
from analysis.outputs import write
from tests.claims import finding
from tests.shop import shop_file

#: Prometheus' own check, where it is installed, or named by PROMTOOL.
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")
HOSTILE = (
    'a"b',
    "a\\b",
    "a\nb",
    "{{ $value }}",
    "a{b",
    "é 日本",
    "x" * 10_000,
    "",
    "a\x7fb",
    "<script>",
    "a}b{{c}}",
    "a,b='c'",
)
DURATION = r"^([0-9]+(ms|[smhdwy]))+$"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
LABELS = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$", "not": {"const": "__name__"}},
    "additionalProperties": {"type": "string"},
}
#: Of a rule file (prometheus.io/docs/prometheus/latest/configuration/recording_rules): unknown fields are errors there.
SCHEMA = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "properties": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "rules"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "interval": {"type": "string", "pattern": DURATION},
                    "limit": {"type": "integer"},
                    "rules": {
                        "type": "array",
                        "items": {
                            "oneOf": [
                                {
                                    "type": "object",
                                    "required": ["record", "expr"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "record": {"type": "string", "pattern": "^[a-zA-Z_:][a-zA-Z0-9_:]*$"},
                                        "expr": {"type": "string", "minLength": 1},
                                        "labels": LABELS,
                                    },
                                },
                                {
                                    "type": "object",
                                    "required": ["alert", "expr"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "alert": {"type": "string", "minLength": 1},
                                        "expr": {"type": "string", "minLength": 1},
                                        "for": {"type": "string", "pattern": DURATION},
                                        "keep_firing_for": {"type": "string", "pattern": DURATION},
                                        "labels": LABELS,
                                        "annotations": TEXTS,
                                    },
                                },
                            ]
                        },
                    },
                },
            },
        }
    },
}
TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\\n]|\\(?:[abfnrtv\\"']|u[0-9a-fA-F]{4}))*")
  | (?P<number>[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?(?![\w]))
  | (?P<range>\[(?:[0-9]+(?:ms|[smhdwy]))+\])
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<sign>=~|!~|!=|>=|<=|==|[=<>{}(),*/+-])
)""",
    re.VERBOSE,
)
FUNCTIONS = {"sum", "rate", "increase"}
SET_OPERATORS = {"and", "or"}


def tokens(expression):
    """Return the tokens of an expression; what is none fails."""
    found, place = [], 0
    text = expression.rstrip()
    while place < len(text):
        match = TOKEN.match(text, place)
        assert match, f"no PromQL at {text[place : place + 40]!r}"
        found.append((match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    return found


class Grammar:
    """Read PromQL as far as the rules use it: operators, functions of a range, selectors."""

    def __init__(self, expression):
        self.tokens = tokens(expression)
        self.place = 0
        self.series = []

    def next(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else (None, None)

    def take(self, *wanted):
        kind, text = self.next()
        assert text in wanted or kind in wanted, f"{text!r} stands where {wanted} should"
        self.place += 1
        return text

    def whole(self):
        self.expression()
        assert self.place == len(self.tokens), f"left over: {self.tokens[self.place :]}"
        return self.series

    def expression(self):
        self.operand()
        while self.next()[1] in {*SET_OPERATORS, ">", ">=", "*", "/", "-", "+"}:
            self.place += 1
            self.operand()

    def operand(self):
        kind, text = self.next()
        self.place += 1
        if kind == "number":
            return
        if text == "(":
            self.expression()
            self.take(")")
        elif text in FUNCTIONS:
            self.take("(")
            ranged = text in {"rate", "increase"}
            self.selector(self.take("name")) if ranged else self.expression()
            if ranged:
                self.take("range")
            self.take(")")
        else:
            assert kind == "name", f"{text!r} is no operand"
            self.selector(text)

    def selector(self, metric):
        matchers = {}
        if self.next()[1] == "{":
            self.place += 1
            while self.next()[1] != "}":
                label = self.take("name")
                sign = self.take("=", "=~")
                matchers[label] = (sign, self.take("text"))
                if self.next()[1] == ",":
                    self.place += 1
            self.take("}")
        self.series.append((metric, matchers))


def proposal(service="gateway", operation="GET /carts/{id}", target=0.995, kinds=("server",)):
    """Return a finding that proposes an availability and a latency."""
    fired = {"fast": 1, "slow": 0, "creeping": 0}
    common = {"target": target, "observed": 0.999, "would_have_fired": fired, "firing_minutes": fired}
    return finding(
        detector="absent_alert_threshold",
        family="observability",
        subject={"entry_service": service, "entry_operation": operation},
        limits={"requests": 20.0},
        measures={
            "requests": 400,
            "entry_kinds": list(kinds),
            "objectives": [
                {"kind": "availability", "threshold_ms": 0, **common},
                {"kind": "latency", "threshold_ms": 400, **common},
            ],
        },
    )


class Result:
    def __init__(self, *findings):
        self.finding_objects = findings


def check(document):
    """Check what promtool does: the schema, names of groups, duplicates, and each expression."""
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    names = [group["name"] for group in document["groups"]]
    assert len(names) == len(set(names))
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    seen = set()
    for rule in rules:
        # promtool's duplicate-rules: one name with the same labels, whatever is asked.
        identity = (rule.get("record"), rule.get("alert"), tuple(sorted(rule["labels"].items())))
        assert identity not in seen
        seen.add(identity)
        for metric, matchers in Grammar(rule["expr"]).whole():
            assert metric in recorded or metric.startswith("traces_span_metrics_")
            assert all(value.startswith('"') for _, value in matchers.values())
    return rules


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus); the grammar is checked")
def test_promtool_accepts_the_rules(tmp_path):
    proposals = [proposal(name, f"GET {name}") for name in HOSTILE if name]
    path = tmp_path / "alerts.yml"
    path.write_text(rules_text(Result(proposal(), proposal(operation="GET /carts/{id}.json"), *proposals)), "utf-8")
    command = [PROMTOOL, "check", "rules", "--lint-fatal", path]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_rules_of_an_operation_record_ratios_and_compare_them():
    rules = check(alert_rules(Result(proposal())))
    alerts = [rule for rule in rules if "alert" in rule]
    assert [rule["alert"] for rule in alerts] == [
        f"{kind}Burns{name}" for kind in ("Availability", "Latency") for name in ("Fast", "Slow", "Creeping")
    ]
    # 14.4 times a budget of 0.5 %, over an hour and five minutes.
    labels = '{slo_service="gateway",slo_operation="GET /carts/{id}",slo="availability"}'
    assert alerts[0]["expr"] == (
        f"slo:bad:ratio_rate1h{labels} > (14.4 * 0.005) and slo:bad:ratio_rate5m{labels} > (14.4 * 0.005) "
        f"and slo:requests:increase1h{labels} >= 20"
    )
    assert alerts[0]["labels"]["severity"] == "page"
    assert alerts[2]["labels"]["severity"] == "ticket"
    recorded = {rule["record"] for rule in rules if "record" in rule}
    assert recorded == {f"slo:bad:ratio_rate{window}" for window in ("5m", "30m", "1h", "6h", "3d")} | {
        f"slo:requests:increase{window}" for window in ("1h", "6h", "3d")
    }


def test_a_name_with_places_for_values_matches_any_value():
    [first, *_] = check(alert_rules(Result(proposal(operation="GET /carts/{id}.json"))))
    [(_, matchers), *_] = Grammar(first["expr"]).whole()
    sign, quoted = matchers["span_name"]
    assert sign == "=~"
    # Regular expressions of Prometheus are anchored at both ends.
    expression = yaml.safe_load(quoted)
    assert re.fullmatch(expression, "GET /carts/7.json")
    assert re.fullmatch(expression, "GET /carts/{id}.json")
    assert not re.fullmatch(expression, "GET /carts/7/8.json")
    assert not re.fullmatch(expression, "GET /carts/7xjson")


def test_the_bound_of_a_bucket_is_found_however_it_is_written():
    rules = check(alert_rules(Result(proposal())))
    [expression] = [
        r["expr"] for r in rules if r.get("record") == "slo:bad:ratio_rate5m" and r["labels"]["slo"] == "latency"
    ]
    [bound] = {m["le"] for _, m in Grammar(expression).whole() if "le" in m}
    assert bound[0] == "=~"
    assert all(re.fullmatch(yaml.safe_load(bound[1]), text) for text in ("400", "400.0"))
    assert not re.fullmatch(yaml.safe_load(bound[1]), "40000")


def test_an_alert_that_could_never_fire_is_left_out():
    # 14.4 times a budget of 10 % is more than all requests.
    rules = check(alert_rules(Result(proposal(target=0.9))))
    assert [rule["alert"] for rule in rules if "alert" in rule] == [
        f"{kind}Burns{name}" for kind in ("Availability", "Latency") for name in ("Slow", "Creeping")
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_inside_their_quotes(name):
    text = rules_text(Result(proposal(name, f"GET {name}"), proposal("other", name)))
    rules = check(yaml.safe_load(text))
    assert "&id" not in text
    for rule in rules:
        # Annotations are templates: a name there could run one.
        said = " ".join(rule.get("annotations", {}).values()).replace("{{ $labels.slo_operation }}", "")
        assert "{{" not in said.replace("{{ $labels.slo_service }}", "").replace(
            "{{ $value | humanizePercentage }}", ""
        )


def test_objectives_are_a_table():
    table = objectives(Result(proposal("b"), proposal("a")))
    assert list(table["service"]) == ["a", "a", "b", "b"]
    assert list(table["objective"][:2]) == ["availability", "latency"]
    assert list(table["threshold_ms"][:2]) == [0, 400]
    assert list(table["fast_alerts"]) == [1, 1, 1, 1]
    assert objectives(Result()).empty


def test_a_review_writes_the_rules_of_its_entry_operations(tmp_path):
    result = an.review(an.open_export(shop_file(tmp_path / "shop.jsonl")))
    rules = check(yaml.safe_load(write(result, "prometheus")))
    assert {rule["labels"]["slo_service"] for rule in rules if "record" in rule} == {"gateway"}
    assert write(result, "prometheus") == rules_text(an.open_review(result.save(tmp_path / "kept")))


def test_without_objectives_there_are_no_groups():
    assert check(yaml.safe_load(rules_text(Result()))) == []
