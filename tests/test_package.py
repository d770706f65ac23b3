"""What ``import analysis as an`` offers: every name, loaded when it is used, the same before and after."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter

import analysis as an
from tests.shop import shop_file

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", an.__all__)
def test_every_name_is_there(name):
    assert getattr(an, name) is not None
    assert name in dir(an)


def test_what_can_be_used_is_offered():
    assert sorted(an._HOMES) == sorted(an.__all__)


def test_a_function_stays_one_when_its_room_is_loaded():
    for name in ("ingest", "critical_path", "review"):
        room = importlib.import_module(f"analysis.{name}")
        assert sys.modules[f"analysis.{name}"] is room
        assert isinstance(getattr(an, name), FunctionType)


def test_unknown_name_is_told_which_there_are():
    with pytest.raises(AttributeError, match=r"it has .*open_export"):
        _ = an.open_exports


def test_nothing_heavy_is_loaded_before_it_is_used():
    heavy = "{'numba', 'plotly', 'pandas', 'pyarrow', 'sqlglot', 'networkx'}"
    code = f"import sys, analysis; print(sorted({heavy} & set(sys.modules)))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert seen.stdout.strip() == "[]"


def test_tab_completion_offers_figures_and_what_a_review_holds():
    assert set(an.figures.__all__) <= set(dir(an.figures))
    assert {"findings", "finding_objects", "facts", "services", "save"} <= set(dir(an.Review))


def test_tab_completion_offers_facts_and_their_columns(tmp_path):
    result = an.review(an.open_export(shop_file(tmp_path / "shop.jsonl", 2)))
    completer = IPCompleter(namespace={"result": result}, use_jedi=False)

    def offered(text: str) -> set[str]:
        with provisionalcompleter():
            return {one.text.split("[")[-1].strip("'\"") for one in completer.completions(text, len(text))}

    assert {"call_samples", "callees", "calls"} <= offered("result.facts['cal")
    assert {"callee", "caller"} <= offered("result.facts['calls']['calle") | offered("result.facts['calls']['caller")
    assert offered("result.findings['sev") == {"severity"}
    assert {text.lstrip(".") for text in offered("result.find")} >= {"finding", "findings", "finding_objects"}


def test_patterns_hold_on_every_python():
    # Before Python 3.11.5 a possessive group that holds choices matches what it should not (python/cpython#106052);
    # an atomic group around a greedy one says the same.
    possessive = re.compile(r"(?<!\()\)(?:[*+?]|\{\{?[\d,]+\}\}?)\+")
    for path in sorted((ROOT / "analysis").rglob("*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not possessive.search(line), f"{path}: {line}"
