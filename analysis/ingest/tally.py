"""What was read: the entry of each input, and the counts that lead to it, which add up over partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from analysis._masking import Hidden

__all__ = ["CONFLICT", "Input", "Tally", "iso_time", "together"]

#: Why a span was refused that has the id of another and says something else.
CONFLICT: Final = "contradicts a fuller span of the same id"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(time_ns: int | None) -> str | None:
    """Write nanoseconds since the epoch as ISO 8601 in UTC, with as many digits as they need; None stays None."""
    if time_ns is None:
        return None
    seconds, rest = divmod(time_ns, 1_000_000_000)
    moment = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment}{fraction}Z"


@dataclass
class Tally:
    """Counts over spans and logs; those of two partitions add up, because a trace lives in one of them.

    Attributes
    ----------
    first_ns, last_ns
        Earliest start and latest end of the spans; None without a time.
    first_log_ns, last_log_ns
        The same of the log records.
    conflicts
        Spans dropped because a fuller one has their id and they contradict it.
    conflict
        Where one of them is: its ids.
    joined
        Spans and logs whose 64-bit trace id was completed from another record of the same trace.
    undecided
        Spans and logs whose 64-bit trace id ends several whole ones: which of them they belong to is not known.
    """

    spans: int = 0
    logs: int = 0
    traces: int = 0
    root_spans: int = 0
    error_spans: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    first_log_ns: int | None = None
    last_log_ns: int | None = None
    conflicts: int = 0
    conflict: str = ""
    joined: int = 0
    undecided: int = 0
    services: set[str] = field(default_factory=set)

    @property
    def window(self) -> tuple[int, int] | None:
        """Earliest start and latest end of the spans, ns since the epoch."""
        return None if self.first_ns is None or self.last_ns is None else (self.first_ns, self.last_ns)

    def add(self, other: Tally) -> None:
        """Add the counts of another partition to these."""
        for name in ("spans", "logs", "traces", "root_spans", "error_spans", "conflicts", "joined", "undecided"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.first_ns = _least(self.first_ns, other.first_ns)
        self.last_ns = _most(self.last_ns, other.last_ns)
        self.first_log_ns = _least(self.first_log_ns, other.first_log_ns)
        self.last_log_ns = _most(self.last_log_ns, other.last_log_ns)
        self.conflict = min(filter(None, (self.conflict, other.conflict)), default="")
        self.services |= other.services

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain JSON values."""
        return {**vars(self), "services": sorted(self.services)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Tally:
        """Take up counts that `to_json` wrote."""
        return cls(**{**row, "services": set(row["services"])})


@dataclass(frozen=True)
class Input:
    """One export as it was read.

    Attributes
    ----------
    path
        The name as it was given, or relative to the folder given.
    format
        Name of the format; "unknown" where none was recognised.
    traces, spans, logs, root_spans, error_spans
        Counts after duplicates and parts were put together.
    services
        Names of the services, sorted.
    first_ns, last_ns
        Earliest start and latest end in ns since the epoch (of the spans; of the log records where there is no span).
    rejected
        Refused records: dicts of reason, count, example.
    notes
        What a reader should know beside.
    content
        SHA-256 of the content, compression removed; "" where there was none to read.
    problem
        Why nothing of it could be read: it is missing, empty, or of no known format; "" where it was read.
    """

    path: str
    format: str = "unknown"
    traces: int = 0
    spans: int = 0
    logs: int = 0
    services: tuple[str, ...] = ()
    root_spans: int = 0
    error_spans: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    rejected: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    content: str = ""
    problem: str = ""

    @property
    def unreadable(self) -> bool:
        """Whether nothing of it could be read."""
        return bool(self.problem)

    @property
    def name(self) -> str:
        """The path without the folders of this machine: an absolute path or address gives its last part."""
        if self.path.startswith("/") or "://" in self.path or self.path[1:3] in {":\\", ":/"}:
            return self.path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
        return self.path

    @classmethod
    def from_record(cls, row: Mapping[str, Any]) -> Input:
        """Take up an entry whose attributes were written as JSON."""
        return cls(**{**row, **{name: tuple(row[name]) for name in ("services", "rejected", "notes")}})

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``archreview inspect``: counts, first and last as ISO 8601, rejects, notes."""
        return {
            "path": self.path,
            "format": self.format,
            "traces": self.traces,
            "spans": self.spans,
            "logs": self.logs,
            "services": list(self.services),
            "root_spans": self.root_spans,
            "error_spans": self.error_spans,
            "first": iso_time(self.first_ns),
            "last": iso_time(self.last_ns),
            "rejected": [dict(row) for row in self.rejected],
            "notes": list(self.notes),
        }

    def without(self, hidden: Hidden) -> Input:
        """Return the entry without what a configuration hides in names, examples and notes."""
        if not hidden:
            return self
        return replace(
            self,
            path=hidden(self.path),
            services=tuple(sorted({hidden(name) for name in self.services})),
            rejected=tuple({**row, "example": hidden(str(row.get("example", "")))} for row in self.rejected),
            notes=tuple(hidden(note) for note in self.notes),
            problem=hidden(self.problem),
        )

    def counted(self, tally: Tally) -> Input:
        """Return the entry with the counts of a tally."""
        rejected = self.rejected
        if tally.conflicts:
            rejected = (*rejected, {"reason": CONFLICT, "count": tally.conflicts, "example": tally.conflict})
        spanless = tally.spans == 0
        return Input(
            path=self.path,
            format=self.format,
            traces=tally.traces,
            spans=tally.spans,
            logs=tally.logs,
            services=tuple(sorted(tally.services)),
            root_spans=tally.root_spans,
            error_spans=tally.error_spans,
            first_ns=tally.first_log_ns if spanless else tally.first_ns,
            last_ns=tally.last_log_ns if spanless else tally.last_ns,
            rejected=tuple(sorted(rejected, key=lambda row: str(row["reason"]))),
            notes=self.notes,
            content=self.content,
            problem=self.problem,
        )


def together(inputs: Iterable[Input], tally: Tally, notes: Iterable[str] = ()) -> Input:
    """Return the entry of all inputs together: counts of the whole dataset, rejects of each content once.

    Parameters
    ----------
    inputs
        The entries. Two of the same content are counted once.
    tally
        Counts over the whole, duplicates between inputs removed.
    notes
        What is to be said of the whole.
    """
    distinct: dict[tuple[str, str], Input] = {}
    for entry in inputs:
        distinct.setdefault((entry.content, "" if entry.content else entry.path), entry)
    rejected: dict[str, dict[str, Any]] = {}
    said = set(notes)
    for entry in distinct.values():
        if not entry.unreadable:
            said.update(entry.notes)
        for row in entry.rejected:
            if row["reason"] != CONFLICT:
                known = rejected.setdefault(row["reason"], {**row, "count": 0})
                known["count"] += row["count"]
    if tally.joined:
        said.add(f"{tally.joined} records name a trace by its lower 64 bits; joined to the only whole id that ends so")
    if tally.undecided:
        said.add(
            f"{tally.undecided} records name a trace by its lower 64 bits, in which several whole ids end: they stay"
            " traces of their own"
        )
    unread = sum(entry.unreadable for entry in distinct.values())
    if unread:
        said.add(f"inputs of which nothing could be read: {unread}")
    formats = sorted({entry.format for entry in distinct.values() if entry.format != "unknown"})
    whole = Input(
        path="",
        format=", ".join(formats) or "unknown",
        rejected=tuple(rejected.values()),
        notes=tuple(sorted(said)),
    )
    return whole.counted(tally)


def _least(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _most(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)
