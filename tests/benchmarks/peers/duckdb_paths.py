"""What operations take of trees in DuckDB: own times by a window, critical paths by nearest joins and a recursion.

The times of all parents are laid end to end on one axis, where children of one parent never meet those of another: the
largest so far, or the nearest before, of all siblings are then found in one order.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BELOW", "COVERED", "CRITICAL", "STEPS"]

#: Children with their times on the axis, cut to those of their parents.
BELOW: Final = """
CREATE TEMP TABLE below AS
WITH parents AS (
    SELECT place, kind, start_ns, end_ns,
        sum(duration_ns + 2) OVER (ROWS UNBOUNDED PRECEDING)::BIGINT - duration_ns AS origin
    FROM planted
)
SELECT own.place, own.parent,
    least(greatest(own.start_ns, parents.start_ns), parents.end_ns) - parents.start_ns + origin AS begins,
    least(greatest(own.end_ns, parents.start_ns), parents.end_ns) - parents.start_ns + origin AS ends,
    parents.end_ns - parents.start_ns AS whole, own.kind <> 'consumer' AND parents.kind <> 'producer' AS waited
FROM planted AS own JOIN parents ON own.parent = parents.place
"""
#: What the union of its children covers of each span.
COVERED: Final = """
CREATE TEMP TABLE covered AS
WITH united AS (
    SELECT parent, begins, ends,
        max(ends) OVER (ORDER BY begins ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM below
)
SELECT parent AS place, sum(greatest(ends - greatest(begins, until), 0))::BIGINT AS covered_ns
FROM united GROUP BY parent
"""
#: Whom a path enters after a span: of its children who ends last; and after a sibling, from its end backwards, who
#: alone ends within 1 % of the parent's time after its beginning, if nothing else begins or ends meanwhile, else who
#: ends last before it.
STEPS: Final = """
CREATE TEMP TABLE steps AS
WITH siblings AS (
    SELECT *, lag(begins) OVER by_begin AS begun_before, lead(begins) OVER by_begin AS begins_next
    FROM below WHERE waited WINDOW by_begin AS (ORDER BY begins)
), last_ones AS (
    SELECT place, parent, begins, ends, lag(ends) OVER by_end IS DISTINCT FROM ends AS alone,
        lead(parent) OVER by_end IS DISTINCT FROM parent AS last
    FROM below WHERE waited WINDOW by_end AS (ORDER BY ends, begins, place)
    QUALIFY lead(ends) OVER by_end IS DISTINCT FROM ends
), near AS (
    SELECT later.place, earlier.place AS entered
    FROM siblings AS later ASOF JOIN last_ones AS earlier ON later.begins <= earlier.ends
    WHERE later.parent = earlier.parent AND alone AND earlier.ends < later.ends AND earlier.begins < later.begins
        AND earlier.ends - later.begins <= (whole - 1) // 100 AND begun_before IS DISTINCT FROM later.begins
        AND coalesce(begins_next > earlier.ends, true)
)
SELECT parent AS place, place AS entered FROM last_ones WHERE last
UNION ALL FROM near
UNION ALL
SELECT later.place, earlier.place
FROM (FROM siblings ANTI JOIN near USING (place)) AS later
    ASOF JOIN last_ones AS earlier ON later.begins > earlier.ends
WHERE later.parent = earlier.parent
"""
#: Exclusive times on the path: what of a span none of those covers that the path enters below it.
CRITICAL: Final = """
CREATE TEMP TABLE critical AS
WITH RECURSIVE path AS (
    SELECT place FROM planted WHERE parent IS NULL
    UNION ALL
    SELECT entered FROM path JOIN steps USING (place)
), entered AS (
    SELECT planted.place, parent, duration_ns FROM path JOIN planted USING (place)
), inside AS (
    SELECT parent AS place, sum(duration_ns)::BIGINT AS ns FROM entered WHERE parent IS NOT NULL GROUP BY parent
)
SELECT place, greatest(duration_ns - coalesce(ns, 0), 0) AS on_path_ns FROM entered LEFT JOIN inside USING (place)
"""
