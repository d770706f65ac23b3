"""Who sent the message that a visit takes, or called without waiting for it.

That is whoever stands above without waiting; where a consumer stands alone, or below its own service (the loop that
polls, say), whom its span links lead to. Links are looked up in their own partition: of a dataset in many, those of a
part of the traces, which the hash of their ids chooses.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.facts._grouping import number_of
from analysis.forest import Codes, Forest
from analysis.links.references import find_references
from analysis.schema import KINDS

__all__ = ["COLUMNS", "senders"]

COLUMNS: Final = ("service", "operation", "kind", "links")
_CONSUMER: Final = KINDS.index("consumer")

Int64s = npt.NDArray[np.int64]


def senders(
    forest: Forest, entry: npt.NDArray[np.int32], top: Int64s, whole: npt.NDArray[np.bool_], separator: str
) -> Codes:
    """Name the sender of each topmost visit: "service operation"; of several, a comma between; code -1 for none.

    Parameters
    ----------
    forest
        Planted with :data:`COLUMNS`.
    entry
        For each row the span through which its service was entered.
    top
        Topmost visits.
    whole
        Which of these are told to have nobody above who waits; others have no sender.
    separator
        Stands in no name.
    """
    above = forest.parent[top].astype(np.int64)
    service = forest.codes("service").codes
    sender = np.where(whole & (above >= 0) & ~forest.blocking[top], entry[above], -1).astype(np.int64)
    names: dict[str, int] = {}
    codes = np.full(len(top), -1, np.int32)
    known = np.flatnonzero(sender >= 0)
    called = sender[known]
    parts = tuple(Codes(part.codes[called], part.values) for part in map(forest.codes, ("service", "operation")))
    number, first = number_of(parts, len(called))
    said = [_said(forest, row).replace(separator, " ") for row in called[first].tolist()]
    codes[known] = np.array([names.setdefault(text, len(names)) for text in said], np.int32)[number]
    alone = whole & (forest.kind[top] == _CONSUMER) & ((sender < 0) | (service[sender] == service[top]))
    linked = _linked(forest, entry, top[alone]) if alone.any() else {}
    for index in np.flatnonzero(alone).tolist() if linked else ():
        rows = linked.get(int(top[index]), ())
        if rows:
            text = ", ".join(sorted({_said(forest, row).replace(separator, " ") for row in rows}))
            codes[index] = names.setdefault(text, len(names))
    return Codes(codes, tuple(names))


def _linked(forest: Forest, entry: npt.NDArray[np.int32], top: Int64s) -> dict[int, tuple[int, ...]]:
    """Return for consumers the visits that their links lead to, ascending."""
    references = find_references(forest)
    wanted = np.isin(references.row, top)
    found: dict[int, set[int]] = {}
    for row, target in zip(references.row[wanted].tolist(), references.target[wanted].tolist(), strict=True):
        found.setdefault(row, set()).add(int(entry[target]))
    return {row: tuple(sorted(targets)) for row, targets in found.items()}


def _said(forest: Forest, row: int) -> str:
    service, operation = forest.codes("service"), forest.codes("operation")
    who = service.values[service.codes[row]] if service.codes[row] >= 0 else "(no service)"
    what = operation.values[operation.codes[row]] if operation.codes[row] >= 0 else "(no name)"
    return f"{who} {what}"
