"""Spans in DuckDB: numbers apart from the texts that few spans differ in, and each span with its parent.

The file is a view: to decode texts again, which come as dictionaries, costs less than to keep them as they are.
"""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

from tests.benchmarks.peers import texts
from tests.benchmarks.peers.columns import NUMBERS, SMALL, TEXTS

__all__ = ["plant"]

_TEXTS: Final = (*TEXTS, *SMALL)
_NUMBERS: Final = (*NUMBERS, "instance")
#: What few spans differ in: these combinations are the table ``kinds``.
_TOLD: Final = (*_TEXTS, "stated", "cut_off")
_STATEMENTS: Final = (
    """
    CREATE MACRO octave(value) AS floor(log2(value))::BIGINT;
    CREATE MACRO bucket_of(value) AS (CASE WHEN value < 64 THEN value
        ELSE ((octave(value) - 5) << 6) + ((value >> (octave(value) - 6)) & 63) END)::INT;
    CREATE MACRO step_of(value) AS (2 * octave(value + 1)
        + ((value + 1) / pow(2, octave(value + 1)) > sqrt(2))::INT)::INT;
    """,
    f"""
    CREATE TEMP VIEW exported AS
    SELECT {", ".join((*_NUMBERS, *_TEXTS))}, db_statement IS NOT NULL AS stated,
        coalesce(suffix(rtrim(db_statement), '...') OR suffix(rtrim(db_statement), '…'), false) AS cut_off
    FROM read_parquet(getvariable('path'))
    """,
    # Groups of facts are numbered here, so that spans are grouped by numbers.
    f"""
    CREATE TEMP TABLE kinds AS
    WITH different AS (SELECT {", ".join(_TOLD)} FROM exported GROUP BY ALL)
    SELECT row_number() OVER () AS told, *, status = 'error' AS failed,
        coalesce(http_status BETWEEN 400 AND 499 AND http_status NOT IN (408, 429), false) AS expected,
        kind IN ('server', 'consumer') AS serves,
        category IN ('database', 'cache') AND kind NOT IN ('server', 'consumer') AS data,
        dense_rank() OVER (ORDER BY service) AS service_number,
        dense_rank() OVER (ORDER BY operation) AS operation_number,
        dense_rank() OVER (ORDER BY service, operation) AS visits_number,
        dense_rank() OVER (ORDER BY service, operation, kind) AS requests_number,
        dense_rank() OVER (ORDER BY service, operation, kind, category) AS operations_number
    FROM different
    """,
    """
    CREATE TEMP TABLE copies AS
    SELECT row_number() OVER () AS copy, service, instance FROM exported GROUP BY service, instance
    """,
    """
    CREATE TEMP TABLE traces AS
    WITH found AS (SELECT trace_id_high, trace_id_low, min(start_ns) AS began FROM exported GROUP BY ALL)
    SELECT *, row_number() OVER (ORDER BY trace_id_high, trace_id_low) AS trace,
        row_number() OVER (ORDER BY began, trace_id_high DESC, trace_id_low DESC) AS recency
    FROM found
    """,
    # In the order in which examples of equal worth are chosen.
    f"""
    CREATE TEMP TABLE spans AS
    SELECT row_number() OVER () AS place, *, start_ns + duration_ns AS end_ns, bucket_of(duration_ns) AS bucket,
        step_of(duration_ns) AS step
    FROM (
        SELECT trace, recency, span_id, parent_span_id, start_ns, duration_ns, multiplicity, weight,
            time_resolution_ns, old_conventions, dropped_children, copy, kinds.told
        FROM exported JOIN traces USING (trace_id_high, trace_id_low)
            JOIN copies USING (service, instance)
            JOIN kinds ON {" AND ".join(f"exported.{name} IS NOT DISTINCT FROM kinds.{name}" for name in _TOLD)}
        ORDER BY trace, duration_ns, span_id
    )
    """,
    """
    CREATE TEMP TABLE planted AS
    SELECT own.*, kinds.* EXCLUDE (told), above.place AS parent,
        around.service_number <> kinds.service_number AS crosses,
        above.place IS NULL OR around.service_number <> kinds.service_number OR kinds.serves AS enters
    FROM spans AS own
        JOIN (
            SELECT told, kind, failed, expected, serves, service_number, visits_number, requests_number,
                operations_number
            FROM kinds
        ) AS kinds USING (told)
        LEFT JOIN spans AS above ON own.trace = above.trace AND own.parent_span_id = above.span_id
        LEFT JOIN kinds AS around ON above.told = around.told
    """,
)


def plant(database: duckdb.DuckDBPyConnection, path: str) -> None:
    """Make the tables that all facts share: ``kinds``, ``copies``, ``traces``, ``planted``, and ``said`` of texts."""
    database.execute("SET VARIABLE path = $path", {"path": path})
    for statement in _STATEMENTS:
        database.execute(statement)
    asked = database.sql("SELECT name FROM kinds UNION SELECT http_route FROM kinds UNION SELECT operation FROM kinds")
    names = [name for (name,) in asked.fetchall() if name is not None]
    raw = [texts.is_raw_path(name) for name in names]
    connecting = [texts.opens_connection(name) for name in names]
    database.register("said", pa.table({"text": names, "raw": raw, "connecting": connecting}))
