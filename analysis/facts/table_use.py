"""How many traces use a table, a schema, a store or a server, by which services use it together in one trace.

A trace counts once for each of them, whatever it does there, so that the traces of any choice of services add up
without counting one twice: those of the rows whose users are among them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts import _accesses
from analysis.facts._accesses import UNKNOWN_TABLE, accesses_of
from analysis.facts._grouping import number_of
from analysis.facts._numbering import combined, firsts
from analysis.facts._table import Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, together
from analysis.forest import Codes, Forest
from analysis.stores import schema_of, server_of

__all__ = ["COLUMNS", "FIELDS", "GRAINS", "scan"]

COLUMNS: Final = _accesses.COLUMNS
GRAINS: Final = ("table", "schema", "server")
FIELDS: Final = (
    Field("grain", pa.string(), "key", "", "table, schema or server"),
    Field("store", pa.string(), "key", "", "the table's store; the schema; the server"),
    Field("table", pa.string(), "key", "", "the table; empty for schema and server"),
    Field(
        "users",
        pa.string(),
        "key",
        "",
        'who uses it in one trace: "write orders", "read inventory" …, sorted',
        separator=SEPARATOR,
    ),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces in which just these use it"),
)

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return the use of tables in the traces of one partition."""
    seen = accesses_of(forest)
    kept = np.flatnonzero((forest.service.codes[seen.rows] >= 0) & ~seen.where("table", UNKNOWN_TABLE))
    trace = forest.trace_of[seen.rows[kept]].astype(np.int64)
    tables = seen.texts("table")
    pair = combined(seen.stores.codes[kept], tables.codes[kept])
    first = kept[firsts(pair)]
    stores = [seen.stores.values[code] for code in seen.stores.codes[first].tolist()]
    names = [tables.values[code] for code in tables.codes[first].tolist()]
    by_grain = {
        "table": list(zip(stores, names, strict=True)),
        "schema": [(schema_of(store, name), "") for store, name in zip(stores, names, strict=True)],
        "server": [(server_of(store), "") for store in stores],
    }
    users, user_names = _users(forest, seen, kept)
    # What a trace does again and again is told by doing it once.
    different = number_of((trace, pair, users), len(kept))[1]
    trace, pair, users = trace[different], pair[different], users[different]
    subjects = sorted({(grain, *subject) for grain in GRAINS for subject in by_grain[grain]})
    place = {subject: index for index, subject in enumerate(subjects)}
    parts = [np.array([place[grain, *subject] for subject in by_grain[grain]], np.int64)[pair] for grain in GRAINS]
    traces, subject = np.tile(trace, len(GRAINS)), np.concatenate(parts)
    entry, users_of, texts = together(combined(traces, subject), np.tile(users, len(GRAINS)), user_names)
    found_trace, found_subject = traces[entry], subject[entry]
    levels = [tuple(subject[position] for subject in subjects) for position in range(3)]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "grain": Codes(found_subject.astype(np.int32), levels[0]),
                "store": Codes(found_subject.astype(np.int32), levels[1]),
                "table": Codes(found_subject.astype(np.int32), levels[2]),
                "users": Codes(users_of.astype(np.int32), texts),
            },
            trace=found_trace,
            sums={},
            histograms={},
        ),
    )


def _users(forest: Forest, seen: _accesses.Accesses, kept: Int64s) -> tuple[Int64s, tuple[str, ...]]:
    """Return who uses the table, and how, as places in sorted texts."""
    modes = seen.texts("mode")
    service = forest.service.codes[seen.rows[kept]]
    number = combined(modes.codes[kept], service)
    first = firsts(number)
    texts = [
        f"{modes.values[mode]} {forest.service.values[code]}".replace(SEPARATOR, " ")
        for mode, code in zip(modes.codes[kept][first].tolist(), service[first].tolist(), strict=True)
    ]
    levels = tuple(sorted(set(texts)))
    place = {text: index for index, text in enumerate(levels)}
    return np.array([place[text] for text in texts], np.int64)[number], levels
