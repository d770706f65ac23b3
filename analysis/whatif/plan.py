"""What a scenario changes in one partition of traces: which spans do not happen, last otherwise, fail or run beside."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis._kernels.replay import replay
from analysis.facts._modules import modules_of
from analysis.forest import Forest
from analysis.graph import module_name

__all__ = ["Plan", "Recording"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

_CALLS = tuple(schema.KINDS.index(name) for name in ("client", "producer"))


@dataclass(frozen=True, eq=False)
class Recording:
    """One partition, with what scenarios ask of it.

    Attributes
    ----------
    forest
        Planted with the columns of links, and ``operation`` and ``template``.
    """

    forest: Forest

    @cached_property
    def services(self) -> NDArray[np.object_]:
        """Service of every span; empty where it has none."""
        codes = self.forest.service
        return np.array([*codes.values, ""], dtype=object)[codes.codes]

    def texts(self, column: str) -> NDArray[np.object_]:
        """Return a text column; empty where a span has none."""
        codes = self.forest.codes(column)
        return np.array([*codes.values, ""], dtype=object)[codes.codes]

    @cached_property
    def modules(self) -> NDArray[np.object_]:
        """Module of every span, after its service ("shop/stock"); empty where its service names none on the way."""
        codes = modules_of(self.forest)
        module = np.array([*codes.values, ""], dtype=object)[codes.codes]
        names = {pair: module_name(*pair) for pair in set(zip(self.services, module, strict=True)) if all(pair)}
        return np.array([names.get(pair, "") for pair in zip(self.services, module, strict=True)], dtype=object)

    @cached_property
    def entered(self) -> NDArray[np.int64]:
        """The span by which each span's request came to its service: the topmost of the service on the way up."""
        forest = self.forest
        entered = np.arange(forest.size, dtype=np.int64)
        same = (forest.parent >= 0) & (self.services[forest.parent] == self.services)
        for depth in range(1, int(forest.depth.max(initial=0)) + 1):
            rows = np.flatnonzero((forest.depth == depth) & same)
            entered[rows] = entered[forest.parent[rows]]
        return entered

    @cached_property
    def answer(self) -> NDArray[np.int64]:
        """The span of another service that answered each call; -1 where none did."""
        forest = self.forest
        answer = np.full(forest.size, -1, np.int64)
        edges = forest.edges
        both = (edges.client >= 0) & (edges.server >= 0)
        answer[edges.client[both][::-1]] = edges.server[both][::-1]
        # Without kinds, or without a client's span, the parent is the call.
        alone = np.flatnonzero((edges.client < 0) & (edges.server >= 0))
        servers = edges.server[alone]
        above = forest.parent[servers]
        answer[above[above >= 0]] = servers[above >= 0]
        return answer

    @cached_property
    def target(self) -> NDArray[np.object_]:
        """Whom each call went to: a service, a store, or something outside; empty for spans that are no call."""
        forest, edges = self.forest, self.forest.edges
        target = np.full(forest.size, "", dtype=object)
        names = np.array([*(node.id for node in edges.nodes), ""], dtype=object)
        rows = np.where(edges.client >= 0, edges.client, np.where(edges.server >= 0, forest.parent[edges.server], -1))
        named = rows >= 0
        target[rows[named]] = names[edges.callee[named]]
        return target

    @cached_property
    def calls(self) -> Bools:
        """Spans that are a call: of kind client or producer, or, without kinds, answered by another service."""
        kind = self.forest.kind
        return np.asarray(np.isin(kind, _CALLS) | ((kind == 0) & (self.answer >= 0)))


@dataclass(eq=False)
class Plan:
    """Changes gathered for one partition; scenarios add to it one after the other.

    Attributes
    ----------
    recording
        What is changed.
    removed
        The span and all below it do not happen.
    inside
        The child that is all there is of a call: it happens in the same process; -1 elsewhere.
    beside
        A sibling together with which a span starts; -1: none.
    extra
        ns that a span lasts longer.
    limit
        The longest that it lasts, ns; -1: as long as it takes.
    fails
        Probability that it fails for the change.
    recovered
        Probability that a failure which was recorded is undone.
    more_calls
        Calls made in its place beyond itself.
    new_calls
        Calls made to reach it, where it was reached within its process.
    """

    recording: Recording
    removed: Bools = field(init=False)
    inside: NDArray[np.int32] = field(init=False)
    beside: NDArray[np.int32] = field(init=False)
    extra: Int64s = field(init=False)
    limit: Int64s = field(init=False)
    fails: Floats = field(init=False)
    recovered: Floats = field(init=False)
    more_calls: Floats = field(init=False)
    new_calls: Floats = field(init=False)

    def __post_init__(self) -> None:
        size = self.recording.forest.size
        self.removed = np.zeros(size, np.bool_)
        self.inside, self.beside = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
        self.extra, self.limit = np.zeros(size, np.int64), np.full(size, -1, np.int64)
        self.fails, self.recovered = np.zeros(size), np.zeros(size)
        self.more_calls, self.new_calls = np.zeros(size), np.zeros(size)

    def settle(self) -> None:
        """Remove what lies below what was removed."""
        forest = self.recording.forest
        for depth in range(1, int(forest.depth.max(initial=0)) + 1):
            rows = np.flatnonzero(forest.depth == depth)
            self.removed[rows] |= self.removed[forest.parent[rows]]

    def durations(self) -> Int64s:
        """Return how long every span lasts with the change; ns."""
        forest = self.recording.forest
        upwards = np.argsort(-forest.depth, kind="stable").astype(np.int64)
        at, lasting = np.zeros(forest.size, np.int64), np.zeros(forest.size, np.int64)
        replay(
            upwards,
            forest.child_offset,
            forest.child,
            forest.start,
            forest.end,
            forest.has_time,
            forest.blocking,
            self.removed,
            self.beside,
            self.inside,
            self.extra,
            self.limit,
            at,
            lasting,
        )
        return lasting

    def call_counts(self) -> Floats:
        """Return how many calls every span stands for with the change."""
        recording = self.recording
        made = recording.calls & ~self.removed & (self.inside < 0)
        kept = np.where(made, recording.forest.multiplicity + self.more_calls, 0.0)
        return kept + np.where(self.removed, 0.0, self.new_calls)
