"""Words of SQL: the spelling that a template gives them, and the dialects of the systems that speak them."""

from __future__ import annotations

# Words with a grammatical role. Whatever follows them in parentheses is a list or a sub-select, not arguments, so they
# stand apart from the parenthesis: `IN (?)`, `VALUES (?)`, but `orders(id, name)`.
_KEYWORDS_TEXT = """
    ADD ALL ALTER ANALYZE AND ANTI ANY APPLY ARRAY AS ASC ATTACH BEFORE BEGIN BETWEEN BOTH BY CALL CASCADE CASE CHECK
    CLOSE COLLATE COLUMN COMMIT CONFLICT CONNECT CONSTRAINT COPY CREATE CROSS CURSOR DATABASE DEALLOCATE DECLARE DEFAULT
    DELETE DESC DESCRIBE DISTINCT DO DROP DUPLICATE EACH ELSE END ESCAPE EXCEPT EXEC EXECUTE EXISTS EXPLAIN FETCH FOR
    FOREIGN FROM FULL GRANT GROUP HAVING IGNORE ILIKE IN INDEX INNER INSERT INTERSECT INTERVAL INTO IS JOIN KEY LATERAL
    LEADING LEFT LIKE LIMIT LOCK LOCKED MATCHED MATERIALIZED MERGE MINUS NATURAL NOT NOTHING NOWAIT NULL OFFSET ON ONLY
    OR ORDER OUTER OUTPUT OVER OVERLAPS OVERRIDING PARTITION PRAGMA PRECEDING PREPARE PREWHERE PRIMARY PROCEDURE QUALIFY
    RECURSIVE REFERENCES REGEXP RELEASE RENAME REPLACE RETURNING REVOKE RIGHT RLIKE ROLLBACK ROWS SAVEPOINT SELECT SEMI
    SET SHARE SHOW SIMILAR SKIP SOME START STRAIGHT_JOIN TABLE TEMP TEMPORARY THEN TO TOP TRAILING TRANSACTION TRIGGER
    TRUNCATE UNBOUNDED UNION UNIQUE UPDATE UPSERT USE USING VALUES VIEW WHEN WHERE WINDOW WITH WITHIN
"""
KEYWORDS = frozenset(_KEYWORDS_TEXT.split())

# Constants: in a list of values they count as one of the values.
CONSTANTS = frozenset({"TRUE", "FALSE"})

# Functions so common that two spellings of them would split templates.
_FUNCTIONS_TEXT = """
    ABS AVG CAST CEIL COALESCE CONCAT CONVERT COUNT CURRENT_DATE CURRENT_TIMESTAMP DATE DATE_TRUNC EXTRACT FLOOR
    GREATEST IFNULL ISNULL LEAST LENGTH LOWER LTRIM MAX MIN MOD NEXTVAL NOW NULLIF NVL POSITION RANK ROUND ROW_NUMBER
    RTRIM SUBSTR SUBSTRING SUM SYSDATE TO_CHAR TO_DATE TRIM UPPER
"""
FUNCTIONS = frozenset(_FUNCTIONS_TEXT.split())

_DIALECTS = {
    "athena": "athena",
    "bigquery": "bigquery",
    "clickhouse": "clickhouse",
    "cockroachdb": "postgres",
    "databricks": "databricks",
    "duckdb": "duckdb",
    "greenplum": "postgres",
    "hive": "hive",
    "mariadb": "mysql",
    "mssql": "tsql",
    "mysql": "mysql",
    "oracle": "oracle",
    "postgres": "postgres",
    "postgresql": "postgres",
    "presto": "presto",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "spanner": "bigquery",
    "spark": "spark",
    "sql_server": "tsql",
    "sqlite": "sqlite",
    "sqlserver": "tsql",
    "teradata": "teradata",
    "tidb": "mysql",
    "timescaledb": "postgres",
    "trino": "trino",
    "yugabytedb": "postgres",
}

# How a backslash before a quote reads, and whether double quotes hold strings. A system in neither set is ambiguous.
_BACKSLASH_ESCAPES = frozenset({"bigquery", "clickhouse", "databricks", "hive", "mysql", "snowflake", "spark"})
_BACKSLASH_PLAIN = frozenset({"oracle", "postgres", "presto", "sqlite", "tsql", "trino", "athena", "teradata"})
_DOUBLE_QUOTED_STRINGS = frozenset({"bigquery", "databricks", "hive", "mysql", "spark"})


def system_name(system: str) -> str:
    """
    Give the plain name of a database system.

    OpenTelemetry's conventions write `postgresql`, `microsoft.sql_server`, `oracle.db`, `gcp.bigquery`,
    `aws.redshift`; the vendor before the dot and the `db` after it say nothing here.
    """
    parts = [part for part in system.strip().lower().replace(" ", "_").split(".") if part not in {"", "db"}]
    return parts[-1] if parts else ""


def dialect_of(system: str) -> str:
    """Give sqlglot's name of the dialect that a system speaks; `""` (sqlglot's superset) for any other."""
    return _DIALECTS.get(system_name(system), "")


def backslash_escapes(dialect: str) -> bool | None:
    """Say whether a backslash escapes a quote in literals of a dialect; None when that cannot be known."""
    if dialect in _BACKSLASH_ESCAPES:
        return True
    return False if dialect in _BACKSLASH_PLAIN else None


def double_quoted_strings(dialect: str) -> bool:
    """Say whether double quotes hold a string, not a name, in a dialect."""
    return dialect in _DOUBLE_QUOTED_STRINGS
