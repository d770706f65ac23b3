"""Rule files that exist: what their alerts watch, and how a file that is none is refused."""

from __future__ import annotations

import pytest
import yaml

import analysis as an
from analysis.config import ConfigurationError, load
from analysis.existing_alerts import AlertFileError, read_alerts
from tests.detectors.stories import export


def watching(expression, service="web", operation="GET /carts/{id}", tmp_path=None):
    path = tmp_path / "rules.yml"
    rules = [{"alert": "Own", "expr": expression}]
    path.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}), encoding="utf-8")
    alerts = read_alerts([path])
    kinds = alerts.kinds(service, operation)
    assert bool(kinds) == bool(alerts.watching(service, operation))
    return kinds


@pytest.mark.parametrize(
    ("expression", "kinds"),
    [
        ('rate(http_requests_total{service="web",code=~"5.."}[5m]) > 1', ("availability",)),
        ('rate(http_requests_total{service=~"web|shop",code=~"5.."}[5m]) > 1', ("availability",)),
        ('rate(http_requests_total{service!="web"}[5m]) > 1', ()),
        ('rate(http_requests_total{service!="batch"}[5m]) > 1', ("availability",)),
        ('rate(http_requests_total{job="prod/web"}[5m]) > 1', ("availability",)),
        ('rate(istio_requests_total{destination_service="web.shop.svc.cluster.local"}[5m]) > 1', ("availability",)),
        ('rate(http_requests_total{service="web",uri="/carts/{cartId}"}[5m]) > 1', ("availability",)),
        ('rate(http_requests_total{service="web",route="/carts/:id"}[5m]) > 1', ("availability",)),
        ('rate(http_requests_total{service="web",route="/orders"}[5m]) > 1', ()),
        ('rate(http_requests_total{service="web",method="POST"}[5m]) > 1', ()),
        ('rate(http_requests_total{service="web",method="get"}[5m]) > 1', ("availability",)),
        (
            'histogram_quantile(0.95, sum by (le) (rate(http_duration_seconds_bucket{service="web"}[5m]))) > 0.3',
            ("latency",),
        ),
        ('rate(http_duration_seconds_count{service="web",status="500"}[5m]) > 1', ("availability",)),
        ("sum by (service) (rate(http_requests_total[5m])) > 1 # all of them", ("availability",)),
        ("rate({\"http.server.requests\", 'service.name'='web'}[5m]) > 1", ("availability",)),
        ('kube_deployment_status_replicas_available{deployment="web"} == 0', ()),
        ("vector(1)", ()),
        ('rate(http_requests_total{service=~"("}[5m]) > 1', ()),
    ],
)
def test_an_alert_watches_what_its_expression_asks_for(expression, kinds, tmp_path):
    assert watching(expression, tmp_path=tmp_path) == kinds


def test_a_method_of_a_remote_procedure_is_an_operation(tmp_path):
    asked = 'rate(grpc_server_handled_total{job="cart",grpc_method="AddItem"}[5m]) > 1'
    assert watching(asked, "cart", "shop.Cart/AddItem", tmp_path) == ("availability",)
    assert watching(asked, "cart", "shop.Cart/Empty", tmp_path) == ()


def test_rules_that_a_review_proposed_end_its_proposal(tmp_path):
    root = {"is": "root", "service": "web", "name": "GET /carts/{id}", "kind": "server", "ms": 40}
    path = export({"traces": 40, "spans": [root]}, tmp_path / "traces.jsonl")
    data = an.open_export(str(path))
    first = an.review(data, only=["absent_alert_threshold"])
    assert len(first.finding_objects) == 1
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(an.alert_rules(first)), encoding="utf-8")
    again = an.review(data, only=["absent_alert_threshold"], config={"alerts": str(tmp_path / "*.yml")})
    (answer,) = again.assessments_made
    assert (answer.outcome, an.alert_rules(again)) == ("not_found", {"groups": []})
    assert "watched by" in answer.suppressed[0]
    assert "not for its" not in answer.suppressed[0]


def test_forms_of_kubernetes_and_grafana_are_read(tmp_path):
    rules = [{"alert": "K", "expr": 'rate(http_requests_total{service="web"}[5m]) > 1'}]
    kubernetes = {"kind": "PrometheusRule", "spec": {"groups": [{"name": "g", "rules": rules}]}}
    model = {"expr": 'rate(http_requests_total{service="shop"}[5m])'}
    grafana = {"apiVersion": 1, "groups": [{"name": "g", "rules": [{"title": "G", "data": [{"model": model}]}]}]}
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yaml").write_text(yaml.safe_dump_all([kubernetes, None, grafana]), encoding="utf-8")
    alerts = read_alerts(["rules"], tmp_path)
    assert [alert.name for alert in alerts.watching("web", "GET /x")] == ["K"]
    assert [alert.name for alert in alerts.watching("shop", "GET /x")] == ["G"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [", "line 1"),
        ("\nspans: []", "line 2: expected groups of rules"),
        ("groups: [{name: g, rules: [{expr: up}]}]", "group 'g', rule 1: expected a rule with alert or record"),
        ("groups: [{name: g, rules: [{alert: A}]}]", "rule 1: a rule without an expression"),
        ("[" * 10_000, "rules.yml"),
    ],
)
def test_a_file_that_is_none_of_rules_is_refused_by_its_line(content, told, tmp_path):
    (tmp_path / "rules.yml").write_text(content, encoding="utf-8")
    with pytest.raises(AlertFileError, match=told):
        read_alerts(["rules.yml"], tmp_path)


def test_the_configuration_names_the_line_of_rules_that_are_not_there(tmp_path):
    path = tmp_path / "review.yml"
    path.write_text("limits: {}\nalerts: [nowhere/*.yml]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"line 2: .*nowhere.* holds no rule file"):
        load(path)


def test_recorded_series_that_name_one_another_end(tmp_path):
    rules = [
        {"record": "a:requests", "expr": "b:requests"},
        {"record": "b:requests", "expr": 'a:requests{service="web"}'},
        {"alert": "Round", "expr": "a:requests > 1"},
    ]
    (tmp_path / "r.yml").write_text(yaml.safe_dump({"groups": [{"rules": rules}]}), encoding="utf-8")
    alerts = read_alerts(["r.yml"], tmp_path)
    assert [alert.name for alert in alerts.watching("web", "GET /x")] == ["Round"]
    assert alerts.watching("shop", "GET /x") == ()
