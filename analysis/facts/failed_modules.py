"""Which modules fail in one trace: modules that a failure takes down together depend on each other.

Told of services with modules; a service that names none stands for itself. A trace counts once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _modules
from analysis.facts._modules import modules_of
from analysis.facts._table import Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, service_sets
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "INSIDE", "scan"]

COLUMNS: Final = _modules.COLUMNS
#: Stands between a service and its module; names do not hold it.
INSIDE: Final = "\x1e"
FIELDS: Final = (
    Field("units", pa.string(), "key", "", "services with their modules that failed, sorted", separator=SEPARATOR),
    Field("traces", pa.int64(), "sum", "traces", "traces in which just these failed"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the modules that failed in the traces of one partition; nothing where none is named."""
    module, service = modules_of(forest), forest.codes("service")
    failed = np.flatnonzero(forest.error & (service.codes >= 0))
    if not (module.codes >= 0).any():
        failed = failed[:0]
    width = len(module.values) + 1
    pair = service.codes[failed].astype(np.int64) * width + module.codes[failed] + 1
    seen, unit = np.unique(pair, return_inverse=True)
    inner = ("", *module.values)
    names = tuple(f"{service.values[both // width]}{INSIDE}{inner[both % width]}" for both in seen.tolist())
    trace, together, texts = service_sets(forest.trace_of[failed], unit, names)
    return gather(
        FIELDS,
        forest,
        Occurrences(keys={"units": Codes(together, texts)}, trace=trace, sums={}, histograms={}),
    )
