"""A dataset as a configuration wants it seen: services and stores under other names, some left out.

Nothing is written: the rows of a partition are renamed and selected whenever they are read. Spans of a service that is
left out are taken from between their parent and their children, which then belong to each other; a trace whose entry
is left out goes as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._kernels.parents import resolve_parents
from analysis._masking import NOTHING_HIDDEN, Hidden
from analysis._patterns import NOTHING, Patterns, matches
from analysis.ingest.columns import codes, integers, tidy
from analysis.stores import store_id

__all__ = ["View"]

#: What the name of a store is made of.
_STORE: Final = ("db_system", "server_address", "server_port", "db_namespace", "peer_service")
#: What must be read to know whose child a span is.
_ANCESTRY: Final = ("trace_id_high", "trace_id_low", "span_id", "parent_span_id", "shared", "service", "host")
_TRACE: Final = ("trace_id_high", "trace_id_low")
#: Doubling so often follows any chain of parents that fits 32 bits.
_DOUBLINGS: Final = 32


@dataclass(frozen=True)
class View:
    """What is renamed and what is left out.

    Attributes
    ----------
    services
        Pairs of a pattern of a service's name and the name it is seen under; the first that fits counts. The other side
        of a call (``peer_service``, ``server_address``) is seen so too.
    stores
        Pairs of a pattern of a store (``host``, ``host:port`` or ``system://host:port/database``) and the store it is:
        ``host[:port][/database]``, the parts not named staying.
    without_services
        Services whose spans and logs are left out.
    without_entries
        Operations, or ``service operation``, at which traces begin that are left out.
    hidden
        What is masked in every text, last: whatever else a configuration names is named as it is without.
    """

    services: tuple[tuple[str, str], ...] = ()
    stores: tuple[tuple[str, str], ...] = ()
    without_services: Patterns = NOTHING
    without_entries: Patterns = NOTHING
    hidden: Hidden = NOTHING_HIDDEN

    def __bool__(self) -> bool:
        return bool(self.services or self.stores or self.leaves_out or self.hidden)

    @property
    def leaves_out(self) -> bool:
        """Whether there may be fewer rows than were stored."""
        return bool(self.without_services or self.without_entries)

    def service(self, name: str) -> str:
        """Return the name that a service is seen under."""
        return self.hidden(self._alias(name))

    def _alias(self, name: str) -> str:
        return next((other for pattern, other in self.services if matches(pattern, name)), name)

    def spans(self, read: Callable[[Sequence[str] | None], pa.Table], wanted: Sequence[str] | None) -> pa.Table:
        """Return spans as they are seen.

        Parameters
        ----------
        read
            Reads columns of the stored rows.
        wanted
            The columns to return; all by default.
        """
        table = read(None if wanted is None else self._needed(wanted))
        table = self._with_services(table)
        if self.stores and set(_STORE) <= set(table.column_names):
            table = self._with_stores(table)
        if self.leaves_out:
            table = self._without(table)
        return self._with_hidden(table if wanted is None else table.select(list(wanted)))

    def logs(
        self, read: Callable[[Sequence[str] | None], pa.Table], wanted: Sequence[str] | None, gone: pa.Table | None
    ) -> pa.Table:
        """Return log records as they are seen; ``gone`` lists the traces that are left out as a whole."""
        table = read(None if wanted is None else _united(wanted, ("service", *_TRACE)))
        table = self._with_services(table)
        kept = ~self._texts_in(table["service"], self.without_services)
        if gone is not None and gone.num_rows:
            kept &= ~np.isin(_trace_keys(table), _trace_keys(gone))
        if not kept.all():
            table = _tidy(table.filter(pa.array(kept)))
        return self._with_hidden(table if wanted is None else table.select(list(wanted)))

    def traces_left_out(self, read: Callable[[Sequence[str] | None], pa.Table]) -> pa.Table | None:
        """Return the ids of the traces that are left out as a whole; None where none can be."""
        if not self.without_entries:
            return None
        table = self._with_services(read([*_ANCESTRY, "operation"]))
        return table.select(list(_TRACE)).filter(pa.array(self._of_left_out_entries(table)))

    def _needed(self, wanted: Sequence[str]) -> list[str]:
        names = list(wanted)
        if self.services and "server_address" in names:
            names = _united(names, ("db_system",))
        if self.stores and set(names) & (set(_STORE) - {"db_system"}):
            names = _united(names, _STORE)
        if self.leaves_out:
            names = _united(names, _ANCESTRY)
        if self.without_entries:
            names = _united(names, ("operation",))
        return names

    def _with_services(self, table: pa.Table) -> pa.Table:
        if not self.services:
            return table
        for name in ("service", "peer_service"):
            if name in table.column_names:
                table = _set(table, name, _renamed(table[name], self._alias))
        if "server_address" in table.column_names and "db_system" in table.column_names:
            # The address of a database is a store's, whatever it is called.
            store = table["db_system"].is_valid().to_numpy()
            table = _set(table, "server_address", _renamed(table["server_address"], self._alias, ~store))
        return table

    def _with_hidden(self, table: pa.Table) -> pa.Table:
        for name in table.column_names if self.hidden else ():
            if pa.types.is_dictionary(table.schema.field(name).type):
                table = _set(table, name, _renamed(table[name], self.hidden))
        return table

    def _with_stores(self, table: pa.Table) -> pa.Table:
        combination, firsts = _combinations(table, _STORE)
        rows = table.select(list(_STORE)).take(pa.array(firsts)).to_pylist()
        seen = [self._seen_store(row) for row in rows]
        for name in ("server_address", "server_port", "db_namespace"):
            kind = table.schema.field(name).type
            values = pa.array([row[name] for row in seen], pa.string() if pa.types.is_dictionary(kind) else kind)
            column = values.take(pa.array(combination))
            table = _set(table, name, column.dictionary_encode() if pa.types.is_dictionary(kind) else column)
        return table

    def _seen_store(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["db_system"] is None:
            return row
        texts = {name: row[name] or "" for name in _STORE if name != "server_port"}
        port = row["server_port"] or 0
        other = self._store(
            texts["db_system"], texts["server_address"], port, texts["db_namespace"], texts["peer_service"]
        )
        if other is None:
            return row
        return row | {"server_address": other[0], "server_port": other[1] or None, "db_namespace": other[2] or None}

    def _store(self, system: str, address: str, port: int, namespace: str, peer: str) -> tuple[str, int, str] | None:
        """Return address, port and database of the store that a call's store is; None where no alias fits."""
        host = address or peer
        names = (host, f"{host}:{port}", store_id(system, address, port, namespace, peer))
        for pattern, other in self.stores:
            if any(matches(pattern, name) for name in names):
                at, _, database = other.rpartition("://")[2].partition("/")
                to_host, _, to_port = at.rpartition(":") if at.rpartition(":")[2].isdecimal() else (at, "", "")
                return to_host, int(to_port or 0), database or namespace
        return None

    def _without(self, table: pa.Table) -> pa.Table:
        gone = self._texts_in(table["service"], self.without_services)
        trace_gone = self._of_left_out_entries(table) if self.without_entries else np.zeros(len(gone), np.bool_)
        if not (gone.any() or trace_gone.any()):
            return table
        if gone.any():
            table = _set(table, "parent_span_id", pa.array(_bridged(table, gone)))
        return _tidy(table.filter(pa.array(~(gone | trace_gone))))

    def _of_left_out_entries(self, table: pa.Table) -> NDArray[np.bool_]:
        """Return which rows are of traces that begin with an operation that is left out."""
        combination, firsts = _combinations(table, ("service", "operation"))
        pairs = table.select(["service", "operation"]).take(pa.array(firsts)).to_pylist()
        chosen = np.array([self._is_left_out(row["service"] or "", row["operation"] or "") for row in pairs], np.bool_)
        roots = integers(_whole(table["parent_span_id"])) == 0
        keys = _trace_keys(table)
        of_trace: NDArray[np.bool_] = np.isin(keys, keys[roots & chosen[combination]])
        return of_trace

    def _is_left_out(self, service: str, operation: str) -> bool:
        return operation in self.without_entries or f"{service} {operation}" in self.without_entries

    @staticmethod
    def _texts_in(column: pa.ChunkedArray, patterns: Patterns) -> NDArray[np.bool_]:
        if not patterns:
            return np.zeros(len(column), np.bool_)
        whole = _whole(column)
        chosen = np.array([*(text in patterns for text in whole.dictionary.to_pylist()), False], np.bool_)
        found: NDArray[np.bool_] = chosen[whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return found


def _bridged(table: pa.Table, gone: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return the parents of spans once some rows are gone: the nearest ancestor that stays; 0 where there is none."""
    size = table.num_rows
    keys = _trace_keys(table)
    begins = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if size else np.zeros(0, np.int64)
    arrays = {name: _whole(table[name]) for name in _ANCESTRY}
    service = codes(arrays["service"]).astype(np.int32)
    host = codes(arrays["host"]).astype(np.int32)
    span_id = np.array(integers(arrays["span_id"]), np.uint64)
    parent_id = np.array(integers(arrays["parent_span_id"]), np.uint64)
    parent, orphan = np.full(size, -1, np.int32), np.zeros(size, np.bool_)
    resolve_parents(
        np.append(begins, size).astype(np.int64),
        span_id,
        parent_id,
        np.array(integers(arrays["shared"], fill=False), np.bool_),
        service,
        np.where(host >= 0, host, service + host.max(initial=-1) + 1).astype(np.int32),
        parent,
        orphan,
    )
    # The last entry stands for no parent, and is its own.
    above = np.append(np.where(np.append(gone, False)[:-1], parent, np.arange(size)), size)
    above = np.where(above < 0, size, above)
    for _ in range(_DOUBLINGS):
        above = above[above]
    direct = np.where(parent < 0, size, parent)
    nearest = above[direct]
    # What is still gone after so many steps goes round in a circle.
    found = (nearest < size) & ~np.append(gone, True)[nearest]
    ids = np.append(span_id, np.uint64(0))
    through_gone = (parent >= 0) & gone[np.maximum(parent, 0)]
    return np.where(through_gone, np.where(found, ids[nearest], np.uint64(0)), parent_id)


def _trace_keys(table: pa.Table) -> NDArray[np.void]:
    lanes = [np.ascontiguousarray(integers(_whole(table[name])), np.uint64) for name in _TRACE]
    return np.ascontiguousarray(np.stack(lanes, axis=1)).view(np.dtype((np.void, 16))).reshape(-1)


def _united(names: Iterable[str], more: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*names, *more)))


def _set(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def _tidy(table: pa.Table) -> pa.Table:
    return tidy([table], table.schema)


def _renamed(column: pa.ChunkedArray, rename: Callable[[str], str], where: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a text column with its values renamed, the dictionary sorted and without repetition."""
    whole = _whole(column)
    values = whole.dictionary.to_pylist()
    others = [rename(value) for value in values]
    if others == values:
        return whole
    names = sorted({*others, *(values if where is not None else ())})
    place = {name: number for number, name in enumerate(names)}
    indices = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    new = np.array([*(place[other] for other in others), -1], np.int32)[indices]
    if where is not None:
        old = np.array([*(place[value] for value in values), -1], np.int32)[indices]
        new = np.where(where, new, old)
    return pa.DictionaryArray.from_arrays(pa.array(new, mask=new < 0), pa.array(names, pa.string()))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, with a dictionary where it is of text."""
    return tidy([pa.table([column], names=["column"])], pa.schema([("column", column.type)]))["column"].chunk(0)


def _combinations(table: pa.Table, names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the combination of values that each row has, by number, and the first row of each."""
    combined = np.zeros(table.num_rows, np.int64)
    for name in names:
        numbered = codes(_whole(table[name]))
        lowest = int(numbered.min(initial=0))
        # Numbered anew at every column: the product of all ranges does not fit 64 bits.
        width = int(numbered.max(initial=0)) - lowest + 1
        combined = np.unique(combined * width + numbered - lowest, return_inverse=True)[1].astype(np.int64)
    _, firsts = np.unique(combined, return_index=True)
    return combined, firsts.astype(np.int64)
