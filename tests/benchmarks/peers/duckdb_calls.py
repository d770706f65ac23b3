"""Calls and accesses to data in DuckDB: whom a span calls is told by what it is, hence once for each of the kinds."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

from tests.benchmarks.peers.duckdb_facts import Fact
from tests.benchmarks.peers.texts import Call, StoreAccess, accesses_of, store_of

__all__ = ["CALLS", "DATA_ACCESS", "tell_stores"]

_ASKED: Final = """
SELECT told, category, coalesce(db_system, ''), coalesce(server_address, ''), coalesce(server_port, 0),
    coalesce(db_namespace, ''), coalesce(peer_service, ''), CASE WHEN stated THEN coalesce(template, '') ELSE '' END,
    coalesce(db_collection, ''), coalesce(db_operation, '')
FROM kinds WHERE data AND (stated OR db_operation IS NOT NULL OR db_collection IS NOT NULL)
"""
DATA_ACCESS: Final = Fact(
    before=(
        """
        CREATE TEMP TABLE ways AS
        SELECT kinds.told, confidence, service, store, coalesce(db_system, '') AS store_system, "table", mode, method,
            dense_rank() OVER (ORDER BY service, store, db_system, "table", mode, method) AS way
        FROM kinds JOIN accesses USING (told)
        """,
        # The operation that a call serves is that of the nearest span above through which the service is entered.
        """
        CREATE TEMP TABLE accessed AS
        WITH RECURSIVE calls AS (
            SELECT place, trace, recency, duration_ns AS value, step, span_id, multiplicity, failed, confidence, way,
                CASE WHEN enters THEN place ELSE parent END AS first
            FROM planted JOIN ways USING (told)
        ), climbed AS (
            SELECT DISTINCT first, first AS place FROM calls
            UNION ALL
            SELECT first, planted.parent FROM climbed JOIN planted USING (place) WHERE NOT enters
        ), served AS (
            SELECT first, operation_number FROM climbed JOIN planted USING (place) JOIN kinds USING (told) WHERE enters
        )
        SELECT way * 1_000_000 + operation_number AS number, calls.* EXCLUDE (way, first)
        FROM calls JOIN served USING (first)
        """,
    ),
    relation="accessed",
    keys="""
        SELECT number, service, operation, store, store_system, "table", mode, method
        FROM (SELECT DISTINCT number FROM accessed)
            JOIN (SELECT DISTINCT way, service, store, store_system, "table", mode, method FROM ways)
                ON way = number // 1_000_000
            JOIN (SELECT DISTINCT operation_number, operation FROM kinds) ON operation_number = number % 1_000_000
    """,
    sums="""sum(multiplicity)::BIGINT AS calls, coalesce(sum(multiplicity) FILTER (failed), 0)::BIGINT AS errors,
        sum(value)::BIGINT AS total_ns, min(confidence) AS confidence""",
    histograms={},
)
CALLS: Final = Fact(
    before=(
        """
        CREATE TEMP TABLE others AS
        SELECT told, 'data' AS how, store AS name,
            CASE category WHEN 'cache' THEN 'cache' ELSE 'database' END AS node_kind
        FROM kinds JOIN stores USING (told)
        UNION ALL
        SELECT told, CASE kind WHEN 'producer' THEN 'sent' ELSE 'received' END,
            coalesce(messaging_system, 'queue') || '://' || messaging_destination, 'queue'
        FROM kinds WHERE kind IN ('producer', 'consumer')
        UNION ALL
        SELECT told, 'remote', coalesce(peer_service, server_address),
            CASE WHEN coalesce(peer_service, server_address) IN (SELECT service FROM kinds) THEN 'service'
                ELSE 'external' END
        FROM kinds WHERE kind = 'client' AND NOT data
        UNION ALL
        SELECT told, 'entered', 'user', 'user' FROM kinds WHERE kind = 'server'
        """,
        """
        CREATE TEMP TABLE nodes AS
        SELECT row_number() OVER () AS node, * FROM (
            SELECT service AS name, 'service' AS node_kind FROM kinds UNION SELECT name, node_kind FROM others)
        """,
        """
        CREATE TEMP TABLE links AS
        SELECT told, how, CASE WHEN how IN ('received', 'entered') THEN there.node ELSE home.node END AS caller,
            CASE WHEN how IN ('received', 'entered') THEN home.node ELSE there.node END AS callee,
            CASE how WHEN 'data' THEN 2 WHEN 'sent' THEN 1 WHEN 'received' THEN 1 ELSE 0 END AS link_kind
        FROM kinds JOIN others USING (told)
            JOIN nodes AS home ON home.name = service AND home.node_kind = 'service'
            JOIN nodes AS there ON there.name = others.name AND there.node_kind = others.node_kind
        """,
        """
        CREATE TEMP TABLE called AS
        WITH answered AS (
            SELECT client.place, client.trace, client.recency, client.duration_ns AS value, client.step, client.bucket,
                client.multiplicity, client.failed OR server.failed AS failed, client.span_id,
                server.span_id AS other_span_id, server.duration_ns AS server_ns,
                client.told AS told, server.told AS server_told
            FROM planted AS server JOIN planted AS client ON server.parent = client.place
            WHERE server.kind = 'server' AND client.kind = 'client'
        ), halves AS (
            SELECT (caller * 100_000 + callee) * 4 + link_kind AS number, place, trace, recency, duration_ns, step,
                bucket, multiplicity, failed, span_id, NULL, NULL
            FROM planted JOIN links USING (told)
            WHERE CASE how WHEN 'entered' THEN parent IS NULL AND parent_span_id = 0
                WHEN 'remote' THEN place NOT IN (SELECT place FROM answered) ELSE true END
        )
        SELECT (remote.caller * 100_000 + entered.callee) * 4 AS number, answered.* EXCLUDE (told, server_told)
        FROM answered JOIN links AS remote USING (told) JOIN links AS entered ON server_told = entered.told
        UNION ALL FROM halves
        """,
    ),
    relation="called",
    keys="""
        SELECT number, caller.name AS caller, callee.name AS callee, ['sync', 'async', 'data'][number % 4 + 1] AS kind,
            caller.node_kind AS caller_kind, callee.node_kind AS callee_kind
        FROM (SELECT DISTINCT number FROM called) JOIN nodes AS caller ON caller.node = number // 400_000
            JOIN nodes AS callee ON callee.node = number // 4 % 100_000
    """,
    sums="""sum(multiplicity)::BIGINT AS calls, coalesce(sum(multiplicity) FILTER (failed), 0)::BIGINT AS errors,
        sum(value)::BIGINT AS total_ns,
        coalesce(sum(multiplicity) FILTER (server_ns IS NOT NULL), 0)::BIGINT AS paired,
        coalesce(sum(value) FILTER (server_ns IS NOT NULL), 0)::BIGINT AS client_ns,
        coalesce(sum(server_ns), 0)::BIGINT AS server_ns""",
    histograms={"latency": ("bucket", "multiplicity")},
    other_span=True,
)


def tell_stores(database: duckdb.DuckDBPyConnection) -> None:
    """Make ``stores`` and ``accesses``: what the kinds of calls to stores say of them."""
    calls = {told: Call(*said) for told, *said in database.sql(_ASKED).fetchall()}
    stores = pa.table({"told": list(calls), "store": [store_of(call) for call in calls.values()]})
    database.register("stores", stores)
    found = [(told, *access) for told, call in calls.items() for access in accesses_of(call)]
    columns = ("told", *StoreAccess._fields)
    database.register("accesses", pa.table(dict(zip(columns, map(list, zip(*found, strict=True)), strict=True))))
