"""SQL that spans carry: statements without their values, and the tables that they touch."""

from analysis.sql.fingerprint import MAX_STATEMENT_CHARACTERS, Fingerprint, fingerprint

__all__ = ["MAX_STATEMENT_CHARACTERS", "Fingerprint", "fingerprint"]
