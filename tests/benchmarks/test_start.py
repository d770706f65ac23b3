from __future__ import annotations

import json

import pytest

from tests.benchmarks import start, start_stages
from tests.benchmarks.exports import as_export
from tests.benchmarks.generate import generate


def test_what_a_review_costs_beside_its_work_is_measured(tmp_path, capsys):
    export, target = tmp_path / "traces.jsonl", tmp_path / "start.json"
    export.write_bytes(as_export(generate(300), "otlp-json"))
    start.main([str(export), "--rounds", "1", "--json", str(target)])
    told = json.loads(target.read_text())
    costs = {row["name"]: row["cpu_seconds"] for row in told["rows"]}
    assert set(costs) == {start.HELP, start.SECOND, start.EMPTY, start.OTHERS, start.ALL}
    assert all(cost > 0 for cost in costs.values())
    beyond, importing, working = (row["cpu_seconds"] for row in told["differences"])
    assert beyond == pytest.approx(costs[start.SECOND] - costs[start.OTHERS])
    assert beyond == pytest.approx(importing + working)
    stages = {row["name"] for row in told["stages"]}
    assert set(start_stages.STAGES) < stages
    # A review is made with pandas, pyarrow and numba, which are hundreds of modules.
    assert told["others"] > 500
    assert told["own"] > 100
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*costs, *stages))


def test_modules_that_only_exist_within_others_are_left_out(tmp_path):
    command = start._importing(["json", "no.such.module", "json.decoder"], tmp_path / "names.json")
    assert json.loads((tmp_path / "names.json").read_text()) == ["json", "json.decoder"]
    assert start._cpu_seconds(command) > 0


def test_a_process_that_fails_is_no_measurement():
    with pytest.raises(RuntimeError, match="no-such-command"):
        start._cpu_seconds(["-m", "analysis", "no-such-command"])


def test_a_stage_is_not_charged_for_another_within_it():
    clock = start_stages._Clock()
    with clock.within("outer"), clock.within("inner"):
        sum(range(3_000_000))
    clock.end()
    assert clock.taken["outer"] < clock.taken["inner"]
