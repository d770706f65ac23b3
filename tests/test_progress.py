"""Progress in a notebook: shown where work takes long, gone when it is done, and nowhere else."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from analysis import _progress
from analysis._progress import QUIET, told_in_notebooks


class ZMQInteractiveShell:
    """The shell of a notebook, by its name."""


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """Stand in for a notebook, and return what is shown, in order."""
    said: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            said.append(html)

    def display(html: str, *, display_id: bool) -> Handle:
        assert display_id
        said.append(html)
        return Handle()

    shell = SimpleNamespace(get_ipython=ZMQInteractiveShell)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=display))
    monkeypatch.delenv(QUIET, raising=False)
    return said


@pytest.fixture
def clock(monkeypatch) -> Any:
    """Return a clock that is set by hand."""
    hand = SimpleNamespace(now=100.0)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: hand.now)
    return hand


def test_what_is_quick_shows_nothing(shown, clock):
    with told_in_notebooks(None) as told:
        told("facts", 1, 8)
        clock.now += 0.9
        told("facts", 8, 8)
    assert shown == []


def test_what_takes_long_shows_a_bar_until_it_is_done(shown, clock):
    with told_in_notebooks(None) as told:
        clock.now += 1.1
        told("facts", 2, 8)
        told("facts", 3, 8)
        clock.now += 0.3
        told("<b>spans</b>", 4_000, None)
    assert shown[0] == '<div><progress value="2" max="8"></progress> facts: 2 of 8</div>'
    # The third came too soon after the second; a name cannot be markup.
    assert shown[1:] == ["<div><progress></progress> &lt;b&gt;spans&lt;/b&gt;: 4,000</div>", ""]


def test_it_is_gone_when_the_work_fails(shown, clock):
    def works() -> None:
        with told_in_notebooks(None) as told:
            clock.now += 2
            told("facts", 1, 2)
            raise KeyError

    with pytest.raises(KeyError):
        works()
    assert shown[-1] == ""


def test_reports_and_programs_show_none(shown, clock, monkeypatch):
    monkeypatch.setenv(QUIET, "1")
    with told_in_notebooks(None) as told:
        assert told is None
    monkeypatch.delenv(QUIET)
    monkeypatch.delitem(sys.modules, "IPython")
    with told_in_notebooks(None) as told:
        assert told is None
    asked = []
    with told_in_notebooks(lambda *said: asked.append(said)) as told:
        told("facts", 1, 2)
    assert asked == [("facts", 1, 2)]
