"""Facts of chatty calls on shapes that nobody meant: nothing at all, a lone span, very wide and very deep traces."""

from __future__ import annotations

import pytest

from analysis import facts
from analysis.facts import chains, conversations, fan_outs, payloads, revisits, same_questions, series
from analysis.forest import plant
from tests.facts.chatty_forests import MS, client, scan, server
from tests.forests import span_table

FACTS = (chains, conversations, fan_outs, payloads, revisits, same_questions, series)


@pytest.mark.parametrize("fact", FACTS, ids=facts.name_of)
def test_nothing_and_a_span_without_anything_are_no_occurrence(fact: facts.Fact):
    assert fact.scan(plant(span_table([]))).num_rows == 0
    bare = fact.scan(plant(span_table([{"span_id": 1}])))
    assert bare.num_rows == 0


@pytest.mark.parametrize("fact", FACTS, ids=facts.name_of)
def test_a_trace_without_calls_is_at_most_a_chain_of_none(fact: facts.Fact):
    found = scan(fact, server(1, 0, "a", 0, 10), server(2, 1, "a", 1, 5))
    assert len(found) == (1 if fact is chains else 0)


def test_wide_and_deep_traces_are_told_whole():
    deep = [server(1 + i, i, f"s{i % 2}", 0, 1000) for i in range(5000)]
    [row] = scan(chains, *deep).itertuples(index=False)
    assert row.edges == 64
    wide = [server(1, 0, "a", 0, 100_000), *(client(2 + i, 1, "a", i, 1, f"b{i % 50}") for i in range(20_000))]
    [fan] = scan(fan_outs, *wide).itertuples(index=False)
    assert (fan.calls, fan.callees, fan.penalty_ns) == (20_000, 50, 0)
    [asked] = scan(series, *wide).itertuples(index=False)
    assert (asked.different, asked.calls, asked.saving_ns) == (50, 20_000, 19_999 * MS)
    again = scan(same_questions, *wide)
    repeated = again[again["verdict"] == "repeated"]
    assert (len(repeated), int(repeated["repeated"].sum())) == (50, 19_950)
