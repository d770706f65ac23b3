from __future__ import annotations

import random

from analysis.facts._distinct import REGISTERS, estimate, registers_of
from tests.facts.rows import read, span


def count(texts: list[str]) -> int:
    register, rank = registers_of(texts)
    largest: dict[int, int] = {}
    for place, value in zip(register.tolist(), rank.tolist(), strict=True):
        largest[place] = max(value, largest.get(place, 0))
    return estimate(list(largest.values()))


def test_one_name_is_one_however_often_it_comes():
    found = read(
        "name_registers",
        *(
            span(number, 1 if number > 1 else 0, operation="GET /carts/{id}", name="GET /carts/1077")
            for number in (1, 2, 3)
        ),
        span(4, 1, operation="load", name="load"),
    )
    assert len(found) == 1
    assert estimate(found["rank"].tolist()) == 1


def test_registers_and_ranks_are_within_their_bounds():
    register, rank = registers_of([f"GET /carts/{number}" for number in range(5000)])
    assert 0 <= register.min() <= register.max() < REGISTERS
    # 53 bits are left after the register: the first bit set is one of them, or none is.
    assert 1 <= rank.min() <= rank.max() <= 54


def test_half_of_the_ranks_are_one():
    _, rank = registers_of([f"cart {number}" for number in range(20000)])
    # 20,000 fair coins: 10,000 ± 4 standard deviations of 71.
    assert abs(int((rank == 1).sum()) - 10000) < 4 * 71


def test_distinct_texts_are_counted_within_four_standard_errors():
    rnd = random.Random(7)
    for size in (100, 1000, 10_000, 200_000):
        texts = [f"GET /carts/{rnd.getrandbits(64):x}" for _ in range(size)]
        assert abs(count(texts) - size) <= 4 * 0.023 * size, size


def test_none_are_none():
    assert estimate([]) == 0
    register, rank = registers_of([])
    assert len(register) == len(rank) == 0
