"""Which section of a mapping rows fit, and what is missing where they fit none."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from analysis.sources._documents import Layout, units
from analysis.sources._ledger import Rejects
from analysis.sources._mapped.mapping import NEEDED, RowField, RowMapping, Table

__all__ = ["TABLES", "first_rows", "fitting", "lacking", "paths_of"]

TABLES: Final[tuple[Table, ...]] = ("spans", "logs")

#: Rows of JSON that are looked at: a field that is there only now and then is in one of them.
_LOOKED: Final = 200
#: Up to so many missing columns are all named, each with its line of the mapping.
_FEW: Final = 3
_SHOWN: Final = 12
#: What a column is called, rather than a value of a file without a header.
_A_NAME: Final = re.compile(r"[A-Za-z_@][A-Za-z_.@ -]{0,60}\d{0,3}")


def paths_of(mapping: RowMapping, table: Table) -> list[str]:
    """Return the fields that a section of a mapping takes out of rows."""
    return [field.path for field in mapping.fields(table)]


def fitting(mapping: RowMapping, has: Callable[[str], bool], *, every: bool = True) -> Table | None:
    """Return the section of a mapping that rows fit; of two the one that takes more of their fields.

    Parameters
    ----------
    has
        Whether rows have a field.
    every
        Whether all fields must be there. Rows of JSON leave out what they have not: there those needed are enough.
    """
    fits: list[tuple[int, int, Table]] = []
    for place, table in enumerate(TABLES):
        fields = mapping.fields(table)
        found = [field for field in fields if has(field.path)]
        if fields and (len(found) == len(fields) if every else _enough(table, found)):
            fits.append((-len(found), place, table))
    return min(fits)[2] if fits else None


def _enough(table: Table, found: list[RowField]) -> bool:
    given = {field.column for field in found}
    return all(given & set(either) for either in NEEDED[table])


def lacking(mapping: RowMapping, names: list[str], has: Callable[[str], bool]) -> str:
    """Say which fields of a mapping rows do not have, for the section that comes nearest to fitting."""
    sections = [table for table in TABLES if mapping.fields(table)]
    absent = {table: [field for field in mapping.fields(table) if not has(field.path)] for table in sections}
    table = min(sections, key=lambda table: len(absent[table]) / len(mapping.fields(table)))
    told = []
    lowered = {name.lower(): name for name in names}
    shown = [name for name in names if _A_NAME.fullmatch(name)]
    listed = ", ".join(shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")
    has_them = f"; it has {listed}" if listed else ""
    wanted = list(dict.fromkeys(field.path for field in absent[table]))
    nothing = len(absent[table]) == len(mapping.fields(table)) and not any(_near(path, lowered) for path in wanted)
    if nothing and len(wanted) > _FEW:
        # It is another thing altogether: which line of the mapping names what would say nothing.
        return f"it has none of the {len(wanted)} columns that the mapping names, such as {wanted[0]!r}{has_them}"
    for field in absent[table]:
        close = _near(field.path, lowered)
        hint = f"; did you mean {lowered[close[0]]!r}?" if close else ""
        told.append(f"{field.path!r} ({mapping.at(field)}: {field.column} of {table}{hint})")
    return f"it has no column {', no column '.join(told)}{has_them}"


def _near(path: str, lowered: dict[str, str]) -> list[str]:
    return difflib.get_close_matches(path.lower(), lowered, 1, 0.6)


def first_rows(head: bytes) -> list[Any]:
    """Return rows of JSON from the beginning of a text, which may be cut anywhere."""
    found: list[Any] = []
    for unit in islice(units(io.BytesIO(head), Rejects(), Layout(salvage=frozenset({""}))), _LOOKED):
        found.extend(unit.value[:_LOOKED] if isinstance(unit.value, list) else [unit.value])
    return [row for row in found if isinstance(row, dict)]
