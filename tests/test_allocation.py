"""Free memory goes back now and then: after a few pieces of work, whichever threads did them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from analysis import _allocation


@pytest.fixture
def returns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return what grows by one whenever memory is given back."""
    counted: list[int] = []
    monkeypatch.setattr(_allocation, "give_back", lambda: counted.append(1))
    return counted


def test_memory_goes_back_after_every_fourth_piece(returns: list[int]) -> None:
    for _ in range(12):
        _allocation.give_back_at_times()
    assert len(returns) == 3


def test_pieces_of_several_threads_are_counted_together(returns: list[int]) -> None:
    with ThreadPoolExecutor(3) as executor:
        for done in [executor.submit(_allocation.give_back_at_times) for _ in range(40)]:
            done.result()
    assert len(returns) == 10


def test_giving_back_keeps_what_is_in_use() -> None:
    kept = bytearray(b"x" * 5_000_000)
    _allocation.give_back()
    assert kept.count(b"x") == 5_000_000
