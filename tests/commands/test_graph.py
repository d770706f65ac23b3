"""``archreview graph``: one shape for all semantics of links, in every format."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest

from tests.commands.run import run
from tests.commands.shapes import GRAPH, differences
from tests.shop import TRACES, shop_file


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("graph") / "shop.jsonl")


@pytest.mark.parametrize("links", ["architecture", "zipkin", "tempo"])
def test_json_has_one_shape_for_all_semantics(capsys, path, links):
    graph = json.loads(run(capsys, "graph", path, "--links", links).out)
    assert differences(graph, GRAPH) == []
    nodes = {node["id"]: node for node in graph["nodes"]}
    edges = {(edge["caller"], edge["callee"]): edge for edge in graph["edges"]}
    for pair in edges:
        assert set(pair) <= set(nodes)
    assert edges["gateway", "cart"]["calls"] == TRACES
    assert edges["gateway", "billing"]["errors"] == TRACES // 3
    # Of a trace gateway records three spans, cart seven, billing two.
    spans = {name: nodes[name]["spans"] / TRACES for name in ("gateway", "cart", "billing")}
    assert spans == {"gateway": 3, "cart": 7, "billing": 2}


def test_architecture_shows_the_store_and_where_to_look(capsys, path):
    graph = json.loads(run(capsys, "graph", path).out)
    stores = [node["id"] for node in graph["nodes"] if node["kind"] == "database"]
    assert len(stores) == 1
    edge = next(edge for edge in graph["edges"] if edge["callee"] == stores[0] and edge["caller"] == "cart")
    assert (edge["kind"], edge["calls"]) == ("data", 6 * TRACES)
    assert edge["p50_ms"] == pytest.approx(10, rel=0.01)
    call = next(edge for edge in graph["edges"] if edge["callee"] == "cart")
    assert call["exemplars"]
    assert all(len(item["trace_id"]) == 32 for item in call["exemplars"])


@pytest.mark.parametrize("links", ["architecture", "zipkin", "tempo"])
def test_every_format_is_written(capsys, path, tmp_path, links):
    said = {
        form: run(capsys, "graph", path, "--links", links, "--format", form).out
        for form in ("graphml", "mermaid", "dot", "csv")
    }
    assert ET.fromstring(said["graphml"]).tag.endswith("graphml")
    assert said["mermaid"].startswith("flowchart")
    assert said["dot"].startswith("digraph")
    rows = list(csv.DictReader(io.StringIO(said["csv"])))
    assert ("gateway", "cart") in {(row["caller"], row["callee"]) for row in rows}


def test_operations_are_nodes(capsys, path):
    graph = json.loads(run(capsys, "graph", path, "--grain", "operation").out)
    assert differences(graph, GRAPH) == []
    edges = {(edge["caller"], edge["callee"]): edge["calls"] for edge in graph["edges"] if edge["kind"] == "sync"}
    assert edges == {
        ("user", "gateway GET /cart"): TRACES,
        ("gateway GET /cart", "cart GET /cart"): TRACES,
        ("gateway GET /cart", "billing POST /charges"): TRACES,
    }


def test_teams_are_nodes(capsys, path, tmp_path):
    (tmp_path / "teams.csv").write_text("service,team\ncart,buying\nbilling,buying\n")
    settings = tmp_path / "review.yml"
    settings.write_text("catalogue: teams.csv\n")
    graph = json.loads(run(capsys, "graph", path, "--grain", "team", "--config", settings).out)
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert nodes["buying"]["team"] == "buying"
    assert nodes["buying"]["spans"] == 9 * TRACES
    edges = {(edge["caller"], edge["callee"]): edge["calls"] for edge in graph["edges"]}
    assert edges["gateway", "buying"] == 2 * TRACES


def test_teams_need_a_catalogue(capsys, path):
    told = run(capsys, "graph", path, "--grain", "team")
    assert told.code == 2
    assert "needs the teams of services" in told.err


def test_operations_have_one_semantics(capsys, path):
    told = run(capsys, "graph", path, "--grain", "operation", "--links", "zipkin")
    assert told.code == 2
    assert "goes with --links architecture only" in told.err
