"""Facts: small tables that a pass over the partitions gathers, and that add up.

Each module of this package that does not begin with an underscore is one fact:

``COLUMNS``
    the span columns it reads, so that a pass decodes no more than it needs;
``FIELDS``
    its columns, each with type, role, unit and meaning;
``scan(forest)``
    the fact of one partition.

A fact that looks at log records names the columns of theirs that it reads in ``LOG_COLUMNS`` as well, and finds them in
``forest.logs``, tied to the spans of their traces; where no fact asks, no log record is read.

How two partitions add up follows from the roles of the fields (:mod:`analysis.facts._table`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Protocol, cast

import pyarrow as pa

from analysis._histogram import Histogram
from analysis._logs import LOG_COLUMNS
from analysis.facts._cells import Cells
from analysis.facts._seconds import amounts_at, by_second, laid_out
from analysis.facts._table import Exemplar, Field, Occurrences, gather, merge, to_frame, with_plain_texts
from analysis.forest import Forest

__all__ = [
    "Cells",
    "Exemplar",
    "Fact",
    "Field",
    "Histogram",
    "Occurrences",
    "amounts_at",
    "by_second",
    "discover",
    "gather",
    "laid_out",
    "log_columns_of",
    "merge",
    "name_of",
    "to_frame",
    "with_plain_texts",
]


class Fact(Protocol):
    """What each module of this package offers."""

    __name__: str
    COLUMNS: tuple[str, ...]
    FIELDS: tuple[Field, ...]

    @staticmethod
    def scan(forest: Forest) -> pa.Table:
        """Return the fact of one partition, with the columns of ``FIELDS``."""


@cache
def discover() -> dict[str, Fact]:
    """Return every fact by name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: cast("Fact", importlib.import_module(f"{__name__}.{name}")) for name in names}


def name_of(fact: Fact) -> str:
    """Return the name of a fact: that of its module."""
    return fact.__name__.rpartition(".")[2]


def columns_of(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Return the span columns that the facts read together, sorted."""
    return tuple(sorted({column for fact in facts for column in fact.COLUMNS}))


def log_columns_of(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Return the columns of log records that the facts read together, sorted; none where no fact reads any."""
    asked = [tuple(getattr(fact, "LOG_COLUMNS", ())) for fact in facts if hasattr(fact, "LOG_COLUMNS")]
    return tuple(sorted({*LOG_COLUMNS, *(column for columns in asked for column in columns)})) if asked else ()
