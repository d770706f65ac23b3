"""Whole facts from DuckDB: spans with their parents once, then for each fact its groups, histograms and examples."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

__all__ = ["by_duckdb"]

_SPANS: Final = """
CREATE TEMP TABLE spans AS
WITH traces AS (
    SELECT trace_id_high, trace_id_low, min(start_ns) AS trace_start FROM exported GROUP BY ALL
), numbered AS (
    SELECT *, row_number() OVER (ORDER BY trace_id_high, trace_id_low, duration_ns, span_id) AS place
    FROM exported JOIN traces USING (trace_id_high, trace_id_low)
)
SELECT own.*, own.status = 'error' AS failed, above.place AS parent, above.place IS NULL AS entry,
    greatest(own.start_ns, above.start_ns) AS begins,
    least(own.start_ns + own.duration_ns, above.start_ns + above.duration_ns) AS ends,
    CASE WHEN own.duration_ns < 64 THEN own.duration_ns ELSE
        ((floor(log2(own.duration_ns))::BIGINT - 5) << 6)
        + ((own.duration_ns >> (floor(log2(own.duration_ns))::BIGINT - 6)) & 63) END AS bucket,
    2 * floor(log2(own.duration_ns + 1))::BIGINT
        + ((own.duration_ns + 1) / pow(2, floor(log2(own.duration_ns + 1))) > sqrt(2))::INT AS step
FROM numbered AS own LEFT JOIN numbered AS above
    ON own.trace_id_high = above.trace_id_high AND own.trace_id_low = above.trace_id_low
    AND own.parent_span_id = above.span_id
"""
_COVERED: Final = """
CREATE TEMP TABLE covered AS
WITH united AS (
    SELECT parent, begins, ends, coalesce(max(ends) OVER (
        PARTITION BY parent ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS until
    FROM spans WHERE parent IS NOT NULL
)
SELECT parent, sum(greatest(ends - greatest(begins, until), 0)) AS ns FROM united GROUP BY parent
"""
#: By fact: its keys, its sums, what its exemplars are chosen of.
_FACTS: Final = {
    "operations": (
        (
            "coalesce(service, '') AS service, coalesce(operation, '') AS operation, coalesce(kind, '') AS kind, "
            "coalesce(category, '') AS category, entry"
        ),
        "service, operation, kind, category, entry",
        (
            "sum(multiplicity) AS spans, coalesce(sum(multiplicity) FILTER (failed), 0) AS errors, "
            "sum(duration_ns) AS total_ns, sum(duration_ns - coalesce(covered.ns, 0)) AS self_ns"
        ),
        "spans LEFT JOIN covered ON covered.parent = spans.place",
        "sum(multiplicity)",
    ),
    "requests": (
        (
            "coalesce(service, '') AS entry_service, coalesce(operation, '') AS entry_operation, "
            "coalesce(kind, '') AS entry_kind"
        ),
        "entry_service, entry_operation, entry_kind",
        (
            "count(*) AS requests, sum(round(weight * 1000)) AS weighted_millis, count(*) FILTER (failed) AS errors, "
            "count(*) FILTER (parent_span_id <> 0) AS orphaned, sum(duration_ns) AS total_ns"
        ),
        "(SELECT * FROM spans WHERE entry) AS spans",
        "count(*)",
    ),
}
_ROWS: Final = """
WITH chosen AS (
    SELECT {named}, place, step, bucket, multiplicity, duration_ns, trace_start, trace_id_high, trace_id_low, span_id
    FROM {source}
), sums AS (
    SELECT {named}, {sums}, count(DISTINCT (trace_id_high, trace_id_low)) AS traces FROM {source} GROUP BY ALL
), buckets AS (
    SELECT {keys}, bucket, {many} AS count FROM chosen GROUP BY ALL
), latency AS (
    SELECT {keys}, list(struct_pack(bucket := bucket::INT, count := count::BIGINT) ORDER BY bucket) AS latency
    FROM buckets GROUP BY ALL
), shown AS (
    SELECT {keys}, min(place) AS place FROM chosen GROUP BY {keys}, step
    UNION SELECT {keys}, arg_min(place, (-duration_ns, place)) FROM chosen GROUP BY {keys}
    UNION SELECT {keys}, arg_min(place, (-trace_start, place)) FROM chosen GROUP BY {keys}
), exemplars AS (
    SELECT {keys}, list(struct_pack(value := duration_ns, trace_id_high := trace_id_high, trace_id_low := trace_id_low,
        start_ns := trace_start, span_ids := [span_id]) ORDER BY place) AS exemplars
    FROM shown JOIN chosen USING ({keys}, place) GROUP BY {keys}
)
SELECT * FROM sums JOIN latency USING ({keys}) JOIN exemplars USING ({keys})
"""


def by_duckdb(table: pa.Table) -> dict[str, pa.Table]:
    """Make the facts with DuckDB."""
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("exported", table)
        database.execute(_SPANS)
        database.execute(_COVERED)
        return {
            name: database.sql(
                _ROWS.format(named=named, keys=keys, sums=sums, source=source, many=many)
            ).to_arrow_table()
            for name, (named, keys, sums, source, many) in _FACTS.items()
        }
