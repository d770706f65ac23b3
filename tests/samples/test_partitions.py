"""A recording reviewed in one piece and in seven: the same facts, the same findings, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import analysis as an

BEFORE = Path(__file__).resolve().parents[2] / "data" / "samples" / "shop" / "before" / "traces.jsonl.zst"
#: Facts of which generated spans have no row.
UNSEEN = ("polls", "request_writes", "revisits")


def test_partitions_make_no_difference_to_a_review(tmp_path: Path) -> None:
    whole = an.review(an.ingest([BEFORE], tmp_path / "one", partitions=1))
    parts = an.review(an.ingest([BEFORE], tmp_path / "seven", partitions=7))
    assert all(whole.tables[name].num_rows for name in UNSEEN)
    assert [name for name, table in whole.tables.items() if not table.equals(parts.tables[name])] == []
    assert json.dumps(whole.to_json()) == json.dumps(parts.to_json())
