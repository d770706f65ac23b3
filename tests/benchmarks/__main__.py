"""Measure what spans cost: python -m tests.benchmarks [--spans 1e6] [--only GROUP] [--json FILE].

Costs are seconds of processor time of a process, all threads together, so that other work on the machine matters
little. Everything is warmed up before: compiling is not part of a measurement. Compare rows of one run only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import simdjson
from rich.console import Console
from rich.table import Table

from analysis import detectors, facts, trust
from analysis.config import load
from analysis.dataset import Dataset, Partition, open_export
from analysis.detectors import Evidence
from analysis.engine import scan_facts
from analysis.findings import Assessment
from analysis.forest import COLUMNS, Forest, plant
from analysis.ingest.storage import parquet_bytes
from analysis.ingest.tally import Input
from analysis.planting import Planting, plant_partition, planting
from analysis.sources import Rejects, jaeger_json, open_stream, otlp_json, otlp_protobuf, recognise, zipkin_json
from tests.benchmarks.exports import FORMATS, as_export
from tests.benchmarks.generate import generate
from tests.benchmarks.logs import LOG_FORMATS, records
from tests.benchmarks.peers import costs
from tests.benchmarks.vendors import VENDOR_FORMATS

GROUPS: Final = ("reading", "logs", "planting", "pass", "facts", "detectors", "peers")
#: Formats with a scan, and the reader of each that reads a record at a time.
SCANNED: Final = {
    "otlp-json": otlp_json.read_plainly,
    "otlp-protobuf": otlp_protobuf.read_plainly,
    "jaeger-json": jaeger_json.read_plainly,
    "zipkin-json": zipkin_json.read_plainly,
}
#: The facts of one detector or two of each chapter: N+1, shared tables, realised cascades, cycles, lost spans. The pass
#: over them is measured beside that over all, which grows with every detector.
FEW_FACTS: Final = (
    "callees", "calls", "coverage", "data_access", "failures", "operations", "orphans", "propagation", "requests",
    "revisits", "sibling_runs", "slowdowns", "visits",
)  # fmt: skip
SPANS_PER_PARTITION: Final = 200_000
#: Beyond so many reading costs little less a span. For the same reason peers are given one partition.
MOST_READ: Final = 200_000
MOST_READ_OF_VENDORS: Final = 30_000


@dataclass(frozen=True)
class Row:
    """What was measured: ``share`` is its cost against that of the group's first row, ``size`` the bytes it read."""

    group: str
    name: str
    spans: int
    cpu_seconds: float
    share: float | None = None
    size: int | None = None

    @property
    def megabytes_per_second(self) -> float | None:
        """Megabytes read in a second of processor time; None where no file was."""
        return None if self.size is None else self.size / 1e6 / max(self.cpu_seconds, 1e-9)

    @property
    def spans_per_second(self) -> float:
        """Spans in a second of processor time."""
        return self.spans / max(self.cpu_seconds, 1e-9)


@dataclass
class Measurements:
    """Rows as they come."""

    rows: list[Row] = field(default_factory=list)

    def take(
        self,
        group: str,
        name: str,
        spans: int,
        work: Callable[[], Any],
        against: str = "",
        size: int | None = None,
        rounds: int = 1,
    ) -> Any:
        """Do some work and note what it cost, the least of several rounds; its share is of the row that is named."""
        costs = []
        for _ in range(rounds):
            began = time.process_time()
            result = work()
            costs.append(time.process_time() - began)
        self.note(group, name, spans, min(costs), against, size)
        return result

    def note(self, group: str, name: str, spans: int, cost: float, against: str = "", size: int | None = None) -> None:
        """Note what some work cost."""
        base = next((row for row in self.rows if (row.group, row.name) == (group, against)), None)
        share = (cost / spans) / (max(base.cpu_seconds, 1e-9) / base.spans) if base else None
        self.rows.append(Row(group, name, spans, cost, share, size))


def measure(spans: int, groups: Sequence[str]) -> Measurements:
    """Measure groups of :data:`GROUPS` on generated spans."""
    taken = Measurements()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small = dataset(generate(2_000), Path(folder) / "small")
        warm = Measurements()
        whole = small if spans <= 2_000 else dataset(generate(spans), Path(folder) / "whole")
        for group in GROUPS:
            if group in groups:
                # Peers have processes of their own, where each warms up.
                for target, data in ((warm, small), (taken, whole))[group == "peers" :]:
                    _MEASURED[group](target, data, Path(folder))
    return taken


def dataset(table: pa.Table, folder: Path) -> Dataset:
    """Write spans as a dataset of one clock, partitions of whole traces."""
    folder.mkdir()
    partitions = []
    begins = np.flatnonzero(np.diff(table["trace_id_low"].to_numpy().view(np.int64), prepend=-1))
    cuts = begins[np.searchsorted(begins, np.arange(0, table.num_rows, SPANS_PER_PARTITION), side="right") - 1]
    bounds = [*np.unique(cuts).tolist(), table.num_rows]
    for number, (first, last) in enumerate(pairwise(bounds)):
        path = folder / f"{number}.parquet"
        path.write_bytes(parquet_bytes(table.slice(first, last - first)))
        partitions.append(Partition(number, last - first, location=str(path)))
    starts, durations = table["start_ns"].to_numpy(), table["duration_ns"].to_numpy()
    window = (int(starts.min()), int((starts + durations).max()))
    totals = Input("", spans=table.num_rows, traces=len(begins))
    return Dataset(tuple(partitions), (), (), totals, window)


def _reading(taken: Measurements, data: Dataset, folder: Path) -> None:
    table = data.partitions[0].read().slice(0, MOST_READ)
    size = table.num_rows
    for form in FORMATS:
        path = folder / f"export-{size}.{form}"
        path.write_bytes(as_export(table, form))
        found = taken.take("reading", form, size, partial(_read, path), size=path.stat().st_size)
        assert found == size, f"{found} of {size} spans were read from {form}"
        if form == "otlp-json":
            lines = path.read_bytes().splitlines()
            taken.take("reading", "its JSON parsed by simdjson, no more", size, partial(_parse, lines), form)
            taken.take("reading", "its JSON decoded by orjson, no more", size, partial(_decode, lines), form)
            taken.take("reading", "the same into a dataset", size, partial(open_export, str(path)), form)
        if form in SCANNED:
            taken.take("reading", f"{form}: the readable reader", size, partial(_read_plainly, path, form), form)
    if data.totals.spans > size:
        _reading_all(taken, data, folder)
    few = table.slice(0, MOST_READ_OF_VENDORS)
    for number, (shown, (_, write)) in enumerate(VENDOR_FORMATS.items()):
        path = folder / f"export-{size}-{number}"
        path.write_bytes(write(few))
        found = taken.take("reading", shown, few.num_rows, partial(_read, path), size=path.stat().st_size)
        assert found == few.num_rows, f"{found} of {few.num_rows} spans were read from {shown}"


def _reading_all(taken: Measurements, data: Dataset, folder: Path) -> None:
    """Read all spans from one file of OTLP JSON: what is done once a file is spread over more of them.

    The best of three rounds, as of its peer: the first of a process also waits for its memory.
    """
    path, name = folder / "export-whole.otlp-json", "otlp-json: all spans in one file"
    with path.open("wb") as file:
        for partition in data.partitions:
            file.write(as_export(partition.read(), "otlp-json").rstrip(b"\n") + b"\n")
    spans, size = data.totals.spans, path.stat().st_size
    found = taken.take("reading", name, spans, partial(_read, path), size=size, rounds=3)
    assert found == spans, f"{found} of {spans} spans were read from one file of otlp-json"
    lines = path.read_bytes().splitlines()
    parsed = "all of its JSON parsed by simdjson, no more"
    taken.take("reading", parsed, spans, partial(_parse, lines), name, rounds=3)
    path.unlink()


def _logs(taken: Measurements, data: Dataset, folder: Path) -> None:
    """Read records in each form of logs: as many as there are spans, up to a limit."""
    made = list(records(min(data.totals.spans, MOST_READ)))
    for number, (shown, (_, write)) in enumerate(LOG_FORMATS.items()):
        path = folder / f"cart-{len(made)}-{number}.log"
        path.write_bytes(write(made))
        found = taken.take("logs", shown, len(made), partial(_read_logs, path), size=path.stat().st_size)
        assert found == len(made), f"{found} of {len(made)} records were read from {shown}"


def _read_logs(path: Path) -> int:
    with open_stream(str(path)) as stream:
        return sum(batch.logs.num_rows for batch in recognise(stream).read(stream, Rejects()) if batch.logs)


def _read(path: Path) -> int:
    with open_stream(str(path)) as stream:
        return sum(batch.spans.num_rows for batch in recognise(stream).read(stream, Rejects()) if batch.spans)


def _read_plainly(path: Path, form: str) -> int:
    """Read a record at a time: a decoder (msgspec, opentelemetry-proto, orjson) and a loop over what it makes."""
    with open_stream(str(path)) as stream:
        batches = SCANNED[form](stream, Rejects())
        return sum(batch.spans.num_rows for batch in batches if batch.spans)


def _decode(lines: list[bytes]) -> None:
    for line in lines:
        orjson.loads(line)


def _parse(lines: list[bytes]) -> None:
    parser = simdjson.Parser()
    for line in lines:
        # A parser is used again when nothing refers to what it made.
        document = parser.parse(line)
        del document


def _planting(taken: Measurements, data: Dataset, _folder: Path) -> None:
    spans = data.totals.spans
    tables = taken.take("planting", "decoding its columns", spans, partial(_tables, data, COLUMNS))
    taken.take("planting", "planting", spans, lambda: [plant(table, window=data.window) for table in tables])
    taken.take("planting", "clock skew, with decoding", spans, lambda: planting(data))


def _tables(data: Dataset, columns: Sequence[str]) -> list[pa.Table]:
    return [partition.read(columns) for partition in data.partitions]


def _pass(taken: Measurements, data: Dataset, _folder: Path) -> None:
    """Scan a few facts, those that detectors use, and all, on one thread; each against decoding the same columns."""
    spans, catalogue = data.totals.spans, facts.discover()
    used = sorted({name for detector in detectors.discover().values() for name in detector.INFO.facts})
    for shown, names in (
        ("facts of a few detectors", FEW_FACTS),
        ("the facts that detectors use", used),
        ("all facts", list(catalogue)),
    ):
        columns = facts.columns_of([catalogue[name] for name in names])
        decoding = f"decoding the columns of {shown}"
        read = partial(_tables, data, tuple(dict.fromkeys((*COLUMNS, *columns))))
        # Once more than is measured: memory that is asked for the first time costs more than decoding into it.
        read()
        taken.take("pass", decoding, spans, read)
        scan = partial(scan_facts, data, names, ground=Planting(data.window), engine="threads=1")
        taken.take("pass", f"{shown} ({len(names)}), decoding included", spans, scan, decoding)


def _facts(taken: Measurements, data: Dataset, _folder: Path) -> None:
    spans, catalogue = data.totals.spans, facts.discover()
    columns = facts.columns_of(list(catalogue.values()))
    whole, ground = "all facts together", Planting(data.window)
    taken.take("facts", whole, spans, partial(scan_facts, data, list(catalogue), ground=ground))
    read = tuple(dict.fromkeys((*COLUMNS, *columns)))
    taken.take("facts", "decoding their columns", spans, partial(_tables, data, read), whole)
    forests: list[Forest] = taken.take(
        "facts",
        "decoding and planting",
        spans,
        lambda: [plant_partition(partition, ground, columns) for partition in data.partitions],
        whole,
    )
    for shared in ("critical", "self_time", "edges"):
        taken.take("facts", f"shared: {shared}", spans, partial(_computed, forests, shared), whole)
    for name, fact in catalogue.items():
        parts = taken.take("facts", name, spans, partial(_scanned, forests, fact), whole)
        taken.take("facts", f"{name}: merging", spans, partial(facts.merge, fact.FIELDS, parts), whole)


def _computed(forests: list[Forest], attribute: str) -> None:
    for forest in forests:
        getattr(forest, attribute)


def _scanned(forests: list[Forest], fact: facts.Fact) -> list[pa.Table]:
    return [fact.scan(forest) for forest in forests]


def _detectors(taken: Measurements, data: Dataset, _folder: Path) -> None:
    spans, catalogue = data.totals.spans, facts.discover()
    tables = scan_facts(data, list(catalogue), ground=Planting(data.window))
    frames = taken.take(
        "detectors",
        "facts as DataFrames",
        spans,
        lambda: {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in tables.items()},
    )
    report = trust.report(frames, {})
    names = detectors.in_order(list(detectors.discover()))
    answers: dict[str, Assessment] = {}

    def judge(*chosen: str) -> None:
        # What detectors share is made anew for each measurement, not for each of its detectors, as in a review.
        evidence = Evidence(frames, report, data.totals.traces, answers)
        for name in chosen:
            answers[name] = detectors.discover()[name].judge(evidence, load(None).limits_of(name))

    taken.take("detectors", "all detectors", spans, partial(judge, *names))
    for name in names:
        taken.take("detectors", name, spans, partial(judge, name), "all detectors")


def _peers(taken: Measurements, data: Dataset, _folder: Path) -> None:
    """Make seven facts of one partition with this project and with its peers, each in a process of its own.

    The least of three rounds counts, after one that is not measured: memory that is asked for the first time costs
    more than the work in it. Each step is shown against the same one of the facts.
    """
    partition = data.partitions[0]
    assert partition.location is not None
    told = costs(partition.location)
    for name, steps in told.items():
        taken.note("peers", name, partition.rows, sum(steps.values()), "facts")
    for name, steps in told.items():
        for step, seconds in steps.items():
            taken.note("peers", f"{name}: {step}", partition.rows, seconds, f"facts: {step}")


_MEASURED: Final[dict[str, Callable[[Measurements, Dataset, Path], None]]] = {
    "reading": _reading,
    "logs": _logs,
    "planting": _planting,
    "pass": _pass,
    "facts": _facts,
    "detectors": _detectors,
    "peers": _peers,
}


def show(taken: Measurements) -> None:
    """Print the measurements as a table."""
    table = Table(title="Spans per second of processor time")
    for heading in ("", "", "spans", "CPU s", "spans per CPU s", "MB per CPU s", "cost against"):
        table.add_column(heading, justify="left" if not heading else "right")
    group = ""
    for row in taken.rows:
        if row.group != group:
            table.add_section()
        against = "" if row.share is None else f"{row.share:.2f}"
        speed = f"{row.spans_per_second:,.0f}"
        table.add_row(
            row.group if row.group != group else "",
            row.name,
            f"{row.spans:,}",
            f"{row.cpu_seconds:.3f}",
            speed,
            "" if row.megabytes_per_second is None else f"{row.megabytes_per_second:,.0f}",
            against,
        )
        group = row.group
    Console(width=110).print(table)


def _all_processes() -> float:
    """Return the processor time of this process and of those that it started and saw end."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write the numbers where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=main.__doc__)
    parser.add_argument("--spans", type=float, default=1e6, help="how many to generate (default: a million)")
    parser.add_argument("--only", action="append", choices=GROUPS, help="measure this group only; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file as well")
    chosen = parser.parse_args(arguments)
    began = _all_processes()
    taken = measure(int(chosen.spans), chosen.only or GROUPS)
    show(taken)
    total = _all_processes() - began
    print(f"{total:.0f} s of processor time in all, generating and warming up included")
    if chosen.json:
        described = {"python": platform.python_version(), "machine": platform.machine(), "cpu_seconds": total}
        rows = [asdict(row) | {"spans_per_second": row.spans_per_second} for row in taken.rows]
        chosen.json.write_text(json.dumps({**described, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
