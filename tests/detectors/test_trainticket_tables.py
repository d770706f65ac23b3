"""A real system whose services keep their tables in one schema: no table is shared, whatever entities are called."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import analysis as an

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "guide" / "shared-data.md"
MAPPING = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1])


@pytest.fixture(scope="module")
def users(shared_exports: Path) -> dict[str, set[str]]:
    """Return the services that use each table, by plain CSV."""
    path = shared_exports / "trainticket" / "normal" / "08_50_trace.csv.gz"
    found: dict[str, set[str]] = {}
    for row in csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())):
        said = re.fullmatch(r"[A-Z]+ ts\.(\w+)", row["OperationName"])
        if said:
            found.setdefault(said[1], set()).add(row["PodName"].rsplit("-", 2)[0])
    return found


@pytest.fixture(scope="module")
def review(shared_exports: Path) -> Any:
    return an.review(an.open_rows(shared_exports / "trainticket" / "normal", MAPPING))


def test_every_table_has_the_services_that_plain_rows_have(review: Any, users: dict[str, set[str]]) -> None:
    table = an.ownership(review)
    assert set(table["store"]) == {"mysql:///ts"}
    assert {name: set(rows["service"]) for name, rows in table.groupby("table")} == users
    assert all(len(services) == 1 for services in users.values())


def test_the_answer_is_one_schema_and_no_shared_table(review: Any, users: dict[str, set[str]]) -> None:
    [finding] = [item for item in review.of_family("shared_data") if item.detector == "shared_table"]
    assert finding.subject == {"grain": "schema", "store": "mysql:///ts"}
    assert finding.severity == "low"
    assert set(finding.services) == set().union(*users.values())
    assert finding.measures["shared_tables"] == 0
    assert finding.measures["tables"] == len(users)


def test_names_of_entities_are_no_tables(review: Any) -> None:
    assert not {"order", "trip", "user", "payment"} & {name.lower() for name in an.ownership(review)["table"]} - {
        # These two are tables of the schema as well, each of one service.
        "user",
        "payment",
        "trip",
    }
    matrix = an.coupling(review)
    assert int(matrix.to_numpy().sum()) == int(matrix.to_numpy().diagonal().sum())


def test_no_foreign_write_or_queue_is_made_up(review: Any) -> None:
    found = {item.detector for item in review.of_family("shared_data") if item.severity != "info"}
    assert found == {"shared_table"}
