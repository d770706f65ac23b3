"""In the shop, pricing's object mapper and its driver record every statement beside each other: it is one call."""

from __future__ import annotations

import analysis as an
from analysis import facts
from analysis.engine import scan_facts
from analysis.planting import planting
from tests.samples.recordings import SAMPLES

DRIVER, MAPPER = (f"opentelemetry.instrumentation.{name}" for name in ("psycopg", "sqlalchemy"))


def test_a_statement_that_two_layers_record_counts_once() -> None:
    data = an.open_export(str(SAMPLES / "before" / "traces.jsonl.zst"))
    spans = data.spans(["service", "scope", "template"])
    reads = spans[(spans["service"] == "pricing") & spans["template"].str.contains("FROM pricing.discounts", na=False)]
    recorded = reads["scope"].value_counts().to_dict()
    assert recorded[DRIVER] == recorded[MAPPER] > 600
    ground = planting(data)
    scanned = scan_facts(data, ["data_access", "calls"], ground=ground)
    catalogue = facts.discover()
    access, calls = (facts.to_frame(catalogue[name].FIELDS, scanned[name]) for name in ("data_access", "calls"))
    own = access[(access["service"] == "pricing") & (access["table"] == "pricing.discounts")]
    assert int(own["calls"].sum()) == recorded[DRIVER]
    # The same in the links, where taking a connection is no call either: statements of the driver only.
    driven = spans[(spans["service"] == "pricing") & (spans["scope"] == DRIVER)]
    edge = calls[(calls["caller"] == "pricing") & (calls["kind"] == "data")]
    assert int(edge["calls"].sum()) == len(driven)
