"""What a configuration changes about a review: names, what is left out, severities, links, acknowledgements."""

from __future__ import annotations

import pytest

import analysis as an
from analysis.config import load
from analysis.dataset import Dataset
from tests.exports import log, otlp, otlp_lines, span
from tests.shop import TRACES, shop, shop_file


@pytest.fixture(scope="module")
def shop_data(tmp_path_factory) -> Dataset:
    return an.open_export(shop_file(tmp_path_factory.mktemp("configured") / "shop.jsonl"))


def seen(data: Dataset, **sections: object) -> Dataset:
    return data.seen(load(sections).view)


def export(tmp_path, spans, logs=()):
    path = tmp_path / "export.json"
    path.write_bytes(otlp(spans, logs))
    return path


@pytest.fixture(params=["memory", "parquet"])
def chain(request, tmp_path) -> Dataset:
    """Return two traces web → proxy → mesh → cart, one entered by a warm-up, with logs of each."""
    spans, logs = [], []
    for trace, name in ((1, "GET /cart"), (2, "GET /warmup")):
        for number, service in enumerate(("web", "proxy-a", "proxy-b", "cart"), 1):
            spans.append(span(trace, number, number - 1, service=service, name=name, length=100 - number))
            logs.append(log("served", trace, number, service=service))
    logs.append(log("started", service="cart"))
    path = export(tmp_path, spans, logs)
    if request.param == "memory":
        return an.open_export(path, skew="off")
    return an.ingest(path, tmp_path / "stored", partitions=2, skew="off")


def test_services_are_seen_under_their_alias(chain):
    frame = seen(chain, services={"aliases": {"proxy-*": "proxy"}}).spans()
    assert sorted(set(frame["service"])) == ["cart", "proxy", "web"]
    assert len(frame) == 8
    assert seen(chain, services={"aliases": {"proxy-*": "proxy"}}).services == ("cart", "proxy", "web")


def test_a_service_left_out_leaves_no_gap(chain):
    data = seen(chain, services={"exclude": ["proxy-*"]})
    frame = data.spans().set_index(["trace_id", "span_id"])
    assert sorted(set(frame["service"])) == ["cart", "web"]
    # The caller of cart is now web, whatever was between them.
    assert list(frame.loc[frame["service"] == "cart", "parent_span_id"]) == [f"{1:016x}"] * 2
    assert (data.totals.spans, data.totals.traces, data.totals.logs) == (4, 2, 5)
    assert set(data.logs()["service"]) == {"cart", "web"}
    assert any("4 spans and 4 log records" in note for note in data.totals.notes)
    calls = an.calls(data)
    assert list(zip(calls["caller"], calls["callee"], strict=True)) == [("user", "web"), ("web", "cart")]


def test_the_first_service_left_out_makes_roots(chain):
    frame = seen(chain, services={"exclude": ["web"]}).spans()
    assert frame.loc[frame["service"] == "proxy-a", "parent_span_id"].isna().all()


def test_a_trace_left_out_goes_with_its_logs(chain):
    data = seen(chain, operations={"exclude": ["web GET /warmup"]})
    assert set(data.spans()["trace_id"]) == {f"{1:032x}"}
    assert (data.totals.traces, data.totals.spans) == (1, 4)
    assert len(data.logs()) == 5
    assert data.totals.logs == 5


def test_an_operation_below_the_entry_leaves_nothing_out(chain):
    assert seen(chain, operations={"exclude": ["cart GET /warmup"]}).totals.spans == 8


def test_parents_in_a_circle_of_what_is_left_out_end(tmp_path):
    spans = [span(1, 1, 2, service="gone"), span(1, 2, 1, service="gone"), span(1, 3, 1, service="kept")]
    frame = seen(an.open_export(export(tmp_path, spans), skew="off"), services={"exclude": ["gone"]}).spans()
    assert list(frame["span_id"]) == [f"{3:016x}"]
    assert frame["parent_span_id"].isna().all()


def test_ten_thousand_proxies_in_a_row_are_bridged(tmp_path):
    spans = [span(1, 1, service="web"), *(span(1, n, n - 1, service="proxy") for n in range(2, 10_001))]
    spans.append(span(1, 10_001, 10_000, service="cart"))
    frame = seen(an.open_export(export(tmp_path, spans), skew="off"), services={"exclude": ["proxy"]}).spans()
    assert list(frame["parent_span_id"])[1] == f"{1:016x}"


def test_two_names_of_one_store_are_one(tmp_path):
    spans = shop()
    for service, one in spans:
        if service == "billing":
            for item in one["attributes"]:
                if item["key"] == "server.address" and item["value"]["stringValue"] == "db":
                    item["value"]["stringValue"] = "pgbouncer"
    path = tmp_path / "shop.jsonl"
    path.write_bytes(otlp_lines(spans))
    data = an.open_export(path)
    assert "shared_table" not in set(an.review(data).findings["detector"]) or not _shares_ledger(an.review(data))
    for alias in ({"pgbouncer": "db"}, {"postgresql://pgbouncer/*": "db/shop"}):
        assert _shares_ledger(an.review(data, config={"stores": {"aliases": alias}}))


def _shares_ledger(result) -> bool:
    return any(
        item.detector == "shared_table" and item.subject.get("table") == "ledger" and len(item.services) == 2
        for item in result.finding_objects
    )


def test_severity_is_what_the_configuration_says_and_both_are_told(shop_data):
    result = an.review(shop_data, config={"severity": {"shared_table": "low", "n_plus_one_queries": "ignore"}})
    [shared] = [item for item in result.finding_objects if item.detector == "shared_table"]
    assert shared.severity == "low"
    assert "severity is low by the configuration; the rule says high" in shared.considered
    [loop] = [item for item in result.assessments_made if item.detector == "n_plus_one_queries"]
    assert (loop.outcome, loop.findings) == ("not_found", ())
    assert "1 finding: the configuration ignores this detector" in loop.suppressed


def test_exemplars_link_to_where_traces_can_be_opened(shop_data):
    address = "https://t.example.org/{trace_id}/{span_id}?from={start_ms}&to={end_ms}&low={trace_id_low}"
    result = an.review(shop_data, config={"trace_url": address})
    example = result.finding("n_plus_one_queries").exemplars[0]
    trace = int(example.trace_id, 16)
    # 2026-11-23T10:00:00Z, and each trace of the shop begins a second after the one before and takes 300 ms.
    start = 1_795_428_000_000 + trace * 1_000
    assert example.url == (
        f"https://t.example.org/{example.trace_id}/{example.span_ids[0]}"
        f"?from={start}&to={start + 300}&low={example.trace_id[16:]}"
    )
    assert result.to_json()["findings"][0]["exemplars"][0]["url"].startswith("https://t.example.org/")


def test_an_acknowledged_finding_says_so_and_stays(shop_data):
    loop = an.review(shop_data).finding("n_plus_one_queries")
    known = {"finding": loop.id, "reason": "rewritten in March", "owner": "team-a", "expires": "2027-03-31"}
    again = an.review(shop_data, config={"acknowledgements": [known]}).finding("n_plus_one_queries")
    told = {"reason": "rewritten in March", "owner": "team-a", "expires": "2027-03-31"}
    assert again.to_json()["acknowledged"] == told
    assert again.id == loop.id
    assert loop.to_json()["acknowledged"] is None


def test_a_batch_is_a_background_job(shop_data):
    assert an.review(shop_data).finding("n_plus_one_queries").severity == "medium"
    for name in ("GET /cart", "cart GET /cart"):
        batch = an.review(shop_data, config={"operations": {"batch": [name]}}).finding("n_plus_one_queries")
        assert batch.severity in ("info", "low")
        assert any("background job" in sentence for sentence in batch.considered)


def test_a_gateway_is_what_the_configuration_says():
    from analysis.detectors._requests import front_services

    roles = load({"services": {"gateways": ["hall", "!router"]}}).roles
    calls = _calls([("router", "cart"), ("hall", "cart"), ("api-gateway", "cart")])
    assert front_services(calls) == {"router", "api-gateway"}
    assert front_services(calls, roles) == {"hall", "api-gateway"}


def _calls(pairs):
    import pandas as pd

    rows = [(caller, callee, "service", "service") for caller, callee in pairs]
    return pd.DataFrame(rows, columns=["caller", "callee", "caller_kind", "callee_kind"])


def test_probes_and_back_offices_are_what_the_configuration_says():
    from analysis.detectors.boundaries._services import is_probe
    from analysis.detectors.shared_data._tables import by_design

    roles = load(
        {"operations": {"health_checks": ["GET /alive", "!GET /metrics"]}, "services": {"back_offices": ["desk"]}}
    ).roles
    assert is_probe("GET /metrics")
    assert not is_probe("GET /metrics", roles)
    assert is_probe("GET /alive", roles)
    assert not is_probe("GET /alive")
    assert by_design("desk", roles) == "back office"
    assert by_design("desk") == ""
    denied = load({"services": {"back_offices": ["!admin"]}}).roles
    assert by_design("admin") == "back office"
    assert by_design("admin", denied) == ""


def test_exclusion_reaches_the_review(shop_data):
    result = an.review(shop_data, config={"services": {"exclude": ["billing"]}})
    assert result.services == ("cart", "gateway")
    assert result.totals["traces"] == TRACES
    assert not _shares_ledger(result)
    assert result.inputs[0]["spans"] == shop_data.inputs[0].spans
