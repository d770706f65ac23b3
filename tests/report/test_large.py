"""A system of 300 services and 3,000 edges with 1,000 findings: still read, and one still finds one's way.

What it costs a browser to open is measured by ``python -m tests.benchmarks.pages``: a time is no test.
"""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise

import pytest

import analysis as an
from analysis.figures import dependency_matrix, service_map
from tests.report.large import DOMAINS, EDGES, FINDINGS, SERVICES, large_review, write_first_page
from tests.report.test_pages import opened

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> an.Review:
    return large_review(tmp_path_factory.mktemp("large"))


def said(figure) -> str:
    return " ".join(annotation.text for annotation in figure.layout.annotations)


def nodes(figure) -> set[str]:
    (trace,) = (trace for trace in figure.data if trace.name == "nodes")
    return set(trace.customdata)


def test_map_groups_by_domain_and_counts_what_it_hides(large):
    figure = service_map(large)
    assert nodes(figure) == {f"{domain} (50)" for domain in DOMAINS}
    assert "300 services" in figure.layout.title.subtitle.text
    assert "300 nodes are drawn as 6: services of one domain form a group" in said(figure)
    # Every call is drawn or counted: those that are not between groups are inside of one.
    inside = sum(int(number.replace(",", "")) for number in re.findall(r"([0-9,]+) calls inside", figure.to_json()))
    between = [trace.hovertext for trace in figure.data if trace.name == "edge"]
    across = sum(int(re.search(r"([0-9,]+) calls", text)[1].replace(",", "")) for text in between)
    assert inside + across == sum(large.facts["calls"]["calls"])


def test_map_groups_by_team_where_no_domain_is_known(large):
    entries = tuple(dataclasses.replace(entry, domain="") for entry in large.catalogue.entries)
    figure = service_map(dataclasses.replace(large, catalogue=an.catalogue.Catalogue(entries)))
    assert "services of one team form a group" in said(figure)
    assert len(nodes(figure)) == len(DOMAINS)


def test_map_groups_what_calls_one_another_where_nothing_is_known(large):
    figure = service_map(dataclasses.replace(large, catalogue=an.catalogue.Catalogue(())))
    assert "services that call one another most form a group" in said(figure)
    assert len(nodes(figure)) <= 100


def test_focus_shows_the_surroundings_and_counts_the_rest(large):
    calls = large.facts["calls"]
    near = {"cart-10", *calls.loc[calls["caller"] == "cart-10", "callee"]}
    near |= set(calls.loc[calls["callee"] == "cart-10", "caller"])
    figure = service_map(large, focus="cart-10", depth=1)
    assert nodes(figure) == near
    assert f"{300 - len(near)} nodes hidden: further than 1 call from cart-10" in said(figure)
    wider = service_map(large, focus="cart-10", depth=2)
    assert nodes(figure) < nodes(wider) or "form a group" in said(wider)


def test_matrix_holds_sixty_by_community_and_counts_the_rest(large):
    figure = dependency_matrix(dataclasses.replace(large, catalogue=an.catalogue.Catalogue(())))
    assert "240 of 300 nodes hidden" in said(figure)
    hidden = int(re.search(r"with ([0-9,]+) edges", said(figure))[1].replace(",", ""))
    (cells,) = (trace for trace in figure.data if trace.name == "calls")
    assert hidden + sum(value is not None for row in cells.z for value in row) == EDGES
    assert "groups that call one another most" in said(figure)
    # Services of one domain call one another most, and so stand side by side.
    domains = [text.split("-")[0] for text in figure.layout.yaxis.ticktext]
    changes = sum(one != other for one, other in pairwise(domains))
    assert changes <= 2 * len(DOMAINS)


@pytest.mark.parametrize("kind", ["domain", "team"])
def test_matrix_is_grouped_by_domain_else_by_team_where_a_catalogue_names_them(large, kind):
    """By the last digit of the number, across what calls one another: nothing but the catalogue says so."""
    entries = [an.catalogue.Entry(name, *_named(kind, f"of {name[-1]}")) for name in SERVICES]
    figure = dependency_matrix(dataclasses.replace(large, catalogue=an.catalogue.Catalogue(tuple(entries))))
    assert f"services of one {kind}" in said(figure)
    digits = [text[-1] for text in figure.layout.yaxis.ticktext]
    assert len(digits) == 60
    assert sum(one != other for one, other in pairwise(digits)) == len(set(digits)) - 1
    frames = [shape for shape in figure.layout.shapes if shape.line.dash == "dot"]
    # A frame holds a group, where it has more than one service.
    sizes = [digits.count(one) for one in dict.fromkeys(digits)]
    assert [shape.y1 - shape.y0 for shape in frames] == [size for size in sizes if size > 1]


def _named(kind: str, group: str) -> tuple[str, str]:
    """Return a team and a domain, of which one is known."""
    return ("", group) if kind == "domain" else (group, "")


def test_layout_is_the_same_in_every_run(large, tmp_path):
    again = large_review(tmp_path)
    assert service_map(large).to_json() == service_map(again).to_json()
    assert dependency_matrix(large).to_json() == dependency_matrix(again).to_json()


def test_first_page_holds_every_finding_and_stays_small(large, chromium, tmp_path):
    write_first_page(large, tmp_path)
    assert (tmp_path / "index.html").stat().st_size < 1_500_000
    with opened(chromium, tmp_path, "index") as watched:
        page = watched.page
        assert page.locator("#findings tbody tr").count() == FINDINGS
        assert page.locator("#marks tbody tr").count() == len(SERVICES)
        # What makes a page slow: what is drawn, and what is laid out.
        assert page.locator(".figure svg *").count() < 3_000
        assert page.locator("body *").count() < 40_000
        page.select_option("select[name=teams]", "team cart")
        of_cart = sum(any(name.startswith("cart") for name in item.services) for item in large.finding_objects)
        assert page.locator("#findings tbody tr:visible").count() == of_cart
        page.fill("input[name=text]", "Finding 300 ")
        assert page.locator("#findings tbody tr:visible").count() == 1
        assert watched.complaints == []
