"""Names that attack a terminal or a spreadsheet, in the commands that write names of their own."""

from __future__ import annotations

import csv
import io
import re

import pytest

from tests.commands.run import run
from tests.shop import shop_file

EVIL = "=1+1\x1b[2J\u202e\u200bcart\r\n# owned\x9b"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("evil") / "shop.jsonl", 3, service=EVIL, operation=EVIL)


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect",),
        ("critical-path", "--format", "text"),
        ("critical-path", "--format", "text", "--trace", "1"),
        ("critical-path", "--format", "csv"),
        ("findings",),
    ],
)
def test_nothing_raw_reaches_a_terminal(capsys, path, arguments):
    said = run(capsys, arguments[0], path, *arguments[1:])
    assert said.code == 0
    assert "cart" in said.out
    assert RAW.search(said.out + said.err) is None
    assert not any(line.startswith("# owned") for line in said.out.splitlines())


def test_no_cell_of_a_path_is_a_formula(capsys, path):
    rows = list(csv.DictReader(io.StringIO(run(capsys, "critical-path", path, "--format", "csv").out)))
    assert any("cart" in row["service"] for row in rows)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_a_name_of_a_file_is_told_on_one_line(capsys, tmp_path):
    said = run(capsys, "inspect", tmp_path / "a\x1b[2J\nb.json")
    assert said.code == 1
    assert RAW.search(said.err) is None
    assert len(said.err.splitlines()) == 1
