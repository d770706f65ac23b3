"""The graph written for other tools, with names that look like the syntax of each."""

import csv
import io
import json
import re

import networkx as nx
import pandas as pd
import pytest

from analysis.facts import Exemplar
from analysis.graph import EXPORTS, service_graph, to_csv, to_dot, to_graphml, to_json, to_mermaid

HOSTILE = ('"] --> x["', "<img src=x>", "a\\", "end", "=1+1", "bell\x07", "line\nbreak", "`code`", "#quot;", "日本")
EXAMPLE = Exemplar(value=1, trace_id="0" * 31 + "1", start_ns=0, span_ids=("0" * 15 + "2",))
ALSO_THERE = Exemplar(value=1, trace_id="0" * 31 + "1", start_ns=0, span_ids=("0" * 15 + "3",))


@pytest.fixture
def graph():
    rows = [
        {
            "caller": name,
            "callee": "db",
            "kind": "data",
            "callee_kind": "database",
            "calls": 3,
            "errors": 1,
            "traces": 2,
        }
        for name in HOSTILE
    ]
    rows.append({"caller": "end", "callee": "日本", "kind": "async", "calls": 1, "errors": 0, "traces": 1})
    return service_graph(pd.DataFrame(rows).assign(exemplars=[(EXAMPLE, ALSO_THERE)] * len(rows)))


def test_json_holds_every_name_as_it_is(graph):
    document = json.loads(to_json(graph))
    assert [node["id"] for node in document["nodes"]] == sorted([*HOSTILE, "db"])
    edge = next(edge for edge in document["edges"] if edge["caller"] == "end" and edge["callee"] == "db")
    assert edge == {
        "caller": "end",
        "callee": "db",
        "kind": "data",
        "calls": 3,
        "errors": 1,
        "traces": 2,
        "p50_ms": None,
        "p95_ms": None,
        "p99_ms": None,
        "exemplars": [{"trace_id": "0" * 31 + "1", "span_ids": ["0" * 15 + last]} for last in "23"],
    }


def test_a_node_of_the_json_has_its_measures(graph):
    database = next(node for node in json.loads(to_json(graph))["nodes"] if node["id"] == "db")
    assert (database["kind"], database["callers"], database["callees"]) == ("database", len(HOSTILE), 0)
    assert database["instability"] == 0
    assert database["team"] is None


def test_csv_reads_back_and_holds_no_formula(graph):
    rows = list(csv.DictReader(io.StringIO(to_csv(graph))))
    assert len(rows) == len(HOSTILE) + 1
    # A spreadsheet or a terminal would act on a bell or a line break: each becomes a space.
    harmless = {name.replace("\x07", "").replace("\n", " ") for name in HOSTILE}
    assert {row["caller"] for row in rows} == {"'=1+1", *harmless} - {"=1+1"}
    assert {row["trace_ids"] for row in rows} == {EXAMPLE.trace_id}


def test_graphml_reads_back(graph):
    read = nx.read_graphml(io.BytesIO(to_graphml(graph).encode()), force_multigraph=True)
    labels = sorted(label for _, label in read.nodes(data="label"))
    # XML has no bell; a line break in an attribute of data stays.
    assert labels == sorted(["db", *(name.replace("\x07", "") for name in HOSTILE)])
    assert read.number_of_edges() == len(HOSTILE) + 1
    assert {traces for _, _, traces in read.edges(data="trace_ids")} == {EXAMPLE.trace_id}


def test_mermaid_has_a_line_for_each_node_and_edge_and_no_name_ends_its_label(graph):
    first, *lines = to_mermaid(graph).splitlines()
    assert first == "flowchart LR"
    assert len(lines) == len(HOSTILE) + 1 + len(HOSTILE) + 1
    node = re.compile(r'  n\d+(\[|\[\()"[^"<>`\\]*"(\]|\)\])')
    edge = re.compile(r'  n\d+ (-\.->|==>)\|"[\w ,]+"\| n\d+')
    assert all(node.fullmatch(line) or edge.fullmatch(line) for line in lines)
    # "#quot;" is a name here, not an entity: its # is one.
    assert any("#35;quot#59;" in line for line in lines)


def test_dot_escapes_quotes_and_backslashes(graph):
    text = to_dot(graph)
    assert r'[label="\"] --> x[\"", shape=box]' in text
    assert r'[label="a\\", shape=box]' in text
    assert 'label="db", shape=cylinder' in text
    # Quotes that are not escaped come in pairs on every line.
    assert all(len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 0 for line in text.splitlines())


def test_an_empty_graph_is_written_in_every_format():
    empty = service_graph(pd.DataFrame(columns=["caller", "callee", "kind", "calls", "errors", "traces"]))
    assert json.loads(EXPORTS["json"](empty)) == {"nodes": [], "edges": []}
    assert all(write(empty).strip() for write in EXPORTS.values())
