"""The traces that findings show, kept with the review so that whoever opens it can look at them.

A review is passed on, so what holds values of users (statements, paths, messages) is not kept with it: a span has the
name of its operation, in which values are replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from analysis._allocation import give_back_at_times
from analysis.dataset import Dataset, Partition
from analysis.executors import in_order
from analysis.findings import Finding
from analysis.ingest.columns import tidy
from analysis.ingest.partitioning import partition_of
from analysis.ingest.tally import Input
from analysis.planting import Planting, plant_partition
from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA, empty_spans

__all__ = ["LOGS", "VALUES", "as_dataset", "collect", "collect_logs", "no_logs"]

#: Columns that hold values, not names.
VALUES: Final = (
    "status_message",
    "url_path",
    "db_statement",
    "exception_message",
    "message_id",
    "request_id",
    "retry_evidence",
)
#: Columns that are read where values are not asked for.
_NAMES: Final = tuple(name for name in SPAN_SCHEMA.names if name not in {*VALUES, "name"})
#: Columns of the log records that are kept: the message as its template, nothing of what it said.
LOGS: Final = (
    "trace_id_high",
    "trace_id_low",
    "span_id",
    "time_ns",
    "service",
    "severity",
    "logger",
    "error_type",
    "template",
)
#: Few records, read row by row: their texts are plain.
_LOGS_SCHEMA: Final = pa.schema(
    [
        (name, pa.string() if pa.types.is_dictionary(LOG_SCHEMA.field(name).type) else LOG_SCHEMA.field(name).type)
        for name in LOGS
    ]
)


def collect(
    data: Dataset, ground: Planting, findings: Iterable[Finding], executor: Executor, *, values: bool = False
) -> pa.Table:
    """Return the spans of every trace that a finding names, sorted by trace and start.

    Their times are corrected for clock skew as the review was, so that they are shown as they were judged. Columns of
    ``VALUES`` are empty unless ``values`` are asked for.
    """
    wanted = _wanted(findings, len(data.partitions))
    asked = [(data.partitions[number], frozenset(wanted[number])) for number in sorted(wanted)]
    found = (table for _, table in in_order(executor, partial(_spans_of, ground=ground, values=values), asked))
    tables = [table.cast(SPAN_SCHEMA) for table in (empty_spans(), *found)]
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _spans_of(asked: tuple[Partition, frozenset[tuple[int, int]]], *, ground: Planting, values: bool) -> pa.Table:
    """Return the spans of some traces of one partition: what runs on a worker."""
    partition, chosen = asked
    table = partition.read(None if values else _NAMES)
    # Most of a partition is of other traces: these are left out before anything is made of them.
    lows = pa.array(sorted({low for _, low in chosen}), pa.uint64())
    near = table.filter(pc.is_in(table["trace_id_low"], value_set=lows))
    lanes = zip(near["trace_id_high"].to_pylist(), near["trace_id_low"].to_pylist(), strict=True)
    kept = near.filter(pa.array([lane in chosen for lane in lanes], pa.bool_()))
    # Only what is kept travels, not the dictionaries of the whole partition.
    kept = tidy([kept], kept.schema)
    forest = plant_partition(Partition(partition.number, kept.num_rows, kept), ground)
    starts = pa.array(forest.trace_start_ns[forest.trace_of] + forest.start, mask=~forest.has_time)
    shown = kept if values else _without_values(kept)
    del table, near
    give_back_at_times()
    return shown.set_column(shown.schema.get_field_index("start_ns"), "start_ns", starts)


def collect_logs(data: Dataset, ground: Planting, findings: Iterable[Finding], spans: pa.Table) -> pa.Table:
    """Return the log records of every trace that a finding names, by trace and time, without what they said.

    Their times are corrected as those of the ``spans`` that were collected: by their host; where they name none, by
    that of the span that they name, else by their service.
    """
    offsets = ground.offsets.offsets if ground.offsets else {}
    clocks = _clocks_of(spans) if offsets else {}
    tables = [no_logs()]
    wanted = _wanted(findings, max(len(data.log_partitions), 1))
    for partition in data.log_partitions:
        lanes = wanted.get(partition.number, ())
        if not lanes or not partition.rows:
            continue
        table = partition.read((*LOGS, "host"))
        lows = pa.array([low for _, low in lanes], pa.uint64())
        table = table.filter(pc.is_in(table["trace_id_low"], value_set=lows))
        highs = set(lanes)
        ids = zip(table["trace_id_high"].to_pylist(), table["trace_id_low"].to_pylist(), strict=True)
        chosen = table.filter(pa.array([lane in highs for lane in ids], pa.bool_()))
        tables.append(_corrected(chosen, offsets, clocks).select(LOGS))
    whole = pa.concat_tables([table.cast(_LOGS_SCHEMA) for table in tables])
    order = [(name, "ascending") for name in ("trace_id_high", "trace_id_low", "time_ns", "span_id", "service")]
    return whole.take(pc.sort_indices(whole, [*order, ("template", "ascending")])).combine_chunks()


def _clocks_of(spans: pa.Table) -> dict[tuple[int, int], str]:
    """Return whose clock each span has, by the low half of its trace id and its id."""
    columns = (spans[name].to_pylist() for name in ("trace_id_low", "span_id", "host", "service"))
    return {(low, span): host or service or "" for low, span, host, service in zip(*columns, strict=True)}


def _corrected(table: pa.Table, offsets: Mapping[str, int], clocks: Mapping[tuple[int, int], str]) -> pa.Table:
    if not offsets:
        return table
    columns = (table[name].to_pylist() for name in ("trace_id_low", "span_id", "host", "service"))
    named = (
        host or clocks.get((low, span)) or service or "" for low, span, host, service in zip(*columns, strict=True)
    )
    shift = pa.array([offsets.get(name, 0) for name in named], pa.int64())
    return table.set_column(table.column_names.index("time_ns"), "time_ns", pc.add(table["time_ns"], shift))


def no_logs() -> pa.Table:
    """Return a table of log records without rows."""
    return _LOGS_SCHEMA.empty_table()


def _wanted(findings: Iterable[Finding], partitions: int) -> dict[int, list[tuple[int, int]]]:
    """Return the traces that findings name, as lanes of their ids, by the partition in which they lie."""
    ids = sorted({example.trace_id for finding in findings for example in finding.exemplars})
    wanted: dict[int, list[tuple[int, int]]] = {}
    for trace_id in ids:
        high, low = int(trace_id[:16], 16), int(trace_id[16:], 16)
        wanted.setdefault(partition_of(low, partitions), []).append((high, low))
    return wanted


def _without_values(table: pa.Table) -> pa.Table:
    """Return all columns, those that were not read empty, and for a span's name that of its operation."""
    kept = {name: table[name] for name in table.column_names} | {"name": table["operation"]}
    columns = [kept.get(field.name, pa.nulls(table.num_rows, field.type)) for field in SPAN_SCHEMA]
    return pa.table(columns, names=SPAN_SCHEMA.names)


def as_dataset(spans: pa.Table, logs: pa.Table | None = None, *, shows_values: bool = False) -> Dataset:
    """Return collected spans and log records as a dataset of one partition, whose clocks need no more correction.

    Of a log record only the columns hold anything that :func:`collect_logs` keeps.
    """
    services = tuple(sorted(set(spans["service"].unique().to_pylist()) - {None}))
    return Dataset(
        partitions=(Partition(0, spans.num_rows, spans),),
        log_partitions=(Partition(0, logs.num_rows, _complete(logs)),) if logs is not None and logs.num_rows else (),
        inputs=(),
        totals=Input("", traces=_traces(spans), spans=spans.num_rows, services=services),
        window=None,
        skew="off",
        max_skew_ns=0,
        shows_values=shows_values,
    )


def _complete(logs: pa.Table) -> pa.Table:
    """Return log records with every column of the schema, empty where it was not kept."""
    columns = [
        logs[field.name].cast(field.type) if field.name in logs.column_names else pa.nulls(logs.num_rows, field.type)
        for field in LOG_SCHEMA
    ]
    return pa.table(columns, schema=LOG_SCHEMA)


def _traces(spans: pa.Table) -> int:
    ids = ["trace_id_high", "trace_id_low"]
    return int(spans.select(ids).group_by(ids).aggregate([]).num_rows)
