"""What a statement touches, and how names of tables are written."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Mode = Literal["read", "unknown", "write"]

# In these, quoting a name does not change how its case counts.
_CASELESS = frozenset(
    {"athena", "bigquery", "databricks", "hive", "mysql", "presto", "redshift", "spark", "sqlite", "teradata", "trino"}
    | {"tsql"}
)
# These fold unquoted names to upper case. Among the systems without a dialect are Db2, H2, HSQLDB and Derby.
_UPPER_FOLDING = frozenset({"", "oracle", "snowflake"})
_CATALOGUES = ("information_schema.", "mysql.", "performance_schema.", "pg_", "sqlite_", "sys.", "system.")
# Tables that hold nothing: Oracle's and Db2's tables of one row.
_ONE_ROW = frozenset({"dual", "sys.dual", "sysibm.sysdummy1"})
_QUOTED_PARTS = re.compile(r'`([^`]*)`|"([^"]*)"|\[([^\]]*)\]|([^.`"\[\]]+)')


class TableAccess(NamedTuple):
    """
    A table and what a statement does with it.

    Parameters
    ----------
    table
        Name without quotes, with its schema where the statement gives one, without alias; in lower case where case
        does not count (see `folded`).
    mode
        `read`, `write`, or `unknown` where the statement names the table without touching its rows.
    """

    table: str
    mode: Mode


def folded(name: str, *, quoted: bool, dialect: str) -> str:
    """
    Write one part of a name so that two spellings of one table are equal.

    Unquoted names are in lower case. Quoted names are too in systems where quotes do not make case count, and where
    they spell what the system folds an unquoted name to (`"ORDERS"` in Oracle); otherwise they keep their case.
    """
    if not quoted or dialect in _CASELESS or (dialect in _UPPER_FOLDING and name.isupper()):
        return name.lower()
    return name


def table_name(text: str, dialect: str) -> str:
    """Write a name as it stands in a statement (`"Sales".[Order]`) in the form of `TableAccess.table`."""
    parts = []
    for backtick, double, bracket, plain in _QUOTED_PARTS.findall(text):
        if backtick:
            # BigQuery quotes a whole path at once; quotes of MySQL do not make case count.
            parts.append(backtick.lower())
        elif bracket or plain:
            parts.append((bracket or plain).lower())
        elif double:
            parts.append(folded(double, quoted=True, dialect=dialect))
    return ".".join(parts)


def holds_rows(table: str) -> bool:
    """Say whether a name is that of a table with rows of its own: not a dummy, a parameter or a temporary table."""
    return bool(table) and table not in _ONE_ROW and not table.startswith(("#", "?"))


def is_catalogue(table: str) -> bool:
    """Say whether a table belongs to the system's own catalogue, such as `pg_catalog.pg_class`."""
    return table.lower().startswith(_CATALOGUES)
