"""Free memory goes back now and then: after a few pieces of work, whichever threads did them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from analysis import _allocation


@pytest.fixture
def returns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return what grows by one whenever memory is given back."""
    counted: list[int] = []
    monkeypatch.setattr(_allocation, "give_back", lambda: counted.append(1))
    monkeypatch.setattr(_allocation, "_resident", lambda: 1_000_000_000)
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


def test_memory_goes_back_after_every_piece_where_much_is_held(
    returns: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_allocation, "_resident", lambda: 2_000_000_000)
    for _ in range(12):
        _allocation.give_back_at_times()
    assert len(returns) == 12


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system is not asked")
def test_what_is_held_is_known() -> None:
    before = _allocation._resident()
    kept = np.ones(25_000_000)
    assert before + 150_000_000 < _allocation._resident() < before + 400_000_000
    assert kept.all()


def test_giving_back_keeps_what_is_in_use() -> None:
    kept = bytearray(b"x" * 5_000_000)
    _allocation.give_back()
    assert kept.count(b"x") == 5_000_000
