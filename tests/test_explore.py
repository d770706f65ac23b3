"""The panel: what is picked decides what is shown."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest

import analysis as an
from analysis.explore import within
from tests.exports import MINUTE_NS
from tests.shop import shop_file


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return an.open_export(shop_file(tmp_path_factory.mktemp("explore") / "shop.jsonl"))


def drawn(panel):
    """Return the map that is shown."""
    return go.Figure(json.loads(panel.map.figure))


def nodes(panel):
    return next(list(one.customdata) for one in drawn(panel).data if one.name == "nodes")


def titles(panel):
    """Return the titles of what is drawn: the map, or the trace of a finding."""
    traces = [one["data"]["application/vnd.plotly.v1+json"] for one in panel.drawn.outputs]
    maps = [drawn(panel).layout.title.text.split("<br>")[0]] if panel.map.figure else []
    return [*maps, *(one["layout"]["title"]["text"] for one in traces)]


def test_a_service_and_a_chapter_are_picked(data):
    result = an.review(data)
    panel = an.explore(result)
    assert panel.findings == result.finding_objects
    assert titles(panel) == ["<b>Service map</b>"]
    panel.service.value = "cart"
    assert all("cart" in finding.services for finding in panel.findings)
    panel.family.value = "chatty"
    assert {finding.family for finding in panel.findings} == {"chatty"}
    assert "at cart" in panel.said.value
    panel.picked.value = panel.findings[0].id
    assert panel.findings[0].id in panel.said.value
    assert titles(panel) != ["<b>Service map</b>"]
    assert panel.window is None


def clicked(panel, words):
    (button,) = (one for one in panel.nodes.children if one.description.startswith(words))
    button.click()


def test_a_click_on_a_node_leads_to_its_findings_and_its_neighbours(data):
    panel = an.explore(an.review(data))
    # The shop: gateway calls cart and billing.
    assert {one.description.split(" (")[0] for one in panel.nodes.children} == {"gateway", "cart", "billing"}
    clicked(panel, "cart")
    assert panel.service.value == "cart"
    assert panel.findings
    assert all("cart" in finding.services for finding in panel.findings)
    assert [one.description.split(" (")[0] for one in panel.nodes.children] == ["← all services", "called by gateway"]
    clicked(panel, "called by gateway")
    assert panel.service.value == "gateway"
    assert [one.description.split(" (")[0] for one in panel.nodes.children][1:] == ["calls billing", "calls cart"]
    clicked(panel, "←")
    assert panel.service.value == "all"


def click_on_the_map(panel, name):
    """Send what the browser sends when a node is clicked."""
    assert name in nodes(panel)
    panel.map._handle_custom_msg({"clicked": name}, [])


def test_a_click_on_the_map_does_what_its_button_does(data):
    result = an.review(data)
    panel = an.explore(result)
    click_on_the_map(panel, "cart")
    assert panel.service.value == "cart"
    assert {one.id for one in panel.findings} == {one.id for one in result.finding_objects if "cart" in one.services}
    assert "at cart" in panel.said.value
    # The shop: gateway calls cart and billing; around cart there is no billing.
    assert "billing" not in nodes(panel)
    click_on_the_map(panel, "gateway")
    assert panel.service.value == "gateway"


def test_the_library_is_sent_once_for_all_maps(data, monkeypatch):
    panel = an.explore(an.review(data))
    assert len(panel.map._esm) < 1_000_000
    sent = []
    monkeypatch.setattr(panel.map, "_send", lambda message, **_: sent.append(message))
    click_on_the_map(panel, "cart")
    click_on_the_map(panel, "gateway")
    assert [list(message["state"]) for message in sent] == [["figure"], ["figure"]]
    panel.map._handle_custom_msg({"clicked": 7}, [])
    panel.map._handle_custom_msg("noise", [])
    assert panel.service.value == "gateway"


def test_a_click_on_a_store_says_at_whom_to_look(data):
    panel = an.explore(an.review(data))
    (store,) = (name for name in nodes(panel) if "shop" in name)
    click_on_the_map(panel, store)
    assert panel.service.value == "all"
    # The shop: cart and billing write its one database.
    assert panel.said.value.endswith("look at the services that call it: billing, cart.</p>")


def test_another_window_is_reviewed_anew(data):
    panel = an.explore(data)
    every = len(panel.findings)
    # 30 traces begin a second apart; of 60 steps the first ten hold about five.
    panel.window.index = (0, 9)
    assert len(panel.findings) < every
    assert titles(panel) == ["<b>Service map</b>"]


def test_traces_are_within_a_window_as_a_whole(data):
    half = within(data, MINUTE_NS, MINUTE_NS + 15 * 1_000_000_000)
    # The traces begin at 1 s, 2 s … 15 s after the minute; each has twelve spans.
    assert (half.totals.traces, half.totals.spans) == (15, 180)
    assert sum(partition.rows for partition in half.partitions) == 180


def test_names_are_escaped(tmp_path):
    path = shop_file(tmp_path / "shop.jsonl", service="<script>alert(1)</script>")
    panel = an.explore(an.review(an.open_export(path)))
    panel.service.value = "<script>alert(1)</script>"
    assert "<script>" not in panel.said.value
