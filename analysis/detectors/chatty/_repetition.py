"""What the two detectors of repeated calls share: which runs count, what they cost, and how sure it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from analysis._histogram import Histogram
from analysis._wording import duration
from analysis.detectors import Evidence, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import largest_share, shortened
from analysis.detectors._rows import Rows
from analysis.facts.sibling_runs import PAGED
from analysis.findings import Example, Severity

__all__ = ["PERCENTILE", "Repetition", "repetitions", "set_aside", "without_redundant"]

#: Costs of a request are compared at this percentile.
PERCENTILE: Final = 0.95
_SUBJECT: Final = ("service", "operation", "template", "target")
_NOT_REPEATED: Final = {
    "retry": "attempts of one call that failed, left to what is said of retries",
    "polling": "a question asked again after pauses: polling",
    "scatter": "one question put to many places at once: a scatter",
}
#: Clauses by which one long answer is read page by page.
_PAGES: Final = re.compile(r"\bOFFSET \?|\bFETCH NEXT \?", re.IGNORECASE)
#: How much the longest call differs from the shortest where each fetches other rows.
_UNEVEN: Final = 1.5


@dataclass(frozen=True)
class Repetition:
    """All runs of one template to one target that one operation makes, long enough to count.

    Attributes
    ----------
    service, operation, template, target
        What a finding names.
    rows
        Of the fact ``sibling_runs``.
    identical
        The runs ask for the same thing each time.
    evidence, limits
        What they are judged by.
    """

    service: str
    operation: str
    template: str
    target: str
    rows: Rows
    identical: bool
    evidence: Evidence
    limits: Limits

    def total(self, column: str) -> int:
        """Return the sum of a column."""
        return self.rows.total(column)

    def share_where(self, column: str, value: str | bool) -> float:
        """Return the share (0..1) of the calls whose rows have a value."""
        return float(self.rows["calls"][self.rows[column] == value].sum()) / max(1, self.total("calls"))

    def histogram(self, name: str) -> Histogram:
        """Return calls, union, critical or saving per request (ns, or calls)."""
        return self.rows.histogram(f"{name}_per_request")

    @cached_property
    def calls_p95(self) -> float:
        """Calls per request with the run, p95."""
        return round(self.histogram("calls").percentile(PERCENTILE), 2)

    @cached_property
    def pattern(self) -> bool:
        """The runs repeat several templates in turn."""
        return bool((self.rows["spread"] == "pattern").all())

    @property
    def templates(self) -> tuple[str, ...]:
        """The template, or those of the pattern."""
        return tuple(self.template.split("; ")) if self.pattern else (self.template,)

    @property
    def pages(self) -> bool:
        """The template reads one long answer page by page."""
        return any(_PAGES.search(text) or PAGED.search(text) for text in self.templates)

    @property
    def background(self) -> bool:
        """No user waits for any of the runs."""
        return bool(self.rows["background"].all())

    @property
    def concurrent_share(self) -> float:
        """Share (0..1) of the calls that are made at once."""
        return self.share_where("concurrent", value=True)

    @property
    def times(self) -> str:
        """How often the calls are made, as a reader says it."""
        usual = round(self.histogram("calls").percentile(0.5), 2) == self.calls_p95
        return f"{self.calls_p95:g} times a {'job' if self.background else 'request'}{'' if usual else ' at p95'}"

    @property
    def where(self) -> str:
        """The operation, as a reader names it."""
        return f"{self.operation} of {self.service}" if self.operation else f"a span of {self.service} that is missing"

    @property
    def affected(self) -> int:
        """Traces with such a run."""
        return min(self.evidence.traces, self.total("traces"))

    @property
    def confidence_of_values(self) -> float:
        """How sure it is (0..1) that the calls ask for different things, by what is known of their values."""
        if self.identical:
            return 0.95
        differing = self.share_where("verdict", "distinct")
        return 0.95 * differing + self._confidence_unseen * (1.0 - differing)

    @cached_property
    def uneven(self) -> bool:
        """The calls differ in duration more than calls for one cached row would."""
        return self.total("longest_ns") >= _UNEVEN * max(1, self.total("shortest_ns"))

    @property
    def _confidence_unseen(self) -> float:
        hints = (self.rows["source"] != "").any(), object_mapper(self.rows["scope"]) != "", self.uneven
        return 0.65 + sum(weight for weight, hint in zip((0.1, 0.1, 0.05), hints, strict=True) if hint)

    def share_of_p95(self, name: str) -> float:
        """Return the largest share (0..1) of an entry operation's p95 that the calls take, or that one call would save.

        ``name`` is critical or saving. Requests without a run count as free of cost: what one in twenty-five requests
        pays does not move the p95.
        """
        return largest_share(self.evidence, self.rows.only(~self.rows["background"]), f"{name}_per_request")

    def severity(self, *, worth: bool) -> Severity:
        """Return the severity; ``worth`` is false where the shape is no reason to change anything."""
        passes = worth and self.histogram("union").percentile(PERCENTILE) >= self.limits["cost_ms"] * 1e6
        return severity(Weight(passes_limits=passes, share_of_p95=self.share_of_p95("saving")))

    @property
    def entries(self) -> tuple[str, ...]:
        """The entry operations whose requests make the calls, as "service operation", sorted."""
        names = zip(self.rows["entry_service"], self.rows["entry_operation"], strict=True)
        return tuple(sorted({f"{service} {operation}" for service, operation in names if operation}))

    @cached_property
    def measures(self) -> dict[str, Any]:
        """Return the numbers that the claim rests on."""
        calls, requests = self.histogram("calls"), self.total("requests")
        whole = self.total("calls")
        return {
            "calls_per_trace_p50": round(calls.percentile(0.5), 2),
            "calls_per_trace_p95": self.calls_p95,
            "calls": whole,
            "requests": requests,
            "runs": self.total("runs"),
            "longest_run_at_least": int(self.rows["length"].max()),
            "errors": self.total("errors"),
            "retries": self.total("retries"),
            "concurrent_share": round(self.concurrent_share, 4),
            "spread_share": round(1.0 - self.share_where("spread", "siblings"), 4),
            "distinct_values_share": round(self.total("values") / whole, 4) if whole else 0.0,
            "share_of_p95": self.share_of_p95("critical"),
            "saved_share_of_p95": self.share_of_p95("saving"),
            "entries": list(self.entries),
        }

    def cost(self) -> dict[str, float]:
        """Return what the calls cost: ms on the critical path per request and in total."""
        critical = self.histogram("critical")
        return {
            "critical_path_ms_p50": ms(critical.percentile(0.5)),
            "critical_path_ms_p95": ms(critical.percentile(PERCENTILE)),
            "union_ms_p95": ms(self.histogram("union").percentile(PERCENTILE)),
            "calls_per_trace_p95": self.calls_p95,
            "total_ms": ms(self.total("critical_ns")),
        }

    def saving(self) -> dict[str, float]:
        """Return what one call instead, as long as the longest of them, would save."""
        saved = self.histogram("saving")
        return {
            "critical_path_ms_p50": ms(saved.percentile(0.5)),
            "critical_path_ms_p95": ms(saved.percentile(PERCENTILE)),
            "total_ms": ms(self.total("saving_ns")),
            "calls": self.total("calls") - self.total("runs"),
        }

    def price(self) -> str:
        """Return what the calls cost, and what one call would save, as a sentence."""
        cost, saved = self.cost()["critical_path_ms_p95"], self.saving()["critical_path_ms_p95"]
        return f"They take {duration(cost)} of the critical path at p95; one call instead would save {duration(saved)}."

    def exemplars(self) -> tuple[Example, ...]:
        """Return the median, the worst and the most recent trace."""
        return examples(self.rows.exemplars, self.histogram("critical").percentile(0.5))

    def considered(self) -> list[str]:
        """Return what was looked at, a sentence each, that holds for calls of all kinds."""
        said = []
        if self.total("retries"):
            said.append(f"{self.total('retries')} further attempts of calls that failed were not counted as calls")
        if self.concurrent_share >= 0.5:
            said.append(
                "the calls run at once: the request waits for the slowest, so one call saves little of its time"
            )
        if self.background:
            said.append("a background job or message: no user waits, so severity is low at most")
        elif self.rows["background"].any():
            said.append("some of the runs are in background jobs or messages, for which no user waits")
        if self.pages:
            said.append("the template reads page by page: larger pages, or a stream, rather than one call")
        if self.share_where("spread", "cousins") > 0:
            said.append("calls under different spans of one ancestor were put together")
        if not self.operation:
            said.append("the parent is missing from the export: the calls name the same parent, the request is unknown")
        return said


def repetitions(
    evidence: Evidence, limits: Limits, categories: Sequence[str], *, among: bool = True
) -> Iterator[Repetition]:
    """Yield the repetitions of calls of some categories (or of all but these), long enough to count.

    Runs whose values differ or are not known stand for those of the same calls whose values are all the same; only
    where there are no such runs are these a repetition of their own, marked identical.
    """
    rows = _long_enough(evidence, limits, categories, among=among)
    repeated = rows.only(~rows.among("verdict", _NOT_REPEATED))
    for (service, operation, template, target), group in repeated.groups(*_SUBJECT):
        varied = group.only(group["verdict"] != "identical")
        identical = not len(varied)
        chosen = group if identical else varied
        yield Repetition(service, operation, template, target, chosen, identical, evidence, limits)


def without_redundant(runs: Iterable[Repetition]) -> tuple[list[Repetition], tuple[str, ...]]:
    """Return the runs that are not told as redundant calls, and a sentence for each that is."""
    left, said = [], []
    for run in runs:
        answer = run.evidence.answers.get("redundant_calls")
        same = {"template": run.template, "target": run.target}
        told = answer.findings if answer is not None and run.identical else ()
        if any(finding.subject == same and run.service in finding.measures["callers"] for finding in told):
            said.append(f"{run.where}, {shortened(run.template)}: the same each time, told as redundant calls")
        else:
            left.append(run)
    return left, tuple(said)


def set_aside(evidence: Evidence, limits: Limits, categories: Sequence[str], *, among: bool = True) -> tuple[str, ...]:
    """Return a sentence for each kind of run that looks repeated and is something else."""
    rows = _long_enough(evidence, limits, categories, among=among)
    apart = rows.only(rows.among("verdict", _NOT_REPEATED))
    said = []
    for (service, operation, template, verdict), group in apart.groups("service", "operation", "template", "verdict"):
        runs = group.total("runs")
        said.append(f"{service} {operation}, {shortened(template)}: {_NOT_REPEATED[verdict]} ({runs} runs)")
    return tuple(said)


def _long_enough(evidence: Evidence, limits: Limits, categories: Sequence[str], *, among: bool) -> Rows:
    rows = evidence.rows("sibling_runs")
    rows = rows.only(rows.among("category", categories) == among)
    apart, in_turn = (limits.get(name, 0.0) for name in ("repeats", "pattern_repeats"))
    return rows.only(rows["length"] >= np.where(rows["spread"] == "pattern", in_turn, apart))


#: Words in the names of instrumentation scopes of object-relational mappers, and how each loads relations at once.
_MAPPERS: Final[Mapping[str, str]] = {
    "activerecord": "includes(…)",
    "django": "select_related(…) or prefetch_related(…)",
    "doctrine": "a fetch join (addSelect)",
    "eloquent": "with(…)",
    "entityframework": "Include(…)",
    "gorm": "Preload(…)",
    "hibernate": "JOIN FETCH, an entity graph or @BatchSize",
    "jpa": "JOIN FETCH or an entity graph",
    "mongoose": "populate(…)",
    "peewee": "prefetch(…)",
    "prisma": "include or the relation's in filter",
    "sequelize": "include",
    "spring-data": "an entity graph",
    "sqlalchemy": "selectinload(…) or joinedload(…)",
    "tortoise": "prefetch_related(…)",
    "typeorm": "relations or leftJoinAndSelect(…)",
}


def object_mapper(scopes: Iterable[str]) -> str:
    """Return how the mapper that one of some scopes names loads relations at once; "" where none is named."""
    texts = sorted({str(scope).lower().replace(".", "").replace("_", "") for scope in scopes})
    for text in texts:
        for word, remedy in _MAPPERS.items():
            if word.replace("-", "") in text.replace("-", ""):
                return remedy
    return ""
