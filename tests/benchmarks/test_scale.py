from __future__ import annotations

import json

import numpy as np
import pytest

import analysis as an
from tests.benchmarks import scale
from tests.benchmarks.pieces import SERVICES, write_pieces


def test_pieces_hold_the_same_system_and_no_trace_twice(tmp_path):
    files = write_pieces(5_000, tmp_path, size=1_000)
    said = [int(path.name.split(".")[0].split("-")[2]) for path in files]
    data = an.open_export(files)
    # Six pieces are more than there are templates: two of them are made from one.
    assert len(files) > 4
    assert data.totals.spans == sum(said) >= 5_000
    assert set(data.services) <= set(SERVICES)
    tables = [an.open_export(path).partitions[0].read() for path in (files[0], files[4])]
    assert tables[0]["name"].to_pylist() != []
    first, fifth = (set(table["trace_id_low"].to_pylist()) for table in tables)
    assert len(first) == len(fifth)
    assert not first & fifth
    lost = [np.isin(table["parent_span_id"], [0, *table["span_id"].to_pylist()]).mean() for table in tables]
    assert lost[0] == pytest.approx(lost[1])
    # What is there already is kept, and what is missing comes back the same.
    whole = files[4].read_bytes()
    files[4].unlink()
    assert write_pieces(5_000, tmp_path, size=1_000) == files
    assert files[4].read_bytes() == whole


@pytest.mark.slow
def test_what_ingesting_and_reviewing_take_is_measured(tmp_path, capsys):
    target = tmp_path / "costs.json"
    told = ["--spans", "3000", "--piece", "1000", "--folder", str(tmp_path / "run"), "--json", str(target)]
    scale.main([*told, "--engine", "threads=1"])
    costs = json.loads(target.read_text())
    assert [cost["stage"] for cost in costs] == ["ingest", "findings"]
    for cost in costs:
        assert cost["spans"] >= 3_000
        # Python with its packages alone takes a tenth of a second and fifty megabytes.
        assert cost["cpu_seconds"] > 0.1
        assert cost["peak_bytes"] > 50_000_000
    assert "against the first" in capsys.readouterr().out
