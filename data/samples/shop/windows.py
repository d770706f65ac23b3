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
    concurrency: int = 3
    outage_percent: int = 5
    probe_rounds: int = 15
    backoffice_rounds: int = 42
    polls: int = 150


WINDOWS = {
    window.name: window
    for window in (
        Window("before", fixed=False, phases=(Phase(160),), seed=11, outage_percent=8),
        Window(
            "incident",
            fixed=False,
            phases=(
                Phase(170),
                Phase(65, delay_s=3.0),
                Phase(12, delay_s=0.2, failing=True),
                Phase(45),
            ),
            seed=12,
            concurrency=6,
            outage_percent=3,
        ),
        Window(
            "after",
            fixed=True,
            phases=(Phase(120), Phase(30, delay_s=0.2, failing=True), Phase(20)),
            seed=13,
            outage_percent=4,
        ),
    )
}
