"""Figures of trust and boundaries: what their cells and lines say, and what they say where there is nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

import analysis as an
from analysis.contexts import Context, ContextMap
from analysis.figures import (
    co_occurrence,
    context_map,
    orphan_map,
    scorecard_table,
    stability_scatter,
    trust_matrix,
)
from analysis.findings import FAMILIES
from analysis.scorecard import scorecard, team_scorecard
from tests.contexts_story import shop_file
from tests.exports import otlp, span
from tests.figures.stories import HOSTILE, Story, texts


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = shop_file(tmp_path_factory.mktemp("figures") / "shop.jsonl")
    teams = path.parent / "teams.csv"
    teams.write_text("service,team\ncart,buying\npricing,prices\norders,buying\npayments,prices\n")
    return an.review(an.open_export(path), config={"catalogue": str(teams)})


def cells(figure):
    """Return the text of every cell of a grid by (row label, column label)."""
    (heat,) = (trace for trace in figure.data if trace.type == "heatmap")
    rows, columns = figure.layout.yaxis.ticktext, figure.layout.xaxis.ticktext
    return {(rows[i], columns[j]): text for i, line in enumerate(heat.text) for j, text in enumerate(line)}


def test_the_trust_matrix_holds_shares_and_dashes(result):
    said = cells(trust_matrix(result))
    assert said["cart", "kind"] == "100"
    assert said["cart", "database text"] == "100"
    assert said["gateway", "database text"] == "-"
    assert said["cart", "parents there"] == "100"


def test_services_that_lack_most_come_first(tmp_path):
    path = tmp_path / "export.json"
    path.write_bytes(otlp([span(1, 1), span(1, 2, 1, service="cart", kind=0), span(1, 3, 1, service="alpha")]))
    figure = trust_matrix(an.review(an.open_export(path)))
    assert figure.layout.yaxis.ticktext[0] == "cart"
    assert cells(figure)["cart", "kind"] == "0"


def test_the_orphan_map_tells_who_usually_calls(tmp_path):
    minute = 60_000_000_000
    spans = []
    for trace in range(1, 31):
        at = trace * 10 * minute
        spans += [span(trace, 1, service="web", start=at, length=5_000)]
        spans += [span(trace, 2, 1, service="web", kind=3, start=at + 1, length=4_000)]
        parent = 99 if trace in (10, 11, 12) else 2
        spans += [span(trace, 3, parent, service="cart", name="GET /carts", start=at + 2, length=3_000)]
    path = tmp_path / "export.json"
    path.write_bytes(otlp(spans))
    said = cells(orphan_map(an.review(an.open_export(path))))
    assert said == {("cart GET /carts", "web"): "3<br>10 %"}


def test_whole_traces_have_no_orphan_map(result):
    assert "Traces are whole" in texts(orphan_map(result))


def test_co_occurrence_is_the_share_of_the_rows_traces(result):
    said = cells(co_occurrence(result))
    # payments takes part in every second trace of orders.
    assert said["orders", "payments"] == "50"
    assert said["payments", "orders"] == "100"
    assert said["payments", "payments"] == ""


def test_the_scorecard_shows_teams_first_and_letters(result):
    figure = scorecard_table(result)
    rows = figure.layout.yaxis.ticktext
    assert set(rows[:2]) == {"team buying", "team prices"}
    assert set(rows[2:]) == set(result.services)
    assert cells(figure)["users", "boundaries"] == "<b>A</b>"
    marks = dict(zip(result.scorecard["service"], result.scorecard["shared_data"], strict=True))
    assert cells(figure)["orders", "shared data"] == f"<b>{marks['orders']}</b>"


def test_the_scatter_names_those_on_one_spot_together(result):
    figure = stability_scatter(result)
    labels = [note.text for note in figure.layout.annotations if note.name == "label"]
    # payments and users are called by one service each, call nobody, and touch data in every visit.
    assert "payments<br>users" in labels
    (dots,) = (trace for trace in figure.data if trace.name == "services")
    assert len(dots.x) == 6
    assert max(dots.x) == 1


def test_the_context_map_has_a_line_for_each_service(result):
    figure = context_map(an.contexts(result), result.catalogue)
    lines = [trace for trace in figure.data if trace.name == "service"]
    assert len(lines) == 5
    groups = [note.text for note in figure.layout.annotations if note.name == "group"]
    assert groups[:3] == ["<b>team buying</b>", "<b>team prices</b>", "<b>no team in the catalogue</b>"]
    assert groups[3:] == ["<b>around cart</b>", "<b>around orders</b>", "<b>on their own</b>"]
    assert "Left out, as they call everybody on purpose: gateway." in texts(figure)


def test_the_map_of_modules_speaks_of_modules():
    one = Context("shop/orders", ("shop/orders", "shop/stock"), 1.0, 1.0, (), 0.7)
    figure = context_map(ContextMap("module", (one,)))
    groups = [note.text for note in figure.layout.annotations if note.name == "group"]
    assert groups == ["<b>modules today</b>", "<b>around shop/orders</b>"]
    assert "Left: modules by name" in texts(figure)


def test_without_a_map_the_figure_says_why():
    assert "because of this" in texts(context_map(ContextMap("service", reason="No map, because of this.")))


@pytest.mark.parametrize("draw", [trust_matrix, orphan_map, co_occurrence, stability_scatter])
def test_without_facts_the_figure_says_why(draw):
    assert any(note.name == "reason" for note in draw(Story({})).layout.annotations)


def test_without_services_the_scorecard_says_why():
    empty = SimpleNamespace(
        scorecard=scorecard((), ()), team_scorecard=team_scorecard(scorecard((), ()), ()), findings=pd.DataFrame()
    )
    assert "No service was seen" in texts(scorecard_table(empty))


def hostile_figures():
    """Draw names as hostile as telemetry has them."""
    names = [name or "?" for name in HOSTILE]
    marks = {family: ["E"] * len(names) for family in FAMILIES}
    card = pd.DataFrame({"service": names, "team": names, **marks, "findings": [()] * len(names)})
    marked = SimpleNamespace(scorecard=card, team_scorecard=team_scorecard(card, ()), findings=pd.DataFrame())
    yield scorecard_table(marked)
    sets = pd.DataFrame({"entry_operation": "GET /", "services": [tuple(names)], "traces": [3]})
    yield co_occurrence(Story({"trace_services": sets}))
    contexts = tuple(Context(name, (name, f"{name}2"), 1.0, 1.0, (name,), 0.5) for name in names)
    yield context_map(ContextMap("service", contexts, tuple(names)))


def test_hostile_names_bring_no_markup():
    for figure in hostile_figures():
        said = texts(figure)
        assert "<script" not in said
        assert "<a " not in said
        assert len(said) < 200_000
