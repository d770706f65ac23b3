"""What about the telemetry weakens statements that depend on it: each doubt, how it is measured, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from analysis._wording import counted, percent

__all__ = ["DOUBTS", "IMPLIED", "NO_CROSSING", "Doubt", "weighed", "with_implied"]

#: What is said where no trace leads from one service to another.
NO_CROSSING: Final = (
    "no trace crosses a service: context propagation is broken between the services, unless they never call each other"
)
#: A doubt about less than this share is not worth a word (house default).
_NEGLIGIBLE: Final = 0.001
#: Whoever rests on the first rests on the others too: what compares times between hosts on their steps; who calls whom
#: on what client spans say of whom they call; who touches which table on the statements that are there at all; and all
#: that reads attributes on the names that they have.
IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {
    "skew": ("resolution",),
    "kinds": ("peers", "conventions"),
    "truncated_statements": ("statements", "conventions"),
    "routes": ("conventions",),
    "destinations": ("conventions",),
    "error_types": ("conventions",),
}

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Doubt:
    """Something about the telemetry that weakens statements which depend on it.

    Attributes
    ----------
    share
        0..1: how much of what a statement rests on is affected.
    weight
        0..1: how much confidence is lost where all of it is affected.
    sentence
        What to say beside a finding that it weakens.
    """

    share: float
    weight: float
    sentence: str

    @property
    def factor(self) -> float:
        """What confidence is multiplied by."""
        return 1.0 - min(1.0, max(0.0, self.share)) * self.weight


@dataclass(frozen=True)
class _Rule:
    """How a doubt is measured: the share from the counts, its weight (house default), and its words from the share."""

    share: Callable[[Counts], float]
    weight: float
    words: Callable[[Counts, str], str]


_RULES: Final[Mapping[str, _Rule]] = {
    "propagation": _Rule(lambda count: float(count["uncrossed"] > 0), 0.5, lambda _, __: NO_CROSSING),
    "orphans": _Rule(
        lambda count: _share(count["lost"], count["with_parent"]),
        0.8,
        lambda _, share: f"{share} of the spans that name a parent have lost it: counts are lower bounds",
    ),
    "sampling": _Rule(
        lambda count: _share(count["weighted"], count["spans"]),
        0.3,
        lambda _, share: f"{share} of the spans are weighted samples",
    ),
    "compressed": _Rule(
        lambda count: _share(count["compressed"] + count["dropped"], count["spans"] + count["dropped"]),
        0.5,
        lambda _, share: f"{share} of the spans are compressed or dropped: counts are lower bounds",
    ),
    "truncated_statements": _Rule(
        lambda count: _share(count["truncated"], count["data_calls"]),
        0.5,
        lambda _, share: f"{share} of the statements are cut off",
    ),
    "statements": _Rule(
        lambda count: _lacking(count["with_statement"], count["data_calls"]),
        0.4,
        lambda _, share: f"{share} of the data calls say neither statement nor table: who uses it is seen in part",
    ),
    "kinds": _Rule(
        lambda count: _lacking(count["with_kind"], count["spans"]),
        0.6,
        lambda _, share: f"{share} of the spans do not say their kind",
    ),
    "peers": _Rule(
        lambda count: _lacking(count["with_peer"], count["clients"]),
        0.4,
        lambda _, share: f"{share} of the client spans do not say whom they call: calls are lower bounds",
    ),
    "routes": _Rule(
        lambda count: _lacking(count["with_route"], count["http_servers"]),
        0.2,
        lambda _, share: f"{share} of the HTTP server spans name no route: operations are told by their paths",
    ),
    "destinations": _Rule(
        lambda count: _lacking(count["with_destination"], count["messages"]),
        0.4,
        lambda _, share: f"{share} of the messages do not say their topic or queue",
    ),
    "error_types": _Rule(
        lambda count: _lacking(count["with_error_type"], count["errors"]),
        0.2,
        lambda _, share: f"{share} of the failed spans say no type of error: why they failed is not known",
    ),
    "conventions": _Rule(
        lambda count: _share(count["old_conventions"], count["spans"]),
        0.05,
        lambda _, share: f"{share} of the spans have attributes of old semantic conventions, which were translated",
    ),
    "logs": _Rule(
        lambda count: _lacking(count["joined"], count["lines"], empty=1.0),
        0.1,
        lambda count, share: (
            f"{share} of the log records lead to no span: what they would tell of it was not seen"
            if count["lines"]
            else "there are no log records: what they would tell was not seen"
        ),
    ),
    "skew": _Rule(
        lambda count: float(count["corrected_clocks"] > 0),
        0.1,
        lambda count, _: (
            ("the clock of 1 host was" if count["corrected_clocks"] == 1 else _clocks(count["corrected_clocks"]))
            + " corrected: times between hosts are estimates"
        ),
    ),
    "resolution": _Rule(
        lambda count: _share(count["coarse"], count["spans"]),
        0.2,
        lambda _, share: f"the times of {share} of the spans have steps of a millisecond or more",
    ),
}
#: What can weaken a statement.
DOUBTS: Final = tuple(_RULES)


def weighed(counts: Counts) -> dict[str, Doubt]:
    """Return the doubts that apply, by name.

    Parameters
    ----------
    counts
        What was counted of the spans and log records that a statement rests on: sums of the facts ``coverage``,
        ``orphans`` and ``log_lines``, ``lost`` (parents), ``corrected_clocks``, and ``uncrossed``: 1 where no trace
        leads from one service to another.
    """
    found = {}
    for name, rule in _RULES.items():
        share = rule.share(counts)
        if share >= _NEGLIGIBLE:
            found[name] = Doubt(share, rule.weight, rule.words(counts, percent(share)))
    return found


def with_implied(sensitive_to: Iterable[str]) -> list[str]:
    """Return the doubts that weaken a statement, with those that they imply, sorted."""
    named = set(sensitive_to)
    return sorted(named.union(*(IMPLIED.get(name, ()) for name in named)))


def _clocks(hosts: int) -> str:
    return f"the clocks of {counted(hosts, 'host')} were"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _lacking(part: int, whole: int, empty: float = 0.0) -> float:
    return 1.0 - part / whole if whole else empty
