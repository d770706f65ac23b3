"""Failures from their origins to where they end."""

import pandas as pd
import pytest

from analysis.figures import cascade_tree
from tests.figures.stories import EXAMPLE, HOSTILE, TRACE, Story, found, texts


def failed(*rows):
    """Return a review of failures (origin, operation, path, stopped_at, reached_root, traces)."""
    columns = ("origin_service", "origin_operation", "path", "stopped_at", "reached_root", "traces")
    frame = pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])
    return Story(
        {"failures": frame.assign(failures=frame["traces"], mechanism="timeout", exemplars=[EXAMPLE] * len(rows))}
    )


PAYMENT = ("payment", "POST /charge")
SHOP = (
    (*PAYMENT, ("payment POST /charge", "checkout POST /pay", "gateway POST /"), "", True, 40),
    (*PAYMENT, ("payment POST /charge", "checkout POST /pay"), "gateway POST /", False, 10),
    (*PAYMENT, ("payment POST /charge",), "checkout POST /pay", False, 50),
)


def visits(figure):
    return [item.text.split("<br>") for item in figure.layout.annotations if item.name == "visit"]


def test_ways_share_their_beginning_and_tell_conditional_shares():
    assert visits(cascade_tree(failed(*SHOP))) == [
        ["<b>payment</b>", "POST /charge", "100 traces"],
        # Of the 100 traces in which the payment failed the checkout failed in 50, and answered in the other 50.
        ["<b>checkout</b>", "POST /pay", "50 traces (50 %)"],
        ["<b>gateway</b>", "POST /", "40 traces (80 %)"],
        ["<b>✖ request failed</b>", "40 traces (100 %)"],
        ["<b>◆ absorbed by</b>", "gateway POST /", "10 traces (20 %)"],
        ["<b>◆ absorbed by</b>", "checkout POST /pay", "50 traces (50 %)"],
    ]


def test_a_way_that_ends_unseen_says_so():
    figure = cascade_tree(failed(("mailer", "send", ("mailer send",), "", False, 3)))
    assert visits(figure)[-1] == ["<b>○ end not seen</b>", "3 traces (100 %)"]


def test_the_operation_that_failed_comes_before_the_visit_it_failed():
    figure = cascade_tree(failed(("stock", "SELECT t", ("stock GET /stock",), "", True, 3)))
    assert [text[:2] for text in visits(figure)[:2]] == [["<b>stock</b>", "SELECT t"], ["<b>stock</b>", "GET /stock"]]


def test_bands_are_as_wide_as_their_traces():
    figure = cascade_tree(failed(*SHOP))
    heights = [max(trace.y[0], trace.y[-1]) - min(trace.y[0], trace.y[-1]) for trace in figure.data if trace.fill]
    # In the order of the boxes: payment's two bands (50 and 50), checkout's (40 and 10), gateway's (40).
    assert [height / heights[0] for height in heights] == pytest.approx([1, 1, 0.8, 0.2, 0.8])


def test_a_finding_narrows_the_tree():
    story = failed(*SHOP, ("mailer", "send", ("mailer send",), "", False, 3))
    subject = {"kind": "error", "origin_service": "mailer", "origin_operation": "send"}
    story.findings = found(("high", ("mailer",)))
    story.findings["subject"] = [subject]
    for finding in ("f0", {"subject": subject}, story.findings.iloc[0]):
        assert visits(cascade_tree(story, finding))[0] == ["<b>mailer</b>", "send", "3 traces"]
    with pytest.raises(KeyError, match="no finding has the id"):
        cascade_tree(story, "f7")
    assert "about slowness" in texts(cascade_tree(story, {"subject": {"kind": "latency"}}))


def test_ways_seen_least_are_hidden_and_counted():
    figure = cascade_tree(failed(*((f"s{i:02}", "x", (f"s{i:02} x",), "", True, i) for i in range(1, 26))))
    # The five smallest: 1 + 2 + 3 + 4 + 5 of 325 traces.
    assert "5 of 25 ways hidden, those seen least, with 15 of 325 traces." in texts(figure)


def test_the_middle_of_a_long_way_is_left_out():
    path = tuple(f"s{i} x" for i in range(9))
    figure = cascade_tree(failed(("s0", "x", path, "", True, 1)))
    assert [text[0] for text in visits(figure)] == [
        *(f"<b>s{i}</b>" for i in range(3)),
        "<b>…</b>",
        *(f"<b>s{i}</b>" for i in (7, 8)),
        "<b>✖ request failed</b>",
    ]
    assert "The middle of 1 long way is left out." in texts(figure)


def test_hovering_names_traces_and_mechanisms():
    said = texts(cascade_tree(failed(*SHOP)))
    assert f"trace {TRACE}" in said
    assert "100 timeout" in said


def test_without_failures_the_figure_says_why():
    assert "No failed span was seen" in texts(cascade_tree(Story({})))
    mistakes = Story({"operations": pd.DataFrame({"errors": [2, 1]})})
    assert "3 failed spans seen, but no failure that could travel" in texts(cascade_tree(mistakes))


def test_hostile_names_bring_no_markup():
    rows = [(name, name, (name, f"{name} x"), name, False, 1) for name in HOSTILE]
    said = texts(cascade_tree(failed(*rows)))
    assert "<script" not in said
    assert "<a " not in said
    assert len(said) < 100_000


def test_a_failure_that_no_request_waits_for_names_who_sent_the_message():
    story = failed(("mail", "receive", ("mail receive",), "", True, 3))
    story.facts["failures"]["sent_by"] = "orders POST /orders"
    figure = cascade_tree(story)
    assert visits(figure)[-1] == ["<b>✉ not waited for by</b>", "orders POST /orders", "3 traces (100 %)"]
    assert "in 0 of 3 traces the request failed" in texts(figure)
