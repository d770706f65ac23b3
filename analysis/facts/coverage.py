"""What each service's spans say, and what they leave out.

Counts by service: how many spans could carry an attribute, and how many do. Shares are formed at the end, from the
sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis._kernels.compiled import kernel, walker
from analysis.facts._data_calls import connecting
from analysis.facts._every_span import gather_spans
from analysis.facts._grouping import Groups
from analysis.facts._says import telling
from analysis.facts._table import EXEMPLARS, Field
from analysis.facts.callees import answered
from analysis.forest import Forest
from analysis.operations import is_raw_path
from analysis.schema import KINDS

__all__ = ["ASPECTS", "COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (
    "service",
    "name",
    "operation",
    "kind",
    "status",
    "http_status",
    "rpc_status",
    "category",
    "http_route",
    "db_system",
    "db_statement",
    "db_collection",
    "peer_service",
    "server_address",
    "messaging_destination",
    "error_type",
    "old_conventions",
    "time_resolution_ns",
    "multiplicity",
    "weight",
    "dropped_children",
)
#: For each aspect: the sum of spans that could say it, the sum of those that do, and what it is called.
ASPECTS: Final = {
    "kind": ("spans", "with_kind", "span kind"),
    "route": ("http_servers", "with_route", "http.route on HTTP server spans"),
    "database_system": ("data_calls", "with_system", "db.system.name on data calls"),
    "database_text": ("data_calls", "with_statement", "db.query.text or db.collection.name on data calls"),
    "peer": ("clients", "with_peer", "server.address or peer.service on client spans"),
    "destination": ("messages", "with_destination", "messaging.destination.name on messaging spans"),
    "error_type": ("errors", "with_error_type", "error.type, an exception or a response code on failed spans"),
}
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service; empty where the export names none"),
    Field("spans", pa.int64(), "sum", "spans", "spans as exported"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("with_kind", pa.int64(), "sum", "spans", "spans that say their kind"),
    Field("with_status", pa.int64(), "sum", "spans", "spans whose status is ok or error"),
    Field("with_outcome", pa.int64(), "sum", "spans", "spans that say how they ended: a status, or a response code"),
    Field("http_servers", pa.int64(), "sum", "spans", "HTTP server spans"),
    Field("with_route", pa.int64(), "sum", "spans", "of these, with a route that is not a raw path"),
    Field("raw_names", pa.int64(), "sum", "spans", "spans whose name is or holds a raw path"),
    Field("data_calls", pa.int64(), "sum", "spans", "client spans of a database or cache, but for connecting"),
    Field("with_system", pa.int64(), "sum", "spans", "of these, naming the system"),
    Field("with_statement", pa.int64(), "sum", "spans", "of these, with a statement or collection"),
    Field("clients", pa.int64(), "sum", "spans", "client spans of HTTP and RPC"),
    Field(
        "with_peer", pa.int64(), "sum", "spans", "of these, naming whom they call, or answered by a span of the callee"
    ),
    Field("messages", pa.int64(), "sum", "spans", "producer and consumer spans"),
    Field("with_destination", pa.int64(), "sum", "spans", "of these, naming topic or queue"),
    Field("errors", pa.int64(), "sum", "spans", "failed spans"),
    Field(
        "with_error_type", pa.int64(), "sum", "spans", "of these, with an error type, an exception or a response code"
    ),
    Field(
        "old_conventions", pa.int64(), "sum", "spans", "spans with names that the semantic conventions have replaced"
    ),
    Field("compressed", pa.int64(), "sum", "spans", "spans that stand for several"),
    Field("stood_for", pa.int64(), "sum", "spans", "how many those stand for"),
    Field("dropped", pa.int64(), "sum", "spans", "children that agents say they dropped"),
    Field("weighted", pa.int64(), "sum", "spans", "spans that represent others under sampling"),
    Field("timeless", pa.int64(), "sum", "spans", "spans without times"),
    Field("coarse", pa.int64(), "sum", "spans", "spans whose times have steps of a millisecond or more"),
    Field("truncated", pa.int64(), "sum", "spans", "data calls whose statement is cut off"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration"),
)
_COARSE_NS: Final = 1_000_000
#: Places for what spans of a group say, to be counted together.
_SLOT_BITS: Final = 12
_CUT_OFF: Final = ("...", "…")
#: What a text ends with, as bytes, that is not cut off: anything but a point, white space and what is not ASCII.
_NOT_CUT_OFF: Final = pa.array([bytes([byte]) for byte in range(33, 127) if byte != ord(".")], pa.binary())


def _is_cut_off(text: str) -> bool:
    return text.rstrip().endswith(_CUT_OFF)


#: What a text says of its span, by column: each with its test, or None where any text says it.
_TEXTS: Final[dict[str, dict[str, Callable[[str], Any] | None]]] = {
    "kind": {
        "kind": lambda text: text in KINDS[1:],
        "server": lambda text: text == "server",
        "client": lambda text: text == "client",
        "messaging": lambda text: text in ("producer", "consumer"),
    },
    "category": {
        "http": lambda text: text == "http",
        "remote": lambda text: text in ("http", "rpc"),
        "store": lambda text: text in ("database", "cache"),
    },
    "status": {
        "status": lambda text: text != "unset",
        "outcome": lambda text: text != "unset",
        "error": lambda text: text == "error",
    },
    "rpc_status": {"outcome": None, "error type": lambda text: text not in ("OK", "0")},
    "http_route": {"route": lambda text: not is_raw_path(text)},
    "name": {"raw name": is_raw_path},
    "db_system": {"system": None},
    "db_statement": {"statement": None, "cut off": _is_cut_off},
    "db_collection": {"statement": None},
    "server_address": {"peer": None},
    "peer_service": {"peer": None},
    "messaging_destination": {"destination": None},
    "error_type": {"error type": None},
}
#: What else is seen of a span.
_SEEN: Final = ("connecting", "peer", "outcome", "error type", "old", "several", "weighted", "timeless", "coarse")
_BITS: Final = {
    said: 1 << place
    for place, said in enumerate(dict.fromkeys([*(said for says in _TEXTS.values() for said in says), *_SEEN]))
}
_DATA: Final = ("store", "not server", "not connecting")
#: A span counts where all of these hold.
_COUNTED: Final[dict[str, tuple[str, ...]]] = {
    "with_kind": ("kind",),
    "with_status": ("status",),
    "with_outcome": ("outcome",),
    "http_servers": ("http", "server"),
    "with_route": ("http", "server", "route"),
    "raw_names": ("raw name",),
    "data_calls": _DATA,
    "with_system": (*_DATA, "system"),
    "with_statement": (*_DATA, "statement"),
    "clients": ("remote", "client"),
    "with_peer": ("remote", "client", "peer"),
    "messages": ("messaging",),
    "with_destination": ("messaging", "destination"),
    "errors": ("error",),
    "with_error_type": ("error", "error type"),
    "old_conventions": ("old",),
    "compressed": ("several",),
    "weighted": ("weighted",),
    "timeless": ("timeless",),
    "coarse": ("coarse",),
    "truncated": (*_DATA, "cut off"),
}

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return what each service's spans of one partition say."""
    return gather_spans(FIELDS, forest, _count)


def _count(forest: Forest, groups: Groups) -> dict[str, Int64s]:
    columns = [forest.codes(column) for column in _TEXTS]
    bits = [_bits_of_texts(forest, column) for column in _TEXTS]
    seen = _seen(forest)
    wanted = [[_BITS[said] for said in says if not said.startswith("not ")] for says in _COUNTED.values()]
    watched = [[_BITS[said.removeprefix("not ")] for said in says] for says in _COUNTED.values()]
    counts = _count_saying(
        tuple(codes.codes for codes in columns),
        tuple(bits),
        tuple(seen[name] for name in _SEEN),
        np.array([_BITS[name] for name in _SEEN], np.int32),
        np.array([sum(said) for said in watched], np.int32),
        np.array([sum(said) for said in wanted], np.int32),
        groups.of_row,
        groups.count,
    )
    dropped = forest.array("dropped_children")
    return {
        "spans": np.bincount(groups.of_row, minlength=groups.count),
        **dict(zip(_COUNTED, counts, strict=True)),
        "stood_for": _added(groups, np.flatnonzero(seen["several"]), forest.multiplicity),
        "dropped": _added(groups, np.flatnonzero(dropped), dropped),
    }


def _bits_of_texts(forest: Forest, column: str) -> Int32s:
    """Return for each text of a column the bits of what it says; last those of a null, which says nothing."""
    codes = forest.codes(column)
    bits = np.zeros(codes.count + 1, np.int32)
    for said, test in _TEXTS[column].items():
        if test is None:
            bits[:-1] |= _BITS[said]
        elif test is _is_cut_off:
            # Statements are many, and to look at the ends of all costs less than to remember them.
            texts = forest.columns.texts(column)
            ends = pc.binary_slice(texts.cast(pa.binary()), -1)
            perhaps = pc.indices_nonzero(pc.invert(pc.is_in(ends, _NOT_CUT_OFF))).to_pylist()
            bits[[place for place in perhaps if _is_cut_off(texts[place].as_py())]] |= _BITS[said]
        else:
            bits[telling(codes, test)] |= _BITS[said]
    return bits


def _seen(forest: Forest) -> dict[str, npt.NDArray[np.bool_]]:
    coarse = forest.array("time_resolution_ns", 1) >= _COARSE_NS
    return {
        "connecting": connecting(forest),
        "peer": answered(forest),
        "outcome": forest.array("http_status") > 0,
        "error type": forest.array("http_status") >= 400,
        "old": forest.array("old_conventions").astype(np.bool_),
        "several": forest.multiplicity > 1,
        "weighted": forest.weight_millis != 1000,
        "timeless": ~forest.has_time,
        "coarse": forest.has_time & coarse,
    }


def _added(groups: Groups, rows: Int64s, values: npt.NDArray[Any]) -> Int64s:
    """Add up the values of some rows, which are few."""
    return Groups(groups.of_row[rows], groups.count, {}).reduce("sum", values[rows])


@kernel
def _count_saying(
    codes: tuple[Int32s, ...],
    bits_of_texts: tuple[Int32s, ...],
    seen: tuple[npt.NDArray[np.bool_], ...],
    bits_of_seen: Int32s,
    watched: Int32s,
    wanted: Int32s,
    group: Int32s,
    group_count: int,
) -> Int64s:
    """Count in each group the rows of which, of the bits that are watched, just those hold that are wanted."""
    said = np.zeros(len(group), np.int32)
    for column in range(len(codes)):
        code, bits = codes[column], bits_of_texts[column]
        for row in range(len(said)):
            said[row] |= bits[code[row]]
    for column in range(len(seen)):
        marked, bit = seen[column], bits_of_seen[column]
        for row in range(len(said)):
            said[row] |= bit if marked[row] else 0
    counts = np.zeros((group_count, len(watched)), np.int32)
    # Most rows say the same as others of their group: those are counted first.
    slots = 1 << _SLOT_BITS
    held, owner, times = np.zeros(slots, np.int32), np.full(slots, -1, np.int32), np.zeros(slots, np.int32)
    for row in range(len(said)):
        saying, number = said[row], group[row]
        mixed = np.uint64(saying) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(number) * np.uint64(0xBF58476D1CE4E5B9)
        slot = np.int64(mixed >> np.uint64(64 - _SLOT_BITS))
        if owner[slot] != number or held[slot] != saying:
            if owner[slot] >= 0:
                _count_alike(held[slot], times[slot], watched, wanted, counts[owner[slot]])
            held[slot], owner[slot], times[slot] = saying, number, 0
        times[slot] += 1
    for place in range(slots):
        if owner[place] >= 0:
            _count_alike(held[place], times[place], watched, wanted, counts[owner[place]])
    return counts.T.astype(np.int64)


@walker
def _count_alike(held: int, times: int, watched: Int32s, wanted: Int32s, count: Int32s) -> None:
    """Count spans of a group that say the same."""
    for place in range(len(watched)):
        if (held & watched[place]) == wanted[place]:
            count[place] += times
