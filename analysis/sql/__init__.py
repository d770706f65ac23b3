"""SQL that spans carry: statements without their values, and the tables that they touch."""

from analysis.sql.access import TableAccess, is_catalogue
from analysis.sql.statements import StatementTables, tables
from analysis.sql.templates import MAX_STATEMENT_CHARACTERS, Fingerprint, fingerprint, hash_of

__all__ = [
    "MAX_STATEMENT_CHARACTERS",
    "Fingerprint",
    "StatementTables",
    "TableAccess",
    "fingerprint",
    "hash_of",
    "is_catalogue",
    "tables",
]
