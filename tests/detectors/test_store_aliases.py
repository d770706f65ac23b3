"""Two names of one store, which only a configuration can say are one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import analysis as an
from tests.detectors.stories import export, stories

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "guide" / "shared-data.md"
CONFIGURATION = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0])
STORIES = {name: story for detector, name, story in stories() if detector == "shared_table"}


@pytest.mark.parametrize(
    ("name", "store"),
    [
        ("silent_on_a_read_replica", "mysql://db/shop"),
        ("silent_on_a_pooler_that_may_be_the_same_store", "postgresql://db/shop"),
    ],
)
def test_what_was_told_as_perhaps_one_store_is_one_by_an_alias(name: str, store: str, tmp_path: Path) -> None:
    data = an.open_export(str(export(STORIES[name], tmp_path / "traces.jsonl")))
    apart: Any = an.review(data, only=["shared_table"]).assessments_made[0]
    assert (apart.outcome, len(apart.suppressed)) == ("not_found", 1)
    together: Any = an.review(data, config=CONFIGURATION, only=["shared_table"]).assessments_made[0]
    assert (together.outcome, together.suppressed) == ("found", ())
    assert together.findings[0].subject == {"grain": "table", "store": store, "table": "orders"}
