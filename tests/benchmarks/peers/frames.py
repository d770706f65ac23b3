"""What peers that work with data frames have in common: the order of their steps, and the form of what they make."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

__all__ = ["Made", "make_each"]

Frame = TypeVar("Frame")


class Made(NamedTuple, Generic[Frame]):
    """The tables of a fact, as of :class:`tests.benchmarks.peers.whole.Parts`."""

    rows: Frame
    histograms: dict[str, Frame]
    exemplars: Frame | None


def make_each(
    planted: Any, critical: Callable[[Any], Any], facts: ModuleType, calls: ModuleType, done: Callable[[str], None]
) -> dict[str, Any]:
    """Make the facts of planted spans, and say what is done after each step.

    Parameters
    ----------
    planted
        The spans, decoded, with their parents.
    critical
        Finds what each span has of critical paths.
    facts, calls
        The modules of the peer with a function for each fact.
    done
        Called with the name of each step, planting first.
    """
    done("planting")
    made = {}
    for name in ("requests", "visits", "pauses"):
        made[name] = getattr(facts, name)(planted)
        done(name)
    on_path = critical(planted)
    done("critical path")
    made["operations"] = facts.operations(planted, on_path)
    done("operations")
    made["coverage"] = facts.coverage(planted)
    done("coverage")
    for name in ("data_access", "calls"):
        made[name] = getattr(calls, name)(planted)
        done(name)
    return made
