"""``archreview critical-path``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from analysis.commands._options import WrongUsage
from analysis.commands._reading import give, progress_of, read, refused
from analysis.critical_path import critical_path, critical_path_report
from analysis.dataset import Dataset
from analysis.outputs._plain import plain

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Write the critical path of each trace, or of one."""
    with progress_of(options) as progress:
        data = read(options, progress)
    if options.format == "csv":
        frame = critical_path(data, strict=options.strict)
        if options.trace:
            frame = frame[frame["trace_id"] == options.trace]
        for column in ("service", "operation"):
            frame[column] = [plain(name or "") for name in frame[column].astype(object)]
        give(options, frame.to_csv(index=False))
    else:
        members = _report(data, options)
        give(options, json.dumps(members, indent=1) + "\n" if options.format == "json" else _text(members))
    return 1 if refused(options, data) else 0


def _report(data: Dataset, options: argparse.Namespace) -> dict[str, Any]:
    members = critical_path_report(data, strict=options.strict, trace=options.trace)
    if options.trace and not members["traces"]:
        message = f"no trace {options.trace!r} in the sources; ids are 32 hexadecimal digits"
        raise WrongUsage(message)
    return members


def _text(members: dict[str, Any]) -> str:
    lines = [f"{len(members['traces'])} traces", "", "exclusive ms  traces  operation"]
    rows = sorted(members["operations"], key=lambda row: (-row["exclusive_ns"], row["service"], row["operation"]))
    for row in rows:
        name = plain(f"{row['service']} {row['operation']}", 120)
        lines.append(f"{row['exclusive_ns'] / 1e6:12,.3f}  {row['traces']:6,}  {name}")
    return "\n".join(lines) + "\n"
