"""Calls of stores without SQL and of brokers, read from an export like any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import analysis as an
from analysis import facts
from analysis.engine import scan_facts
from analysis.planting import planting
from tests.detectors.stories import export

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent.parent / "cases" / "store_calls.yml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pd.DataFrame]:
    """Return the facts of an export in which each case is a service of its own, named by the case."""
    groups = [
        {
            "spans": [
                {"is": "root", "service": case["name"], "name": "job", "ms": 100},
                {
                    "is": "call",
                    "under": "root",
                    "service": case["name"],
                    "name": case["span"],
                    "kind": case.get("kind", "client"),
                    "at": 10,
                    "ms": 10,
                    "attributes": case["attributes"],
                },
            ]
        }
        for case in CASES
    ]
    path = export({**groups[0], "also": groups[1:]}, tmp_path_factory.mktemp("stores") / "traces.jsonl")
    data = an.open_export(str(path))
    scanned = scan_facts(data, ["data_access", "topics"], ground=planting(data))
    catalogue = facts.discover()
    return {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in scanned.items()}


@pytest.mark.parametrize("case", [case for case in CASES if "tables" in case], ids=lambda case: str(case["name"]))
def test_a_call_of_a_store_touches_these_tables(case: dict[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    access = tables["data_access"]
    own = access[access["service"] == case["name"]]
    expected = {
        (case["store"], table, mode)
        for table, modes in case["tables"].items()
        for mode in ([modes] if isinstance(modes, str) else modes)
    }
    assert set(zip(own["store"], own["table"], own["mode"], strict=True)) == expected


@pytest.mark.parametrize("case", [case for case in CASES if "topic" in case], ids=lambda case: str(case["name"]))
def test_a_message_goes_to_this_topic(case: dict[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    used = tables["topics"]
    own = used[used["service"] == case["name"]]
    assert list(zip(own["topic"], own["role"], own["named"], strict=True)) == [(case["topic"], case["role"], True)]


def test_every_kind_of_store_has_its_cases() -> None:
    systems = {
        str(case["attributes"].get(name, "")).lower()
        for case in CASES
        for name in ("db.system.name", "db.system", "messaging.system", "rpc.service")
    }
    wanted = {"mongodb", "redis", "elasticsearch", "aws.dynamodb", "cassandra", "s3", "kafka", "rabbitmq", "aws_sqs"}
    assert wanted | {"gcp_pubsub"} <= systems
    assert len({case["name"] for case in CASES}) == len(CASES)
