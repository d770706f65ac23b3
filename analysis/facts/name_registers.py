"""How many different names hold identifiers, by service: the registers of a count of distinct texts.

The names themselves are values and as many as there are spans; the registers are few, and add up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._distinct import registers_of
from analysis.facts._table import Field, Occurrences, gather
from analysis.facts.identifying_names import identifying
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "name")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that recorded the spans"),
    Field("register", pa.int64(), "key", "", "register of the name's hash, 0 to 2047"),
    Field("rank", pa.int64(), "max", "", "largest rank seen there: the place of the first bit set in the rest"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the registers of one partition."""
    rows = np.flatnonzero(identifying(forest))
    service, name = forest.codes("service"), forest.codes("name")
    codes, place = np.unique(name.codes[rows], return_inverse=True)
    register, rank = registers_of([name.values[code] for code in codes.tolist()])
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={"service": Codes(service.codes[rows], service.values), "register": register[place]},
            trace=forest.trace_of[rows],
            sums={"rank": rank[place]},
            histograms={},
        ),
    )
