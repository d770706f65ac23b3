"""``archreview critical-path``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any, Final

from analysis._wording import counted, duration, plain
from analysis.commands._options import NotThere
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import expect, give
from analysis.critical_path import critical_path, critical_path_report
from analysis.dataset import Dataset
from analysis.outputs.as_csv import cell
from analysis.sources import canonical_trace_id

__all__ = ["run"]

_MOST_OPERATIONS: Final = 40
_MOST_ERRORS: Final = 10
_MOST_STEPS: Final = 4
#: Failures that are on no critical path.
_BESIDE: Final = {
    "asynchronous": "failures that no request waited for (messages, links), by where they began",
    "logged": "errors in logs of traces whose spans are in order, by the span that they name",
}


def run(options: argparse.Namespace) -> int:
    """Write the critical path of each trace, or of one."""
    settings = settings_of(options)
    expect(options.out)
    with progress_of(options) as progress:
        data = read(options, progress).seen(settings.view)
    tell_refused(options, data)
    trace = _whole_id(data, options.trace) if options.trace is not None else None
    if options.format == "csv":
        give(_csv(data, trace, strict=options.strict), options.out)
    else:
        members = critical_path_report(data, strict=options.strict, trace=trace)
        if options.format == "json":
            text = json.dumps(members, indent=1, allow_nan=False) + "\n"
        elif trace is None:
            text = _text(members)
        else:
            text = _text_of(data, trace, members, strict=options.strict)
        give(text, options.out)
    return code_of(options, data)


def _whole_id(data: Dataset, asked: str) -> str:
    """Return the id of a trace as 32 digits, whatever form an export or a person writes it in.

    Raises
    ------
    NotThere
        No span has it.
    """
    high, low = canonical_trace_id(asked.strip())
    spans = data.find_trace(f"{high:016x}{low:016x}")
    if not spans.num_rows:
        message = f"there is no trace {asked!r} in the sources; `archreview critical-path` without --trace lists them"
        raise NotThere(message)
    return f"{spans['trace_id_high'][0].as_py():016x}{spans['trace_id_low'][0].as_py():016x}"


def _csv(data: Dataset, trace: str | None, *, strict: bool) -> str:
    frame = critical_path(data, strict=strict)
    if trace is not None:
        frame = frame[frame["trace_id"] == trace]
    texts = {
        name: [cell(text) if isinstance(text, str) else "" for text in frame[name].astype(object)]
        for name in ("service", "operation")
    }
    return str(frame.assign(**texts).to_csv(index=False, lineterminator="\n"))


def _text(members: dict[str, Any]) -> str:
    operations, errors = members["operations"], members["errors"]
    if not members["traces"]:
        return "No trace has a critical path: no span has a time.\n"
    lines = [
        f"{counted(len(members['traces']), 'trace')}: what their requests waited for, the longest together first",
        "",
        f"{'together':>12}  {'per trace':>10}  {'traces':>7}  operation",
    ]
    for row in operations[:_MOST_OPERATIONS]:
        whole, traces = row["exclusive_ns"] / 1e6, row["traces"]
        lines.append(f"{duration(whole):>12}  {duration(whole / max(traces, 1)):>10}  {traces:>7,}  {_name(row)}")
    if len(operations) > _MOST_OPERATIONS:
        lines.append(f"{'':>35}and {counted(len(operations) - _MOST_OPERATIONS, 'more operation')}: --format json")
    began = sorted((row for row in errors if row["origins"]), key=lambda row: (-row["origins"], row["path"]))
    if began:
        lines += ["", "failures, by where they began"]
    for row in began[:_MOST_ERRORS]:
        end = f"{row['reached_root']:,} reached the root" if row["reached_root"] else "none reached the root"
        lines.append(f"{row['origins']:>12,}  {_way(row['path'])} ({end})")
    if len(began) > _MOST_ERRORS:
        lines.append(f"{'':>14}and {counted(len(began) - _MOST_ERRORS, 'more place')}: --format json")
    for name, heading in _BESIDE.items():
        told = sorted((row for row in errors if row[name]), key=lambda row: (-row[name], row["path"]))
        if told:
            lines += ["", heading, *(f"{row[name]:>12,}  {_way(row['path'])}" for row in told[:_MOST_ERRORS])]
        if len(told) > _MOST_ERRORS:
            lines.append(f"{'':>14}and {counted(len(told) - _MOST_ERRORS, 'more place')}: --format json")
    return "\n".join(lines) + "\n"


def _way(path: list[str]) -> str:
    """Return a way from the root down; of a long one the root and the last two steps."""
    steps = path if len(path) <= _MOST_STEPS else [path[0], "…", *path[1 - _MOST_STEPS :]]
    return " > ".join(plain(step, 80) for step in steps)


def _text_of(data: Dataset, trace: str, members: dict[str, Any], *, strict: bool) -> str:
    """Return the pieces of one path, from its beginning on: that is how a person reads it."""
    frame = critical_path(data, strict=strict)
    frame = frame[frame["trace_id"] == trace].iloc[::-1]
    if frame.empty:
        return _text(members)
    zero = int(frame["start_ns"].min())
    whole = int(frame["end_ns"].max()) - zero
    lines = [f"trace {trace}: {duration(whole / 1e6)}", "", f"{'at':>10}  {'for':>10}  span              operation"]
    for row in frame.to_dict("records"):
        at, long = (row["start_ns"] - zero) / 1e6, (row["end_ns"] - row["start_ns"]) / 1e6
        lines.append(f"{duration(at):>10}  {duration(long):>10}  {row['span_id']}  {_name(row)}")
    return "\n".join(lines) + "\n"


def _name(row: Mapping[Any, Any]) -> str:
    service, operation = (row[name] if isinstance(row[name], str) else "" for name in ("service", "operation"))
    return plain(f"{service or '(no service)'} {operation or '(no name)'}", 120)
