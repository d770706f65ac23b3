"""The facts in DuckDB: for each its sums, its distinct traces, its histograms and its examples, grouped by a number."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["FACTS", "Fact"]


class Fact(NamedTuple):
    """How a fact is made of a relation.

    Attributes
    ----------
    relation
        Has ``number``, ``place``, ``trace`` and ``recency``; for histograms what they count; for examples ``value``,
        ``step``, ``span_id`` and, where there may be two, ``other_span_id``.
    keys
        A query of the keys of each number.
    sums
        What is summed, without traces; "" where the keys come with their sums.
    histograms
        By column: what tells the bucket, and how often it counts.
    before
        Tables that are made first.
    summed
        The relation that sums are of, where it is another.
    other_span
        An example may be of two spans.
    """

    relation: str
    keys: str
    sums: str
    histograms: dict[str, tuple[str, str]]
    before: tuple[str, ...] = ()
    summed: str = ""
    exemplars: bool = True
    other_span: bool = False


_REQUESTS: Final = Fact(
    relation="(SELECT requests_number AS number, duration_ns AS value, * FROM planted WHERE parent IS NULL)",
    keys="""SELECT DISTINCT requests_number AS number, service AS entry_service, operation AS entry_operation,
        kind AS entry_kind FROM kinds""",
    sums="""count(*) AS requests, sum(greatest(round_even(weight * 1000, 0), 1))::BIGINT AS weighted_millis,
        count(*) FILTER (failed) AS errors, count(*) FILTER (parent_span_id <> 0) AS orphaned,
        sum(duration_ns)::BIGINT AS total_ns""",
    histograms={"latency": ("bucket", "1")},
)
_VISITS: Final = Fact(
    relation="(SELECT visits_number AS number, * FROM planted WHERE enters)",
    keys="SELECT DISTINCT visits_number AS number, service, operation FROM kinds",
    sums="count(*) AS visits, count(*) FILTER (failed AND NOT expected) AS failures",
    histograms={"latency": ("bucket", "1")},
    exemplars=False,
)
_PAUSES: Final = Fact(
    before=(
        """
        CREATE TEMP TABLE visit_pauses AS
        WITH first_children AS (
            SELECT parent AS place, min(start_ns) AS began_ns FROM planted WHERE parent IS NOT NULL GROUP BY parent
        ), visits AS (
            SELECT copy * 100_000_000 + start_ns // 60_000_000_000 AS number, start_ns // 1_000_000_000 % 60 AS second,
                trace, recency, span_id, greatest(began_ns - start_ns, 0) AS value
            FROM planted JOIN first_children USING (place) WHERE enters ORDER BY trace, value, span_id
        )
        SELECT row_number() OVER () AS place, *, step_of(value) AS step FROM visits
        """,
    ),
    relation="visit_pauses",
    keys="""SELECT number, service, instance, number % 100_000_000 AS minute
        FROM (SELECT DISTINCT number FROM visit_pauses) JOIN copies ON copy = number // 100_000_000""",
    sums="count(*) AS visits",
    histograms={"pause_count": ("second", "1"), "pause_ns": ("second", "value")},
)
_OPERATIONS: Final = Fact(
    relation="""(SELECT 2 * operations_number + (parent IS NULL)::INT AS number, duration_ns AS value, *
        FROM planted)""",
    summed="""(SELECT 2 * operations_number + (parent IS NULL)::INT AS number, *
        FROM planted LEFT JOIN covered USING (place) LEFT JOIN critical USING (place))""",
    keys="""SELECT DISTINCT 2 * operations_number + top.value AS number, service, operation, kind, category,
        top.value = 1 AS entry FROM kinds, (VALUES (0), (1)) AS top(value)""",
    sums="""sum(multiplicity)::BIGINT AS spans, coalesce(sum(multiplicity) FILTER (failed), 0)::BIGINT AS errors,
        sum(duration_ns)::BIGINT AS total_ns, sum(duration_ns - coalesce(covered_ns, 0))::BIGINT AS self_ns,
        coalesce(sum(on_path_ns), 0)::BIGINT AS critical_ns""",
    histograms={"latency": ("bucket", "multiplicity")},
)
#: Spans are counted by what their texts say first, which leaves a row for each of few combinations.
_COVERAGE: Final = Fact(
    before=(
        """
        CREATE TEMP TABLE saying AS
        WITH counted AS (
            SELECT told, count(*) AS spans, count(*) FILTER (multiplicity > 1) AS compressed,
                coalesce(sum(multiplicity) FILTER (multiplicity > 1), 0) AS stood_for,
                coalesce(sum(dropped_children), 0) AS dropped, count(*) FILTER (weight <> 1) AS weighted,
                count(*) FILTER (time_resolution_ns >= 1_000_000) AS coarse,
                count(*) FILTER (old_conventions) AS old_conventions
            FROM planted GROUP BY told
        ), unnamed AS (
            SELECT told FROM kinds
            WHERE kind = 'client' AND category IN ('http', 'rpc') AND coalesce(peer_service, server_address) IS NULL
        ), answered AS (
            SELECT told, count(*) AS answered FROM planted JOIN unnamed USING (told)
            WHERE place IN (SELECT parent FROM planted WHERE kind = 'server' OR crosses)
            GROUP BY told
        )
        SELECT kinds.*, counted.* EXCLUDE (told), coalesce(answered, 0) AS answered,
            names.raw AS raw_name, coalesce(NOT routes.raw, false) AS with_route,
            data AND NOT (operations.connecting AND NOT stated AND db_collection IS NULL) AS data_call
        FROM kinds JOIN counted USING (told) LEFT JOIN answered USING (told) JOIN said AS names ON name = names.text
            JOIN said AS operations ON operation = operations.text
            LEFT JOIN said AS routes ON http_route = routes.text
        """,
    ),
    relation="(SELECT service_number AS number, duration_ns AS value, * FROM planted)",
    keys="""
        SELECT service_number AS number, service, sum(spans)::BIGINT AS spans,
            {counts},
            sum(compressed)::BIGINT AS compressed, sum(stood_for)::BIGINT AS stood_for, sum(dropped)::BIGINT AS dropped,
            sum(weighted)::BIGINT AS weighted, 0::BIGINT AS timeless, sum(coarse)::BIGINT AS coarse,
            sum(old_conventions)::BIGINT AS old_conventions,
            sum(CASE WHEN kind <> 'client' OR category NOT IN ('http', 'rpc') THEN 0
                WHEN coalesce(peer_service, server_address) IS NULL THEN answered ELSE spans END)::BIGINT AS with_peer
        FROM saying GROUP BY service_number, service
    """.format(
        counts=", ".join(
            f"coalesce(sum(spans) FILTER ({condition}), 0)::BIGINT AS {name}"
            for name, condition in {
                "with_kind": "kind <> 'unspecified'",
                "with_status": "status <> 'unset'",
                "with_outcome": "status <> 'unset' OR http_status > 0 OR rpc_status IS NOT NULL",
                "http_servers": "kind = 'server' AND category = 'http'",
                "with_route": "kind = 'server' AND category = 'http' AND with_route",
                "raw_names": "raw_name",
                "data_calls": "data_call",
                "with_system": "data_call AND db_system IS NOT NULL",
                "with_statement": "data_call AND (stated OR db_collection IS NOT NULL)",
                "clients": "kind = 'client' AND category IN ('http', 'rpc')",
                "messages": "kind IN ('producer', 'consumer')",
                "with_destination": "kind IN ('producer', 'consumer') AND messaging_destination IS NOT NULL",
                "errors": "failed",
                "with_error_type": """failed AND (error_type IS NOT NULL OR http_status >= 400
                    OR rpc_status NOT IN ('OK', '0'))""",
                "truncated": "data_call AND cut_off",
            }.items()
        )
    ),
    sums="",
    histograms={},
)

FACTS: Final = {
    "requests": _REQUESTS,
    "visits": _VISITS,
    "pauses": _PAUSES,
    "operations": _OPERATIONS,
    "coverage": _COVERAGE,
}
