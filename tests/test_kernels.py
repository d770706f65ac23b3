from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher
from numba.types import Array

import analysis._kernels
from analysis import schema
from analysis._kernels import compiled, kept
from analysis._kernels.compiling import STAGE, telling_of_compiling
from analysis._kernels.parents import break_cycles, find_ancestry, resolve_parents
from analysis._kernels.times import self_times
from analysis.forest import COLUMNS, plant
from tests.benchmarks.generate import generate
from tests.forests import DEFAULTS, span_table

LARGE = 1_000_000


def kernels_of(module: Any) -> dict[str, Dispatcher]:
    return {
        name: member
        for name, member in vars(module).items()
        if isinstance(member, Dispatcher) and member.__module__ == module.__name__
    }


def wide_table(count: int, **columns: np.ndarray) -> pa.Table:
    """Return a table of many spans of one trace; columns that are not given as a reader fills them."""
    arrays = []
    for field in schema.SPAN_SCHEMA:
        if field.name not in COLUMNS:
            continue
        if field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        else:
            value = DEFAULTS.get(field.name)
            kind = pa.string() if pa.types.is_dictionary(field.type) else field.type
            array = pa.repeat(pa.scalar(value, kind), count)
            arrays.append(array.dictionary_encode() if pa.types.is_dictionary(field.type) else array)
    return pa.table(arrays, names=[field.name for field in schema.SPAN_SCHEMA if field.name in COLUMNS])


def test_each_kernel_is_compiled_for_one_type_of_each_array():
    tables = [
        schema.empty_spans(),
        span_table([{"span_id": 1, "shared": True, "host": "h", "start_ns": 0, "duration_ns": 1}]),
        span_table([{"span_id": 1, "weight": None, "multiplicity": None}]),
        generate(300).select(COLUMNS),
        generate(300).select(COLUMNS).slice(17, 50),
        pa.concat_tables([generate(100).select(COLUMNS), generate(100, seed=8).select(COLUMNS)]),
    ]
    for table in tables:
        for options in ({}, {"offsets": {"node-1": 5, "h": -1}}, {"adjust_within_ns": 10**9}):
            forest = plant(table, **options)
            assert len(forest.self_time) == len(forest.downwards) == len(forest.blocking) == table.num_rows
    for module in ("parents", "times"):
        source = importlib.import_module(f"analysis._kernels.{module}")
        for name, kernel in kernels_of(source).items():
            # A kernel that only others call is in their compiled form, if that was found on disk.
            arrays = {tuple(kind for kind in signature if isinstance(kind, Array)) for signature in kernel.signatures}
            expected = {1} if name in source.__all__ else {0, 1}
            assert len(arrays) in expected, f"{module}.{name} was compiled for {kernel.signatures}"


def test_every_kernel_releases_the_interpreter_lock_and_is_kept_on_disk():
    for module in pkgutil.iter_modules(analysis._kernels.__path__):
        for name, kernel in kernels_of(importlib.import_module(f"analysis._kernels.{module.name}")).items():
            assert kernel.targetoptions.get("nogil"), f"{module.name}.{name} holds the lock"
            assert kernel.stats.cache_path is not None, f"{module.name}.{name} is compiled by every process"


def test_a_second_process_compiles_nothing():
    program = (
        "from tests.benchmarks.generate import generate\n"
        "from analysis.forest import plant\n"
        "from analysis._kernels import parents, times\n"
        "plant(generate(300), adjust_within_ns=1).self_time\n"
        "kernels = (parents.resolve_parents, parents.break_cycles, parents.find_ancestry, parents.list_children,\n"
        "           times.self_times, times.skew_within_traces)\n"
        "print(sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels))\n"
    )
    root = Path(__file__).resolve().parent.parent
    plant(generate(300), adjust_within_ns=1)
    for last in (False, True):
        done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
        if last:
            assert done.stdout.strip() == "0"


def test_a_second_review_makes_nothing_ready_to_compile(tmp_path):
    program = (
        "import sys\nfrom analysis.cli import main\nfrom numba.core.registry import cpu_target\n"
        "assert main(['findings', sys.argv[1], '--quiet', '--out', sys.argv[2]]) == 0\n"
        "print(len(cpu_target.target_context._registries))"
    )
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", program, "data/samples/shop/incident", str(tmp_path / "findings.txt")]
    # The first compiles what no other test has; making ready for that costs a second review half a second.
    for _ in range(2):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_compiling_is_told_and_what_is_compiled_already_is_not():
    told: list[tuple[str, int, int | None]] = []

    @njit
    def twice(number: int) -> int:
        return 2 * number

    with telling_of_compiling(lambda stage, done, total: told.append((stage, done, total))):
        assert twice(4) == 8
        assert told == [(STAGE, 0, None), (STAGE, 1, None)]
        assert twice(5) == 10
    assert len(told) == 2
    # Whoever has left is told nothing.
    assert twice(0.5) == 1.0
    assert len(told) == 2


def seven() -> int:
    return 7


def refuse(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    """Let numba say a message when it looks for a folder for compiled forms."""

    def kept_forms(_function: Any) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(compiled, "KeptForms", kept_forms)


def test_kernels_work_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch):
    # What numba says, in numba.core.caching, when no folder can be written.
    refuse(monkeypatch, "cannot cache function 'seven': no locator available for file 'loops.py'")
    loop = compiled.kernel(seven)
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR"):
        assert loop() == 7
    assert loop() == 7


def test_other_errors_of_the_compiler_are_not_swallowed(monkeypatch: pytest.MonkeyPatch):
    refuse(monkeypatch, "something else")
    loop = compiled.kernel(seven)
    with pytest.raises(RuntimeError, match="something else"):
        loop()


def test_a_kernel_that_is_only_declared_looks_for_no_folder(monkeypatch: pytest.MonkeyPatch):
    refuse(monkeypatch, "a folder was looked for")
    compiled.kernel(seven)


def _said(folder, script, argument):
    """Return what a script prints that runs in a process of its own, beside modules of a folder."""
    run = subprocess.run(
        [sys.executable, "-c", script, argument],
        cwd=folder,
        env={"PYTHONPATH": str(Path(compiled.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


def test_a_kernel_from_disk_is_a_part_of_one_that_is_compiled_later(tmp_path):
    (tmp_path / "loops.py").write_text(
        "from analysis._kernels.compiled import kernel\n\n\n@kernel\ndef twice(count):\n    return 2 * count\n\n\n"
        "@kernel\ndef thrice(count):\n    return twice(count) + count\n"
    )
    script = (
        "from loops import twice, thrice; import sys\n"
        "print(twice(1), *(thrice(count) for count in eval(sys.argv[1])), len(twice.stats.cache_hits))\n"
    )
    said = [_said(tmp_path, script, counts).strip() for counts in ("()", "(2,)", "(2,)")]
    # The second finds one of them, and compiles the other around it.
    assert said == ["2 0", "2 6 1", "2 6 1"]


def test_only_what_is_called_from_python_becomes_code_and_is_kept(tmp_path):
    (tmp_path / "loops.py").write_text(
        "from analysis._kernels.compiled import kernel, walker\n\n\n@walker\ndef share(sum, count):\n"
        "    return sum // count\n\n\n@kernel\ndef shares(sums, counts, found):\n"
        "    for row in range(len(sums)):\n        found[row] = share(sums[row], counts[row])\n"
        "    if found[0] > 100:\n        raise ValueError('more than ' + str(share(200, 2)))\n"
        "    return share(sums[0], 2) + share(sums[0], 5)\n"
    )
    script = (
        "import numpy as np; import sys; from pathlib import Path\n"
        "from loops import share, shares\n"
        "sums, counts, found = np.array([7, 9]), np.array([3, 4]), np.zeros(2, np.int64)\n"
        "print(shares(sums, counts, found), *found)\n"
        "for wrong in ((sums, counts * 0, found), (sums * 1000, counts, found)):\n"
        "    try:\n        shares(*wrong)\n"
        "    except (ZeroDivisionError, ValueError) as error:\n        print(type(error).__name__, error)\n"
        "print(len(share.signatures), *sorted(file.name[6:12] for file in Path().rglob('*.nbc')))\n"
        "if sys.argv[1]:\n    print(share(7, 3), *sorted(file.name[6:12] for file in Path().rglob('*.nbc')))\n"
    )
    said = [_said(tmp_path, script, directly).split("\n")[:-1] for directly in ("", "", "yes", "yes")]
    # 7 // 3 and 9 // 4; 7 // 2 + 7 // 5; then what is divided by zero, and 7000 // 3.
    results = ["4 2 2", "ZeroDivisionError integer division by zero", "ValueError more than 100"]
    # What is called by a kernel alone has one form for constants and others, as long as the kernel is being compiled.
    assert said[0] == [*results, "1 shares"]
    assert said[1] == [*results, "0 shares"]
    assert said[2] == [*results, "0 shares", "2 share- shares"]
    assert said[3] == [*results, "0 share- shares", "2 share- shares"]


def test_what_numba_is_locked_to_is_read_the_short_way():
    assert kept.KeptForms._impl_class is kept._Forms


def test_a_chain_of_a_hundred_thousand_spans():
    count = 100_000
    numbers = np.arange(count)
    # Later spans are parents of earlier ones, so that every walk upwards is as long as can be.
    chain = wide_table(
        count,
        span_id=(count - numbers).astype(np.uint64),
        parent_span_id=(count - numbers - 1).astype(np.uint64),
        start_ns=numbers,
        duration_ns=np.full(count, 5),
    )
    forest = plant(chain, adjust_within_ns=10)
    assert forest.depth.max() == count - 1
    assert (forest.root == count - 1).all()


def test_a_cycle_of_a_hundred_thousand_spans():
    count = 100_000
    parent = np.roll(np.arange(count, dtype=np.int32), 1)
    assert break_cycles(parent, np.ones(count, np.bool_), np.arange(count, 0, -1)) == 1
    assert np.flatnonzero(parent < 0).tolist() == [count - 1]
    depth, root = np.full(count, -1, np.int32), np.full(count, -1, np.int32)
    find_ancestry(parent, depth, root)
    assert depth.max() == count - 1
    assert (root == count - 1).all()


def test_a_million_children_of_one_span():
    numbers = np.arange(LARGE)
    parents = np.where(numbers > 0, 1, 0)
    # Every child starts before the one in the row above it ends.
    wide = wide_table(
        LARGE,
        span_id=(numbers + 1).astype(np.uint64),
        parent_span_id=parents.astype(np.uint64),
        start_ns=numbers,
        duration_ns=np.where(numbers > 0, 2, LARGE + 10),
    )
    forest = plant(wide)
    assert forest.child_offset[1] == LARGE - 1
    # Children cover [1, LARGE + 1) without a gap.
    assert forest.self_time[0] == LARGE + 10 - LARGE


@pytest.mark.parametrize("shared", [False, True])
def test_a_million_spans_of_one_id(shared: bool):
    numbers = np.arange(LARGE // 4)
    table = wide_table(
        len(numbers),
        span_id=np.full(len(numbers), 7, np.uint64),
        parent_span_id=np.where(numbers % 2, 7, 9).astype(np.uint64),
        shared=np.full(len(numbers), shared),
        start_ns=numbers,
        duration_ns=numbers,
    )
    forest = plant(table)
    assert forest.cycles_broken == len(numbers) // 2
    assert forest.orphan.sum() == len(numbers) // 2


def test_ids_that_differ_in_few_bits_are_found():
    # Ids of tracers that count, or that leave the lower half empty.
    for step in (1, 2**16, 2**32, 2**48):
        ids = (np.arange(1, 5000, dtype=np.uint64) * np.uint64(step)).astype(np.uint64)
        parent, orphan = np.full(len(ids), -1, np.int32), np.zeros(len(ids), np.bool_)
        unknown = np.full(len(ids), -1, np.int32)
        offset = np.array([0, len(ids)], np.int64)
        resolve_parents(
            offset,
            ids,
            np.concatenate([ids[1:], ids[:1]]),
            np.zeros(len(ids), np.bool_),
            unknown,
            unknown,
            parent,
            orphan,
        )
        assert parent.tolist() == [*range(1, len(ids)), 0]
        assert not orphan.any()


def test_self_time_counts_overlaps_once_and_what_is_outside_never():
    # Parent [10, 20) with children [5, 12), [11, 13), [11, 12), [18, 30), [40, 50): covered 10-13 and 18-20.
    start = np.array([10, 5, 11, 11, 18, 40], np.int64)
    end = np.array([20, 12, 13, 12, 30, 50], np.int64)
    own = np.zeros(6, np.int64)
    offset = np.array([0, 5, 5, 5, 5, 5, 5], np.int32)
    self_times(offset, np.array([1, 2, 3, 4, 5], np.int32), start, end, own)
    assert own.tolist() == [5, 7, 2, 1, 12, 10]


def test_a_kernel_is_compiled_again_when_a_constant_of_another_file_changes(tmp_path):
    package = tmp_path / "analysis"
    (package / "_kernels").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_kernels" / "__init__.py").touch()
    for name in ("compiled", "kept", "libraries"):
        source = Path(compiled.__file__).with_name(f"{name}.py")
        (package / "_kernels" / source.name).write_bytes(source.read_bytes())
    (package / "_names.py").write_text("from analysis._sizes import (\n    ROOM,\n)\n")
    (package / "reading.py").write_text(
        "from analysis import _names\nfrom analysis._kernels.compiled import kernel\nROOM = _names.ROOM\n\n\n"
        "@kernel\ndef room(count):\n    return ROOM * count\n"
    )
    script = "from analysis.reading import room; print(room(2), len(room.stats.cache_hits))"
    said = []
    for size in (10, 10, 300):
        (package / "_sizes.py").write_text(f"ROOM = {size}\n")
        run = subprocess.run(
            [sys.executable, "-B", "-c", script], cwd=tmp_path, env={}, capture_output=True, text=True, check=True
        )
        said.append(run.stdout.strip())

    assert said == ["20 0", "20 1", "600 0"]
