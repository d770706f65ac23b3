"""Generated spans for measurements: a shop of 24 services with stores, caches and queues, in seconds for millions.

    python -m tests.benchmarks.generate 1e6 spans.parquet

The same seed gives the same spans. They are meant to cost what real spans cost (sizes of trees, dictionaries, shares of
kinds), not to be judged: nothing in them is telemetry of a real system.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.schema import SPAN_SCHEMA

NAMES: Final = (
    "gateway", "storefront", "catalogue", "cart", "checkout", "orders", "payment", "fraud", "pricing", "inventory",
    "shipping", "customers", "accounts", "search", "recommendations", "reviews", "notifications", "email", "invoices",
    "warehouse", "tax", "loyalty", "media", "audit",
)  # fmt: skip
NODES: Final = 12
DAY_NS: Final = 1_760_000_000_000_000_000
VARIANTS: Final = 97

Archetype = dict[str, Any]


@dataclass
class Shop:
    """Every kind of span there is (an archetype: its text columns), and which spans an archetype calls."""

    archetypes: list[Archetype] = field(default_factory=list)
    #: For each archetype: (called archetype, fewest, most).
    calls: list[list[tuple[int, int, int]]] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)

    def add(self, **texts: Any) -> int:
        self.archetypes.append(texts)
        self.calls.append([])
        return len(self.archetypes) - 1


def build_shop(rng: np.random.Generator, operations: int = 8, names: Sequence[str] = NAMES) -> Shop:
    """Build services that call others further down the list, each with its own stores."""
    shop = Shop()
    servers = [[_server(shop, service, number) for number in range(operations)] for service in names]
    for position, service in enumerate(names):
        for number, server in enumerate(servers[position]):
            further = range(position + 1, min(position + 1 + len(names) // 3, len(names)))
            for callee in rng.permutation(list(further))[: rng.integers(0, 5)]:
                target = servers[callee][rng.integers(operations)]
                most = 6 if rng.random() < 0.05 else 1
                client = _client(shop, service, names[callee], shop.archetypes[target])
                shop.calls[server].append((client, 0, most))
                shop.calls[client].append((target, 1, 1))
            for table in range(rng.integers(0, 3)):
                most = 18 if rng.random() < 0.06 else 2
                shop.calls[server].append((_query(shop, service, f"{service}_{(number + table) % 5}"), 1, most))
            if rng.random() < 0.3:
                shop.calls[server].append((_cache(shop, service, number), 1, 3))
            if rng.random() < 0.12:
                publish, process = _message(shop, service, names[-1 - int(rng.integers(6))], number)
                shop.calls[server].append((publish, 1, 1))
                shop.calls[publish].append((process, 1, 1))
                shop.calls[process].append((_query(shop, shop.archetypes[process]["service"], "events"), 1, 2))
            if rng.random() < 0.2:
                shop.calls[server].append((_internal(shop, service, number), 1, 1))
    shop.entries = [*servers[0], *servers[1]]
    return shop


def _server(shop: Shop, service: str, number: int) -> int:
    verb, route = ("GET", "POST")[number % 2], f"/{service}/{{id}}/part{number}"
    name = f"{verb} {route}"
    return shop.add(
        service=service, kind="server", name=name, operation=name, template=name, category="http", http_method=verb,
        http_route=route, scope="instrumentation.http.server", url=f"/{service}/%d/part{number}", http_status=200,
    )  # fmt: skip


def _client(shop: Shop, service: str, callee: str, target: Archetype) -> int:
    verb = target["http_method"]
    return shop.add(
        service=service, kind="client", name=verb, operation=verb, template=target["template"], category="http",
        http_method=verb, server_address=callee, server_port=8080, scope="instrumentation.http.client",
        url=target["url"], http_status=200,
    )  # fmt: skip


def _query(shop: Shop, service: str, table: str) -> int:
    return shop.add(
        service=service, kind="client", name=f"SELECT {service}.{table}", operation=f"SELECT {service}.{table}",
        template=f"SELECT * FROM {table} WHERE id = ?", category="database", db_system="postgresql",
        db_namespace=service, db_operation="SELECT", db_collection=table, server_address=f"{service}-db",
        server_port=5432, scope="instrumentation.jdbc", statement=f"SELECT * FROM {table} WHERE id = %d",
    )  # fmt: skip


def _cache(shop: Shop, service: str, number: int) -> int:
    return shop.add(
        service=service, kind="client", name="GET", operation="GET", template=f"GET {service}:{number}:?",
        category="cache", db_system="redis", db_operation="GET", server_address="cache", server_port=6379,
        scope="instrumentation.redis", statement=f"GET {service}:{number}:%d",
    )  # fmt: skip


def _message(shop: Shop, service: str, consumer: str, number: int) -> tuple[int, int]:
    topic = f"{service}.events.{number}"
    shared = {"messaging_system": "kafka", "messaging_destination": topic, "category": "messaging", "template": topic}
    publish, process = f"{topic} publish", f"{topic} process"
    return (
        shop.add(
            service=service, kind="producer", name=publish, operation=publish, messaging_operation="publish", **shared
        ),
        shop.add(
            service=consumer, kind="consumer", name=process, operation=process, messaging_operation="process", **shared
        ),
    )


def _internal(shop: Shop, service: str, number: int) -> int:
    name = f"Step{number}.run"
    return shop.add(
        service=service,
        kind="internal",
        name=name,
        operation=name,
        category="internal",
        module=f"com.shop.{service}.Step{number}",
    )


def generate(
    spans: int,
    *,
    seed: int = 7,
    skew_ns: Mapping[str, int] | None = None,
    orphans: float = 0.003,
    names: Sequence[str] = NAMES,
    shop: Shop | None = None,
) -> pa.Table:
    """Return spans of whole traces, sorted as a partition is.

    Parameters
    ----------
    spans
        How many; more by up to the rest of the last trace.
    seed
        The same seed gives the same spans.
    skew_ns
        By host ("node-0" to "node-11"): what its clock is ahead, ns.
    orphans
        Share of spans whose parent is not there.
    names
        The services, the outermost first.
    shop
        What they do; built for the seed when not given, so that several seeds can show one system.
    """
    rng = np.random.default_rng(seed)
    shop = build_shop(rng, names=names) if shop is None else shop
    grown: list[dict[str, np.ndarray]] = []
    count = traces = 0
    while count < spans:
        mean = count // traces + 1 if traces else 60
        batch = _grow(shop, rng, max(1, min((spans - count) // mean + 1, 1000 if not traces else spans)))
        batch["trace"] += traces
        batch["parent"] += np.where(batch["parent"] >= 0, count, 0)
        grown.append(batch)
        count += len(batch["trace"])
        traces = int(batch["trace"].max()) + 1
    tree = {name: np.concatenate([batch[name] for batch in grown]) for name in grown[0]}
    return _table(shop, rng, tree, spans, skew_ns or {}, orphans)


def _grow(shop: Shop, rng: np.random.Generator, traces: int) -> dict[str, np.ndarray]:
    """Grow trees level by level, all traces at once."""
    offset = np.cumsum([0, *map(len, shop.calls)])
    called = np.array([call for calls in shop.calls for call in calls], np.int64).reshape(-1, 3)
    service = np.array([archetype["service"] for archetype in shop.archetypes])
    level = {
        "trace": np.arange(traces),
        "parent": np.full(traces, -1),
        "archetype": rng.choice(shop.entries, traces),
        "node": rng.integers(NODES, size=traces),
    }
    levels = [level]
    count = traces
    while len(level["trace"]) and len(levels) < 24:
        kind = level["archetype"]
        sites = offset[kind + 1] - offset[kind]
        above = np.repeat(np.arange(len(kind)), sites)
        site = np.arange(len(above)) - np.repeat(np.cumsum(sites) - sites, sites) + offset[kind[above]]
        times = rng.integers(called[site, 1], called[site, 2] + 1)
        above, site = np.repeat(above, times), np.repeat(site, times)
        archetype = called[site, 0]
        moves = service[archetype] != service[kind[above]]
        level = {
            "trace": level["trace"][above],
            "parent": count - len(kind) + above,
            "archetype": archetype,
            "node": np.where(moves, rng.integers(NODES, size=len(above)), level["node"][above]),
        }
        levels.append(level)
        count += len(above)
    tree = {name: np.concatenate([level[name] for level in levels]).astype(np.int64) for name in level}
    bounds = np.cumsum([0, *(len(level["trace"]) for level in levels)])
    # From level to level: where its parents and it begin, and where it ends.
    steps = list(zip(bounds[:-2], bounds[1:-1], bounds[2:], strict=True))
    failed = rng.random(count) < 0.004
    for _, first, last in reversed(steps):
        rows = np.arange(first, last)[failed[first:last]]
        failed[tree["parent"][rows[rng.random(len(rows)) < 0.75]]] = True
    # A call that is made again although its caller did not fail: the one before it did.
    remote = np.array([kind["kind"] == "client" and kind["category"] == "http" for kind in shop.archetypes])
    again = remote[tree["archetype"]][:-1]
    for name in ("parent", "archetype"):
        again &= tree[name][1:] == tree[name][:-1]
    failed[:-1] |= again & (rng.random(count - 1) < 0.05)
    return {**tree, **_timed(shop, rng, tree, steps), "failed": failed.astype(np.int64)}


def _timed(
    shop: Shop, rng: np.random.Generator, tree: dict[str, np.ndarray], steps: list[tuple[int, int, int]]
) -> dict[str, np.ndarray]:
    """Give every span work of its own; what calls lasts longer, by its children one after the other, or at once."""
    size = len(tree["trace"])
    typical_ns = {"database": 1.5e6, "cache": 3e5, "messaging": 8e5, "internal": 5e5, "http": 8e5}
    work = np.array([typical_ns[kind["category"]] for kind in shop.archetypes])[tree["archetype"]]
    duration = (work * rng.lognormal(0.0, 0.6, size)).astype(np.int64) + 1000
    own = duration.copy()
    at_once = rng.random(size) < 0.15
    apart = np.array([kind["kind"] == "consumer" for kind in shop.archetypes])[tree["archetype"]]
    before = np.zeros(size, np.int64)
    for parents, first, last in reversed(steps):
        above = tree["parent"][first:last] - parents
        lasts = np.where(apart[first:last], 0, duration[first:last])
        so_far = np.cumsum(lasts) - lasts
        begins = np.searchsorted(above, above)
        before[first:last] = np.where(at_once[parents + above], 0, so_far - so_far[begins])
        longest = np.zeros(first - parents, np.int64)
        np.maximum.at(longest, above, lasts + before[first:last])
        duration[parents:first] += longest
    start = DAY_NS + rng.integers(3_600_000_000_000, size=size)
    for _, first, last in steps:
        above = tree["parent"][first:last]
        wait = np.where(apart[first:last], duration[above] + 2_000_000, before[first:last] + own[above] // 2)
        start[first:last] = start[above] + wait
    return {"start": start, "duration": duration}


def _table(
    shop: Shop,
    rng: np.random.Generator,
    tree: dict[str, np.ndarray],
    spans: int,
    skew_ns: Mapping[str, int],
    orphans: float,
) -> pa.Table:
    size, traces = len(tree["trace"]), int(tree["trace"].max()) + 1
    trace_id = rng.integers(1, 2**63, (traces, 2), dtype=np.uint64)
    span_id = rng.integers(1, 2**63, size, dtype=np.uint64)
    parent_span_id = np.where(tree["parent"] >= 0, span_id[tree["parent"]], np.uint64(0))
    lost = (tree["parent"] >= 0) & (rng.random(size) < orphans)
    parent_span_id[lost] = rng.integers(1, 2**63, int(lost.sum()), dtype=np.uint64)
    hosts = [f"node-{number}" for number in range(NODES)]
    start = tree["start"] + np.array([skew_ns.get(host, 0) for host in hosts])[tree["node"]]
    high, low = trace_id[tree["trace"]].T
    order = np.lexsort((span_id, start, low, high))
    archetype, node, failed = tree["archetype"][order], tree["node"][order], tree["failed"][order] == 1
    value = rng.integers(VARIANTS, size=size)
    services = sorted({kind["service"] for kind in shop.archetypes})
    service = np.array([services.index(kind["service"]) for kind in shop.archetypes])[archetype]
    columns: dict[str, pa.Array] = {
        "trace_id_high": pa.array(high[order]),
        "trace_id_low": pa.array(low[order]),
        "span_id": pa.array(span_id[order]),
        "parent_span_id": pa.array(parent_span_id[order]),
        "start_ns": pa.array(start[order]),
        "duration_ns": pa.array(tree["duration"][order]),
        "service": _coded(service, services),
        "host": _coded(node, hosts),
        "instance": _coded(service * NODES + node, [f"{name}-{copy}" for name in services for copy in range(NODES)]),
        "service_namespace": _coded(np.zeros(size), ["shop"]),
        "service_version": _coded(service % 3, ["1.4.2", "1.5.0", "2.0.1"]),
        "environment": _coded(np.zeros(size), ["production"]),
        "status": _coded(np.where(failed, 1, 0), ["unset", "error"]),
        "status_message": _coded(np.where(failed, 0, -1), ["upstream failed"]),
        "error_type": _coded(np.where(failed, archetype % 3, -1), ["500", "java.io.IOException", "ConnectionError"]),
        "exception_message": _coded(np.where(failed, value, -1), [f"call {n} timed out" for n in range(VARIANTS)]),
        "url_path": _filled(shop, archetype, value, "url"),
        "db_statement": _filled(shop, archetype, value, "statement"),
        "http_status": _numbers(shop, archetype, "http_status", failed),
        "server_port": _numbers(shop, archetype, "server_port"),
        "parameters": pa.array(np.where(_has(shop, "statement")[archetype], value + 1, 0).astype(np.uint64)),
        "response_size": pa.array(rng.integers(20, 20_000, size), mask=~_has(shop, "http_status")[archetype]),
    }
    constants = {"shared": False, "asynchronous": False, "old_conventions": False, "multiplicity": 1, "weight": 1.0}
    constants["time_resolution_ns"] = 1
    for column in SPAN_SCHEMA:
        if column.name in columns:
            columns[column.name] = columns[column.name].cast(column.type)
        elif column.name in constants:
            columns[column.name] = pa.repeat(pa.scalar(constants[column.name], column.type), size)
        elif any(column.name in kind for kind in shop.archetypes):
            columns[column.name] = _texts(shop, archetype, column.name)
        else:
            columns[column.name] = pa.nulls(size, column.type)
    begins = np.flatnonzero(np.diff(tree["trace"][order], prepend=-1))
    whole = begins[min(np.searchsorted(begins, spans), len(begins) - 1)] if begins[-1] >= spans else size
    return pa.table([columns[name] for name in SPAN_SCHEMA.names], schema=SPAN_SCHEMA).slice(0, int(whole))


def _coded(codes: np.ndarray, values: list[str]) -> pa.DictionaryArray:
    codes = codes.astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(values, pa.string()))


def _texts(shop: Shop, archetype: np.ndarray, column: str) -> pa.DictionaryArray:
    values = sorted({kind[column] for kind in shop.archetypes if column in kind})
    lookup = np.array([values.index(kind[column]) if column in kind else -1 for kind in shop.archetypes])
    return _coded(lookup[archetype], values)


def _filled(shop: Shop, archetype: np.ndarray, value: np.ndarray, pattern: str) -> pa.DictionaryArray:
    """Return texts with values in them: a dictionary as large as statements and paths make in practice."""
    patterns = sorted({kind[pattern] for kind in shop.archetypes if pattern in kind})
    lookup = np.array([patterns.index(kind[pattern]) if pattern in kind else -1 for kind in shop.archetypes])[archetype]
    texts = [text % number for text in patterns for number in range(VARIANTS)]
    return _coded(np.where(lookup < 0, -1, lookup * VARIANTS + value), texts)


def _has(shop: Shop, column: str) -> np.ndarray:
    return np.array([column in kind for kind in shop.archetypes])


def _numbers(shop: Shop, archetype: np.ndarray, column: str, failed: np.ndarray | None = None) -> pa.Array:
    numbers = np.array([kind.get(column, 0) for kind in shop.archetypes])[archetype]
    if failed is not None:
        numbers = np.where(failed, 500, numbers)
    return pa.array(numbers, mask=~_has(shop, column)[archetype])


def main() -> None:
    """Write generated spans to a Parquet file."""
    arguments = argparse.ArgumentParser(description=main.__doc__)
    arguments.add_argument("spans", type=float)
    arguments.add_argument("file")
    arguments.add_argument("--seed", type=int, default=7)
    chosen = arguments.parse_args()
    began = time.perf_counter()
    table = generate(int(chosen.spans), seed=chosen.seed)
    pq.write_table(table, chosen.file, compression="zstd")
    print(f"{table.num_rows} spans in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
