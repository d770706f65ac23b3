"""One trace as a waterfall."""

import pytest

from analysis.dataset import open_export
from analysis.figures.waterfall import trace_waterfall, waterfall
from analysis.forest import plant
from tests.exports import otlp
from tests.exports import span as exported_span
from tests.figures.stories import HOSTILE, texts
from tests.forests import span_table

MS = 1_000_000
TRACE = "0" * 31 + "1"


def span(number, parent, start_ms, end_ms, **more):
    """Return a row of a span by times in ms; its service is "shop" and its operation tells its number."""
    times = {"start_ns": start_ms * MS, "duration_ns": (end_ms - start_ms) * MS}
    names = {"service": "shop", "name": f"raw/{number}", "operation": f"op-{number}", "kind": "server"}
    return {"span_id": number, "parent_span_id": parent, **times, **names, **more}


def drawn(*rows, **options):
    return trace_waterfall(plant(span_table(rows)), 0, **options)


def trace_of(figure, name):
    (trace,) = (trace for trace in figure.data if trace.name == name)
    return trace


def labels(figure):
    return list(trace_of(figure, "spans").text)


def test_spans_stand_under_their_parents_in_order_of_start():
    figure = drawn(span(1, 0, 0, 100), span(3, 1, 50, 60), span(2, 1, 10, 40), span(4, 2, 20, 30))
    assert labels(figure) == [f"<b>shop</b> op-{number}" for number in (1, 2, 4, 3)]
    indents = trace_of(figure, "spans").x
    assert indents[0] < indents[1] == indents[3] < indents[2]


def test_bars_are_in_milliseconds_since_the_start_of_the_trace():
    figure = drawn(span(1, 0, 1000, 1100), span(2, 1, 1010, 1040, service="cart"))
    cart, shop = trace_of(figure, "cart"), trace_of(figure, "shop")
    assert (cart.base, cart.x, cart.y) == ((10.0,), (30.0,), (1,))
    assert (shop.base, shop.x) == ((0.0,), (100.0,))
    assert "ms since the start of the trace" in texts(figure)


def test_every_bar_is_as_thick_as_its_row_however_far_apart_those_of_a_service_are():
    near = [span(number, 1, number, number + 1) for number in range(2, 30)]
    figure = drawn(span(1, 0, 0, 100, service="cart"), *near, span(30, 1, 50, 60, service="cart"))
    bars = [trace for trace in figure.data if trace.type == "bar"]
    # Those of cart are 29 rows apart: without a width of their own the library draws each over 22 rows.
    assert len(bars) == 2
    assert [0.5 < bar.width < 1 for bar in bars] == [True, True]


def test_the_critical_path_is_drawn_in_its_pieces():
    # Worked by hand: the root waits for the child from 20 to 80, and works itself before and after.
    figure = drawn(span(1, 0, 0, 100), span(2, 1, 20, 80))
    line = trace_of(figure, "critical path")
    pieces = {(line.x[i], line.x[i + 1], round(line.y[i])) for i in range(0, len(line.x), 3)}
    assert pieces == {(80, 100, 0), (20, 80, 1), (0, 20, 0)}


def test_failed_and_marked_spans_have_signs():
    figure = drawn(span(1, 0, 0, 100, status="error"), span(2, 1, 20, 80), highlight=["2", "ff"])
    assert labels(figure) == ["✖ <b>shop</b> op-1", "▶ <b>shop</b> op-2"]
    assert "1 span to be marked not found in this trace." in texts(figure)
    assert trace_of(figure, "shop").marker.line.width == (2, 0.5)


def test_raw_names_are_not_shown():
    said = texts(
        drawn(span(1, 0, 0, 100, name="GET /users/alice", db_statement="SELECT 'secret'", url_path="/u?x=secret"))
    )
    assert "alice" not in said
    assert "secret" not in said


def test_a_statement_is_named_by_its_fingerprint():
    figure = drawn(
        span(1, 0, 0, 9, category="database", operation="SELECT shop", template="SELECT * FROM t WHERE a = ?")
    )
    assert labels(figure) == ["<b>shop</b> SELECT * FROM t WHERE a = ?"]


def test_hovering_tells_ids_template_and_times():
    figure = drawn(span(1, 0, 0, 100, template="GET /x"), span(2, 1, 20, 80))
    assert trace_of(figure, "spans").hovertext[0].split("<br>") == [
        "<b>shop</b> op-1",
        "template GET /x",
        "kind server",
        "from 0 ms, duration 100 ms",
        "self time 40 ms",
        "on the critical path 40 ms",
        "span 0000000000000001",
    ]
    assert f"trace {TRACE}" in texts(figure)


def test_what_does_not_fit_is_hidden_and_counted():
    # Span 2 is on the critical path, 3 failed, 4 is marked, 5 and 6 are neither, 6 is the longer one.
    rows = [
        span(1, 0, 0, 100),
        span(2, 1, 0, 99),
        span(3, 1, 1, 2, status="error"),
        span(4, 1, 1, 3),
        span(5, 1, 1, 4),
        span(6, 1, 1, 9),
    ]
    four = drawn(*rows, highlight=["4"], spans_at_most=4)
    assert labels(four) == ["<b>shop</b> op-1 +2", "<b>shop</b> op-2", "✖ <b>shop</b> op-3", "▶ <b>shop</b> op-4"]
    assert "Hidden: 2 of 6 spans" in texts(four)
    assert "op-6" in "".join(labels(drawn(*rows, highlight=["4"], spans_at_most=5)))


def test_ancestors_come_along_and_a_gap_is_signed():
    chain = [
        span(number, number - 1, number, 100 - number, kind="consumer" if number > 1 else "server")
        for number in range(1, 9)
    ]
    figure = drawn(*chain, highlight=["8"], spans_at_most=5)
    # Three lines are for the root, the marked span and its nearest ancestor. Then the critical path, which is the
    # root alone as nobody waits for a consumer, then the longest: 2 and 3. So 4, 5 and 6 are hidden, below 3.
    assert [label.rpartition(" op-")[2] for label in labels(figure)] == ["1", "2", "3 +3", "7", "8"]
    assert labels(figure)[3].startswith("⋯ ")


def test_a_chain_too_deep_for_recursion_is_drawn():
    figure = drawn(*(span(number, number - 1, 0, 10_000 - number) for number in range(1, 3001)))
    assert len(labels(figure)) == 200
    assert "Hidden: 2,800 of 3,000 spans" in texts(figure)


def test_spans_without_times_and_without_parents_are_told():
    figure = drawn(span(1, 0, 0, 100), span(2, 1, 0, 0, start_ns=None, duration_ns=None), span(3, 77, 5, 6))
    said = texts(figure)
    assert "1 span without a time: no bar, on no path." in said
    assert "⚠ 1 span whose parent is missing from the export." in said
    assert any(text.strip("\u00a0") == "◇ no time" for text in trace_of(figure, "durations").text)


def test_a_trace_without_any_time_is_drawn():
    figure = drawn(span(1, 0, 0, 0, start_ns=None, duration_ns=None))
    assert labels(figure) == ["<b>shop</b> op-1"]


def test_a_trace_is_found_in_an_export(tmp_path):
    export = tmp_path / "traces.json"
    export.write_bytes(otlp([exported_span(7, 1), exported_span(7, 2, 1, service="cart", start=10, length=500)]))
    data = open_export(export)
    trace_id = data.spans()["trace_id"].iloc[0]
    figure = waterfall(data, trace_id, highlight=[data.spans()["span_id"].iloc[1]])
    assert figure.layout.title.subtitle.text.startswith(f"trace {trace_id}: 2 spans, 2 services")
    assert sum(label.startswith("▶") for label in labels(figure)) == 1
    other = "f" * 32
    assert f"There is no trace {other} in this export." in texts(waterfall(data, other))
    with pytest.raises(ValueError, match="trace id"):
        waterfall(data, "<b>")


def test_hostile_names_bring_no_markup():
    rows = [span(1, 0, 0, 100)]
    for number, name in enumerate(HOSTILE, 2):
        rows.append(span(number, 1, 1, 50, service=name or None, operation=name or None, template=name or None))
    said = texts(drawn(*rows))
    assert "<script" not in said
    assert "<a " not in said
    assert len(said) < 100_000


def test_a_parent_that_a_hundred_thousand_calls_cut_into_pieces_is_a_small_figure():
    count = 100_000
    ids = [f"{number:016x}" for number in range(2, count + 2)]
    calls = [span(number, 1, 2 * number, 2 * number + 1) for number in range(2, count + 2)]
    forest = plant(span_table([span(1, 0, 0, 3 * count), *calls]))
    figure = trace_waterfall(forest, 0, ids)
    assert len(figure.to_json()) < 1_000_000
    assert len(labels(figure)) == 200
    hidden = f"{count + 1 - 200:,} of {count + 1:,} spans"
    assert hidden in texts(figure)
    assert "of them marked ▶" in texts(figure)
    # Half of the first two thirds is the parent's own, in pieces too small to be told apart, and all of the last.
    x = [value for value in trace_of(figure, "critical path").x if value is not None]
    assert (min(x), max(x)) == (0, 3 * count)
