"""The three windows: how many visits each has, and how the acquirer behaves meanwhile."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """A stretch of a window with one behaviour of the acquirer."""

    visits: int
    delay_s: float = 0.03
    failing: bool = False


@dataclass(frozen=True)
class Window:
    """One recording."""

    name: str
    fixed: bool
    phases: tuple[Phase, ...]
    seed: int
    concurrency: int = 4
    probe_rounds: int = 15
    backoffice_rounds: int = 20
    polls: int = 150


WINDOWS = {
    window.name: window
    for window in (
        Window("before", fixed=False, phases=(Phase(150),), seed=11),
        Window(
            "trial", fixed=False, phases=(Phase(30),), seed=10, probe_rounds=4, backoffice_rounds=4,
            polls=20,
        ),
        Window(
            "incident",
            fixed=False,
            phases=(Phase(40), Phase(35, delay_s=3.0), Phase(40, failing=True), Phase(35)),
            seed=12,
            concurrency=6,
        ),
        Window(
            "after",
            fixed=True,
            phases=(Phase(110), Phase(20, delay_s=0.3, failing=True), Phase(20)),
            seed=13,
        ),
    )
}
