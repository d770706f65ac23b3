"""Forty kinds of secrets planted in every field: none of them in any output, unless whoever runs it asks for values."""

from __future__ import annotations

import json

import pytest

import analysis as an
from analysis import outputs
from analysis._masking import masked
from analysis.gate import Gate
from tests.commands.run import run
from tests.planted import held, plant, told
from tests.secrets import SECRETS, VALUES


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Return a folder of a shop in whose spans and logs every secret stands in every field."""
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def reviewed(planted):
    return an.review(an.open_export(planted))


def test_there_are_forty_kinds_each_with_a_part_that_tells_it():
    assert len(SECRETS) == 40
    assert all(marker in value for value, marker in SECRETS.values())
    # The test itself must be able to fail: what is not masked is told.
    assert len(told(" ".join(VALUES))) == 40


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_is_masked_wherever_it_stands(kind):
    value, marker = SECRETS[kind]
    for text in (value, f"GET /users/{value}", f"{value}-service", f"x {value} y", f'"{value}"'):
        assert marker not in masked(text), text
    assert masked(masked(value)) == masked(value)
    assert masked(f"a {value}") != masked("a b")


@pytest.mark.parametrize(
    "name",
    [
        "cart-v2",
        "payments-7f9c8d6b5-x2x4q",
        "POST /checkout",
        "GET /orders/{id}",
        "com.example.shop.orders.application.OrderServiceImpl",
        "postgresql://db.internal:5432/shop",
        "auth: login",
        "token: expired",
        "SELECT * FROM item WHERE token = ?",
        "grpc.health.v1.Health/Check",
        "oauth-token-service",
        "arn:aws:sns:eu-west-1:orders",
        "kafka://orders.created.v1",
    ],
)
def test_a_name_that_is_one_stays(name):
    assert masked(name) == name


@pytest.mark.parametrize("form", outputs.FORMATS)
def test_no_format_tells_any(reviewed, form):
    assert len(reviewed.finding_objects) > 10
    assert told(outputs.write(reviewed, form, None, Gate(("info",)).judge(reviewed))) == []


def test_no_page_and_no_table_shows_any(reviewed):
    pages = "".join([reviewed._repr_html_(), *(item._repr_html_() for item in reviewed.finding_objects)])
    pages += "".join(an.table(frame)._repr_html_() for frame in reviewed.facts.values())
    assert told(pages) == []
    assert told(str([frame.to_dict("records") for frame in reviewed.facts.values()])) == []


def test_no_figure_shows_any(reviewed):
    drawn = [an.figures.service_map(reviewed), *(an.figures.exemplar(reviewed.traces, item) for item in _few(reviewed))]
    assert told("".join(figure.to_json() for figure in drawn)) == []


def _few(review):
    return review.finding_objects[:12]


def test_no_saved_review_holds_any(reviewed, tmp_path):
    folder = reviewed.save(tmp_path / "review")
    for path in (path for path in folder.rglob("*") if path.is_file()):
        assert told(held(path)) == [], path.name


def test_no_command_tells_any(capsys, planted):
    for command in (("inspect",), ("inspect", "--format", "json"), ("graph",), ("graph", "--format", "dot")):
        said = run(capsys, command[0], planted, *command[1:])
        assert said.code == 0
        assert told(said.out + said.err) == []
    said = run(capsys, "critical-path", planted, "--format", "text", "--trace", f"{1_000:032x}")
    assert told(said.out + said.err) == []


def test_no_refusal_tells_any(capsys, tmp_path):
    lines = [json.dumps({"resourceSpans": value}) for value in VALUES]
    lines += [f'{{"resourceSpans": [{json.dumps(value)}' for value in VALUES]
    lines += [json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": v, "name": v}]}]}]}) for v in VALUES]
    (tmp_path / "broken.jsonl").write_text("\n".join(lines))
    for form in ("text", "json"):
        said = run(capsys, "inspect", tmp_path / "broken.jsonl", "--format", form)
        assert told(said.out + said.err) == []


def test_a_redacted_dataset_holds_none(planted, tmp_path, capsys):
    said = run(capsys, "ingest", planted, "--to", tmp_path / "data", "--redact-dataset")
    assert said.code == 0
    for path in (path for path in (tmp_path / "data").rglob("*") if path.is_file()):
        assert told(held(path)) == [], path.name
    data = an.open_dataset(tmp_path / "data")
    assert data.totals.spans == an.open_export(planted).totals.spans
    assert any("--redact-dataset" in note for note in data.totals.notes)
    found = set(an.review(data).findings["detector"])
    assert {"n_plus_one_queries", "realised_cascade"} <= found
    # What was redacted goes on so, and what was not does not begin to be.
    again = run(capsys, "ingest", planted, "--to", tmp_path / "data")
    assert again.code == 0
    run(capsys, "ingest", planted / "spans.jsonl", "--to", tmp_path / "whole")
    refused = run(capsys, "ingest", planted / "logs.jsonl", "--to", tmp_path / "whole", "--redact-dataset")
    assert refused.code == 2
    assert "into a new one" in refused.err


def test_values_are_shown_to_who_asks_and_that_is_said(planted):
    result = an.review(an.open_export(planted), config={"redaction": {"show_values": True}})
    finding = result.finding("n_plus_one_queries")
    assert "refused" in an.figures.exemplar(result.traces, finding).to_json() or result.shows_values
    assert result.shows_values
    statements = result.traces.spans(columns=["db_statement"])["db_statement"].dropna()
    assert any("SELECT * FROM item WHERE owner = '" in text for text in statements)
    assert not an.review(an.open_export(planted), only=["hub_service"]).shows_values
