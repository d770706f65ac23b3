"""The same answers from DuckDB: one table of spans with their parents, then a query a question."""

from __future__ import annotations

from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

__all__ = ["by_duckdb"]

Answers = dict[str, dict[tuple[str, ...], tuple[float, ...]]]

_SPANS: Final = """
CREATE TEMP TABLE spans AS
SELECT own.row, coalesce(above.row, -1) AS parent, own.parent_span_id, own.service, own.operation, own.kind,
    own.category, own.server_address, own.db_system, own.db_collection, own.status = 'error' AS failed,
    own.start_ns, own.start_ns + own.duration_ns AS end_ns, own.duration_ns,
    own.kind <> 'consumer' AND coalesce(above.kind, '') <> 'producer' AS waits,
    above.row IS NULL OR above.service <> own.service OR own.kind IN ('server', 'consumer') AS enters
FROM exported AS own LEFT JOIN exported AS above
    ON own.trace_id_high = above.trace_id_high AND own.trace_id_low = above.trace_id_low
    AND own.parent_span_id = above.span_id
"""
#: By question: how many columns name a row, and the query.
_QUESTIONS: Final = {
    "requests": (
        2,
        """SELECT service, operation, count(*), count(*) FILTER (failed), quantile_cont(duration_ns, 0.95)
        FROM spans WHERE parent < 0 GROUP BY ALL""",
    ),
    "edges": (
        2,
        """SELECT client.service AS caller, coalesce(server.service, client.server_address) AS callee, count(*),
            count(*) FILTER (client.failed OR coalesce(server.failed, false)), quantile_cont(client.duration_ns, 0.95)
        FROM spans AS client LEFT JOIN spans AS server ON server.parent = client.row AND server.kind = 'server'
        WHERE client.kind = 'client' AND client.category = 'http' GROUP BY ALL""",
    ),
    "own time": (
        2,
        """WITH clipped AS (
            SELECT below.parent, below.start_ns, greatest(below.start_ns, above.start_ns) AS begins,
                least(below.end_ns, above.end_ns) AS ends
            FROM spans AS below JOIN spans AS above ON below.parent = above.row
        ), united AS (
            SELECT parent, begins, ends, coalesce(max(ends) OVER (
                PARTITION BY parent ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS until
            FROM clipped
        ), covered AS (
            SELECT parent, sum(greatest(ends - greatest(begins, until), 0)) AS ns FROM united GROUP BY parent
        )
        SELECT service, operation, count(*), count(*) FILTER (failed), sum(duration_ns),
            sum(duration_ns - coalesce(covered.ns, 0))
        FROM spans LEFT JOIN covered ON covered.parent = spans.row GROUP BY ALL""",
    ),
    "failures": (
        1,
        """WITH RECURSIVE entered AS (
            SELECT row, row AS entry FROM spans WHERE enters
            UNION ALL
            SELECT spans.row, entered.entry FROM spans JOIN entered ON spans.parent = entered.row WHERE NOT spans.enters
        ), silent AS (
            SELECT spans.row, spans.parent FROM spans JOIN entered USING (row)
                JOIN spans AS visit ON visit.row = entered.entry
            WHERE NOT spans.failed AND spans.waits AND spans.parent >= 0 AND visit.failed
        ), reached AS (
            SELECT parent AS row FROM spans WHERE failed AND waits AND parent >= 0
            UNION
            SELECT silent.parent FROM silent JOIN reached USING (row)
        )
        SELECT service, count(*) FROM spans ANTI JOIN reached USING (row) WHERE failed GROUP BY ALL""",
    ),
    "orphans": (1, "SELECT service, count(*) FROM spans WHERE parent < 0 AND parent_span_id <> 0 GROUP BY ALL"),
    "tables": (
        2,
        """SELECT service, db_collection, count(*), count(*) FILTER (failed) FROM spans
        WHERE category = 'database' AND db_system = 'postgresql' GROUP BY ALL""",
    ),
}


def by_duckdb(table: pa.Table) -> Answers:
    """Answer with DuckDB."""
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("exported", table.append_column("row", pa.array(np.arange(table.num_rows))))
        database.execute(_SPANS)
        answers: Answers = {}
        for question, (keys, query) in _QUESTIONS.items():
            rows = database.execute(query).fetchall()
            answers[question] = {tuple(row[:keys]): tuple(row[keys:]) for row in rows}
        return answers
