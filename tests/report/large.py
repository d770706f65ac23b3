"""A system of 300 services and 3,000 edges with 1,000 findings, as a review: a small shop, blown up."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pyarrow as pa

import analysis as an
from analysis import facts
from analysis.catalogue import Catalogue, Entry
from analysis.findings import Assessment
from analysis.report.first_page import first_page
from analysis.report.site import Site, copy_assets, write_site
from analysis.report.told import Told
from tests.shop import shop_file

DOMAINS = ("cart", "order", "stock", "money", "people", "ship")
SERVICES = [f"{domain}-{number:02}" for domain in DOMAINS for number in range(50)]
EDGES, FINDINGS = 3_000, 1_000


def large_review(folder: Path) -> an.Review:
    """Return the review: nine of ten edges stay within a domain of fifty services."""
    small = an.review(an.open_export(shop_file(folder / "shop.jsonl")))
    base = small.finding_objects[0]
    severities = ("info", "low", "medium", "high")
    found = tuple(
        dataclasses.replace(
            base,
            subject={"number": number},
            title=f"Finding {number} of {SERVICES[number % 300]}",
            services=(SERVICES[number % 300], SERVICES[(number * 7 + 1) % 300]),
            severity=severities[number % 4],
        )
        for number in range(FINDINGS)
    )
    return dataclasses.replace(
        small,
        tables={**small.tables, "calls": _calls(), "operations": small.tables["operations"].slice(0, 0)},
        assessments_made=(Assessment(base.detector, base.family, "found", found),),
        totals={**small.totals, "services": SERVICES},
        catalogue=Catalogue(tuple(Entry(name, f"team {name[:4]}", name[:-3]) for name in SERVICES)),
    )


def _calls() -> pa.Table:
    chosen = random.Random(7)
    pairs: dict[tuple[str, str], int] = {}
    while len(pairs) < EDGES:
        caller = chosen.randrange(300)
        near = caller // 50 * 50 + chosen.randrange(50)
        callee = near if chosen.random() < 0.9 else chosen.randrange(300)
        if caller < callee:
            pairs[SERVICES[caller], SERVICES[callee]] = chosen.randrange(1, 5_000)
    schema = pa.schema([(field.name, field.type) for field in facts.discover()["calls"].FIELDS])
    rows = []
    for (caller, callee), calls in sorted(pairs.items()):
        row = {field.name: [] if pa.types.is_list(field.type) else 0 for field in schema}
        ends = {"caller": caller, "callee": callee, "kind": "sync", "caller_kind": "service", "callee_kind": "service"}
        rows.append(row | ends | {"calls": calls, "traces": calls, "latency": [{"bucket": 900, "count": calls}]})
    return pa.Table.from_pylist(rows, schema=schema)


def write_first_page(review: an.Review, folder: Path) -> None:
    """Write the first page of a report on it, with what that loads."""
    copy_assets(folder)
    write_site(Site("Large", first_page(Told(review, "Large")), (), (), ()), folder)
