"""Every section of ``review.yml``: what it changes, and what is said where it is wrong."""

from __future__ import annotations

import datetime as dt
import json

import jsonschema
import pytest
import yaml

from analysis import config
from analysis.config import Acknowledgement, ConfigurationError, load

FULL = """\
limits:
  n_plus_one_queries: {repeats: 9}
severity: {shared_table: info, clock_skew: ignore}
services:
  aliases: {cart-v2: cart, "payments-*": payments}
  gateways: [edge, "!router"]
  back_offices: support
  exclude: [load-*]
operations:
  batch: ["POST /imports"]
  health_checks: ["GET /alive"]
  exclude: ["GET /warmup"]
stores:
  aliases: {"pgbouncer:6432": db.internal}
catalogue: owners.csv
trace_url: "https://tracing.example.org/trace/{trace_id}?from={start_ms}&to={end_ms}"
redaction: {patterns: ["ACME-[0-9]+"], dataset: true}
rules:
  - forbid: {from: "web-*", to: "postgresql://*"}
    reason: pages go through an interface
  - require: {from: checkout, to: fraud, kind: sync}
acknowledgements:
  - {finding: 0123456789abcdef, reason: rewritten in March, owner: team-a, expires: 2027-03-31}
"""


@pytest.fixture
def full(tmp_path):
    """Return a file with every section, and what it names beside it."""
    (tmp_path / "owners.csv").write_text("service,team,domain,system\ncart,team-a,,\n")
    (tmp_path / "review.yml").write_text(FULL)
    return tmp_path / "review.yml"


def test_a_full_file_is_read(full):
    settings = load(full)
    assert settings.limits_of("n_plus_one_queries")["repeats"] == 9
    assert settings.severity == {"shared_table": "info", "clock_skew": "ignore"}
    assert settings.view.service("payments-eu") == "payments"
    assert settings.roles.gateways.says("edge") is True
    assert settings.roles.gateways.says("router") is False
    assert settings.roles.gateways.says("cart") is None
    assert "support" in settings.roles.back_offices
    assert settings.catalogue.teams == {"cart": "team-a"}
    assert settings.redaction.patterns == ("ACME-[0-9]+",)
    assert [rule.forbids for rule in settings.rules] == [True, False]
    assert settings.rules[0].covers("web-shop", "postgresql://db/orders", "data")
    assert not settings.rules[1].covers("checkout", "fraud", "async")
    [known] = settings.acknowledgements
    assert known == Acknowledgement("0123456789abcdef", "rewritten in March", "team-a", "2027-03-31")
    assert known.holds(dt.date(2027, 3, 31))
    assert not known.holds(dt.date(2027, 4, 1))


def test_what_is_in_force_can_be_loaded_again(full):
    settings = load(full)
    path = full.with_name("again.yml")
    path.write_text(config.effective(settings))
    again = load(path)
    assert config.effective(again) == config.effective(settings)
    assert again.rules == settings.rules
    assert again.view == settings.view


def test_the_schema_takes_what_is_taken_and_refuses_what_is_refused():
    schema = config.json_schema()
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    content = json.loads(json.dumps(yaml.safe_load(FULL), default=str))
    assert [error.message for error in validator.iter_errors(content)] == []
    for wrong in (
        {"limit": {}},
        {"limits": {"n_plus_one_queries": {"repeats": "many"}}},
        {"severity": {"shared_table": "huge"}},
        {"rules": [{"forbid": {"from": "a"}}]},
        {"rules": [{"reason": "neither"}]},
        {"acknowledgements": [{"finding": "0123456789abcdef", "reason": "r", "owner": "o"}]},
        {"trace_url": "javascript:alert(1)"},
    ):
        assert not validator.is_valid(wrong), wrong
        with pytest.raises(ConfigurationError):
            load(wrong)


def test_the_template_changes_nothing_and_all_of_it_is_valid(tmp_path):
    text = config.template()
    path = tmp_path / "review.yml"
    path.write_text(text)
    assert load(path) == load(None)
    # Settings are indented by twos, sentences and their examples by one or three.
    marked = [line[1:] for line in text.splitlines() if line[:1] == "#"]
    shown = "\n".join(line for line in marked if (len(line) - len(line.lstrip())) % 2 == 0)
    path.write_text(shown)
    (tmp_path / "acknowledged.yml").write_text("")
    (tmp_path / "alerts.yml").write_text("groups: []\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yml").write_text("groups: [{name: own, rules: [{alert: Errors, expr: errors > 1}]}]\n")
    (tmp_path / "catalog-info.yaml").write_text(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: cart}\nspec: {owner: team-a}\n"
    )
    settings = load(path)
    assert settings.rules
    assert settings.view
    assert [alert.name for alert in settings.alerts.alerts] == ["Errors"]
    assert set(yaml.safe_load(shown)) == set(config.json_schema()["properties"])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("service: {}\n", 1, "did you mean 'services'?"),
        ("services:\n  gateway: [edge]\n", 2, "did you mean 'gateways'?"),
        ("services:\n  gateways:\n    - edge\n    - 7\n", 4, "services.gateways.1 must be a text"),
        ("services: {aliases: [a]}\n", 1, "services.aliases must hold names with values"),
        ("severity:\n  shared_tables: low\n", 2, "did you mean 'shared_table'?"),
        ("severity:\n  shared_table: hi\n", 2, "did you mean 'high'?"),
        ("trace_url: ftp://there/{trace_id}\n", 1, "must be an address that begins with http"),
        ("trace_url: https://there/{trace}\n", 1, "did you mean 'trace_id'?"),
        ("trace_url: https://there/{trace_id!r}\n", 1, "unknown placeholder"),
        ("trace_url: https://there/{\n", 1, "brace without its other half"),
        ("redaction:\n  patterns: ['(']\n", 2, "is no regular expression"),
        ("redaction:\n  show_values: 1\n", 2, "must be true or false"),
        ("rules:\n  - forbid: {from: a, to: b}\n  - forbid: {from: a}\n", 3, "rules.1.forbid needs to"),
        ("rules:\n  - {forbid: {from: a, to: b}, require: {from: a, to: b}}\n", 2, "either forbid or require"),
        ("rules:\n  - require: {from: a, to: b, kind: synchronous}\n", 2, "did you mean 'sync'?"),
        ("acknowledgements:\n  - finding: abc\n", 2, "needs reason and owner and expires"),
        ("acknowledgements:\n  - {finding: 1, reason: r, owner: o, expires: soon}\n", 2, "must be a text"),
        ("limits: {}\nlimits: {}\n", 2, "'limits' is given twice"),
        ("? [a]\n: b\n", 1, "a key must be a name"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, line, said):
    path = tmp_path / "review.yml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load(path)
    assert f"line {line}" in str(error.value)
    assert any(said in problem for problem in error.value.problems), error.value.problems


def test_everything_that_is_wrong_is_said(tmp_path):
    path = tmp_path / "review.yml"
    path.write_text("limit: {}\nseverity: {shared_table: hi}\nstores: 5\n")
    with pytest.raises(ConfigurationError) as error:
        load(path)
    assert len(error.value.problems) == 3
    assert str(error.value).endswith("(and 2 more: archreview config check)")


def test_acknowledgements_are_read_from_the_file_beside(tmp_path):
    (tmp_path / "known.yml").write_text(
        "- {finding: 0123456789abcdef, reason: later, owner: me, expires: 2030-01-01}\n- {finding: x}\n"
    )
    (tmp_path / "review.yml").write_text("acknowledgements: known.yml\n")
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path / "review.yml")
    assert all("known.yml, line 2" in problem for problem in error.value.problems)
    (tmp_path / "known.yml").write_text("- {finding: 0123456789abcdef, reason: a, owner: b, expires: 2030-01-01}\n")
    assert [item.owner for item in load(tmp_path / "review.yml").acknowledgements] == ["b"]
    (tmp_path / "review.yml").write_text("acknowledgements: gone.yml\n")
    with pytest.raises(ConfigurationError, match=r"gone\.yml cannot be read.*No such file"):
        load(tmp_path / "review.yml")


def bomb(levels: int) -> str:
    """Return nine of nine of nine … entries: a list that is small written down and endless read out."""
    rows = ["l0: &l0 [x,x,x,x,x,x,x,x,x]"]
    rows += [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(rows)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        "limits: " + "{a: " * 5_000,
        bomb(12),
        "a: &a [*a]",
        "#" + "x" * 5_000_000,
        "services: {gateways: [" + "a, " * 200_000 + "]}",
    ],
    ids=["brackets", "mappings", "laughs", "circle", "large", "long"],
)
def test_what_has_no_end_is_refused(tmp_path, content):
    path = tmp_path / "review.yml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"nested too deep|without end|larger than"):
        load(path)


def test_code_in_yaml_is_not_run(tmp_path):
    path, mark = tmp_path / "review.yml", tmp_path / "mark"
    path.write_text(f"limits: !!python/object/apply:os.system ['touch {mark}']\n")
    with pytest.raises(ConfigurationError, match="line 1"):
        load(path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["forbid", "require"])
def test_a_rule_without_an_edge_is_refused_with_its_line(tmp_path, name):
    path = tmp_path / "review.yml"
    path.write_text(f"rules:\n  - {name}:\n    reason: later\n")
    with pytest.raises(ConfigurationError, match=rf"line 2: rules\.0\.{name} must hold names with values"):
        load(path)


@pytest.mark.parametrize("pattern", ["(", "[a--b]", "(" * 5_000 + ")" * 5_000, "a{99999999999}"])
def test_what_is_no_regular_expression_is_refused(pattern):
    with pytest.raises(ConfigurationError, match=r"is no regular expression"):
        load({"redaction": {"patterns": [pattern]}})
