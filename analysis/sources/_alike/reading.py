"""Units gathered, their documents told apart, and those that are alike made into rows together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._kernels import json_documents as of
from analysis._kernels.interning import KEPT, TEXTS, empty_table, forget_texts
from analysis.sources._alike.forms import Form, Target
from analysis.sources._alike.kins import Kin, Kins
from analysis.sources._alike.tables import LikeRows
from analysis.sources._alike.values import Values
from analysis.sources._documents import LINE, LINES, NOT_JSON, RUN, Layout, elements_of, units_of
from analysis.sources._documents import Unit as DocumentUnit
from analysis.sources._gathering import Gathered, Lines, Records
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Rejects
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._scan_found import Unit
from analysis.sources._splitting import Splitter

__all__ = ["Alike", "Made", "Reader"]

#: Bytes that are looked at together.
_PIECE: Final = 12 << 20
#: Likenesses, and bytes of them, that are remembered from one piece to the next.
_MOST: Final = 1 << 14
_MOST_BYTES: Final = 16 << 20
#: The fewest bytes of a document that is worth it.
_LEAST: Final = 64
_QUESTION: Final = ord("?")
_IDS: Final = ("trace_id_high", "trace_id_low", "span_id", "parent_span_id")

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Made(NamedTuple):
    """Rows on their way.

    Attributes
    ----------
    columns
        What differs: ids and times, by the name of the column.
    rows, which
        Rows, and for each that is made the number of that which it is like.
    group
        Numbers of the arrays they stand in: the same for those that stand together.
    """

    columns: Mapping[str, NDArray[Any]]
    rows: Sequence[dict[str, Any]]
    which: Int64s
    group: Int64s


class Reader(Protocol):
    """The readable reader of a format."""

    def take(self, value: Any, position: str) -> None:
        """Take a decoded document, or a list of such."""

    def like(self, value: Any, rejects: Rejects) -> tuple[dict[str, Any], Sequence[Target]] | None:
        """Return the row of a document and how the values taken out feed it; None where it is none, or not plain.

        It may raise what reading a document raises. What is assumed is noted elsewhere, always in the same ledger.
        """

    def leave(self, ids: Mapping[str, NDArray[Any]]) -> Bools | None:
        """Mark rows that it must make itself, given their ids; None for none."""

    def made(self, found: Made) -> Mapping[str, NDArray[Any]]:
        """Take note of rows that were made; return columns that follow from all of them."""


@dataclass
class _Scan:
    """Arrays of a scan."""

    documents: Int64s
    values: NDArray[np.int32]
    slots: NDArray[np.uint64]
    texts: Int64s
    kept: NDArray[np.uint64]
    counts: Int64s = field(default_factory=lambda: np.zeros(of.DOCUMENTS + 1, np.int64))


class Alike:
    """Gathers units and makes tables of their documents.

    Parameters
    ----------
    form
        Of the format.
    layout
        Of the format, by which units that are none are taken apart.
    reader
        Takes what is unusual.
    rejects
        Where assumptions are noted.
    together
        Documents of one array are those of a trace: the reader takes all of them, or none.
    decode
        Decodes a document; raises NotJson where it cannot.
    """

    def __init__(
        self,
        form: Form,
        layout: Layout,
        reader: Reader,
        rejects: Rejects,
        *,
        together: bool = False,
        decode: Callable[[bytes], Any] = loads,
    ) -> None:
        self._form, self._layout, self._reader, self._rejects = form, layout, reader, rejects
        self._together, self._decode = together, decode
        self._gathered: Gathered = Records(_form_of, is_text=True, scratch=0)
        self._room = 0
        self._scan = self._empty(0)
        self._kins = Kins(form, decode, reader.like)

    def add(self, unit: Unit) -> Iterator[Batch]:
        """Take a unit, or a piece of lines; yield what has been read when enough has come together."""
        if unit.key == LINES and not isinstance(self._gathered, Lines):
            self._gathered = Lines(_form_of(LINES), self._rejects, 0)
        self._gathered.add(unit)
        if self._gathered.size >= _PIECE:
            yield from self._take()

    def flush(self) -> Iterator[Batch]:
        """Yield the rows of the units gathered so far."""
        self._gathered.finish()
        if self._gathered.size:
            yield from self._take()

    def _empty(self, size: int) -> _Scan:
        documents, values = of.documents_for(size, _LEAST, len(self._form.roles))
        found = _Scan(documents, values, *(np.empty(0, np.uint64), np.empty((0, 5), np.int64), np.empty(0, np.uint64)))
        found.slots, found.texts, found.kept = empty_table(len(documents) + _MOST, size + _MOST_BYTES, found.counts)
        return found

    def _take(self) -> Iterator[Batch]:
        gathered = self._gathered
        gathered.join()
        holders = yield from self._read(gathered)
        gathered.drop()
        if holders:
            inner = Records(_form_of, is_text=True, scratch=0)
            layout = replace(self._layout, raw=True, runs=True)
            for unit in holders:
                splitter = Splitter(self._rejects, layout, f"{unit.position}: ")
                for found in (*splitter.feed(unit.content), *splitter.finish()):
                    inner.add(Unit(found.key, found.value, found.position, found.first))
            inner.join()
            yield from self._read(inner)

    def _read(self, gathered: Gathered) -> Generator[Batch, None, list[Unit]]:
        """Yield the rows of gathered units; return those that hold documents under a name."""
        bounds = gathered.bounds
        left_out = np.zeros(len(bounds), np.int8)
        scan = self._ready(len(gathered.data))
        longest = int((bounds[:, 1] - bounds[:, 0]).max(initial=0))
        of.scan_documents(
            gathered.data, bounds, self._form.paths, scan.documents, scan.values, scan.slots, scan.texts, scan.kept,
            scan.counts, np.empty(of.TOP + 1, np.uint64), np.empty(2 * longest + 64, np.uint8), left_out,
        )  # fmt: skip
        count = int(scan.counts[of.DOCUMENTS])
        documents, values = scan.documents[:count], scan.values[:count]
        others = np.ones(count, np.bool_)
        groups = self._groups(gathered, documents)
        for part in _parts(groups, BATCH_ROWS):
            yield from self._batches(gathered.data, documents[part], values[part], groups[part], others[part])
        self._hand_over(gathered, documents[others], left_out == 1)
        return [gathered[number] for number in np.flatnonzero(left_out == 2).tolist()]

    def _ready(self, size: int) -> _Scan:
        """Return arrays for so many bytes, empty but for the likenesses that are known."""
        scan = self._scan
        if size > self._room:
            self._room = size + size // 4
            self._scan = scan = self._empty(self._room)
            self._kins.forget()
        elif scan.counts[TEXTS] > _MOST or 8 * scan.counts[KEPT] > _MOST_BYTES:
            forget_texts(scan.slots, scan.counts)
            self._kins.forget()
        scan.counts[of.DOCUMENTS] = 0
        return scan

    def _hand_over(self, gathered: Gathered, documents: Int64s, left_out: Bools) -> None:
        """Give the reader the documents that are left, and the units of another shape."""
        at = 0
        for number in sorted({*np.flatnonzero(left_out).tolist(), *documents[:, of.UNIT].tolist()}):
            unit = gathered[number]
            if left_out[number]:
                self._whole(unit)
            together: dict[str, list[Any]] = {}
            while at < len(documents) and documents[at, of.UNIT] == number:
                _, outer, inner, begin, end, _ = documents[at].tolist()
                at += 1
                content = gathered.data[begin:end].tobytes()
                place = unit.position if outer < 0 else f"{unit.position}[{unit.base + outer}]"
                if not self._together or (inner < 0 and unit.key == RUN):
                    self._reader.take(self._decode(content), place if inner < 0 else f"{place}[{inner}]")
                else:
                    together.setdefault(unit.position if inner < 0 else place, []).append(self._decode(content))
            for place, values in together.items():
                self._reader.take(values, place)

    def _whole(self, unit: Unit) -> None:
        if unit.key == LINE:
            for found in units_of(unit.content, self._rejects, self._layout, unit.position):
                self._reader.take(found.value, found.position)
        elif unit.key == RUN:
            run = DocumentUnit(RUN, unit.content, unit.position, unit.base)
            for found in elements_of(run, self._rejects, self._layout):
                self._reader.take(found.value, found.position)
        else:
            try:
                value = self._layout.decode(unit.key, unit.content)
            except NotJson:
                self._rejects.add(NOT_JSON, unit.position)
                return
            self._reader.take(value, unit.position)

    def _groups(self, gathered: Gathered, documents: Int64s) -> Int64s:
        """Return for each document the number of the array that it stands in, or of its own."""
        if not self._together:
            return np.arange(len(documents))
        units = documents[:, of.UNIT]
        used, which = np.unique(units, return_inverse=True)
        alone = np.array([gathered[number].key == RUN for number in used.tolist()], np.bool_)[which]
        outer = np.where((documents[:, of.INNER] < 0) & ~alone, 0, documents[:, of.OUTER])
        return np.cumsum((np.diff(units, prepend=-1) != 0) | (np.diff(outer, prepend=-1) != 0))

    def _batches(
        self, data: Bytes, documents: Int64s, values: NDArray[np.int32], groups: Int64s, others: Bools
    ) -> Iterator[Batch]:
        """Yield the rows of the documents that are like others; the rest stays marked."""
        kin = self._kins.of(data, documents, values, int(self._scan.counts[TEXTS]))
        is_span = np.array([*("start_ns" in one.row for one in self._kins.known), False], np.bool_)
        for spans in (True, False):
            rows = np.flatnonzero((kin >= 0) & (is_span[np.maximum(kin, -1)] == spans))
            table = self._table(data, documents[rows, of.BEGIN], values[rows], kin[rows], rows, groups, others)
            if table is not None:
                yield Batch(spans=table) if spans else Batch(logs=table)

    def _table(
        self,
        data: Bytes,
        begins: Int64s,
        places: NDArray[np.int32],
        kin: Int64s,
        rows: Int64s,
        groups: Int64s,
        others: Bools,
    ) -> pa.Table | None:
        """Return a table of the documents that are like a row, and mark no longer those that are in it."""
        used, which = np.unique(kin, return_inverse=True)
        kins = [self._kins.known[number] for number in used.tolist()]
        found = self._values(data, begins, places, kins, which)
        left = self._reader.leave({name: column for name, column in found.made.items() if name in _IDS})
        if left is not None:
            found.sound &= ~left
        if self._together:
            # Others of the array may be like none.
            whole = np.bincount(groups - groups[0]) if len(groups) else groups
            sound = np.bincount(groups[rows[found.sound]] - groups[0], minlength=len(whole))
            found.sound &= (whole == sound)[groups[rows] - groups[0]]
        kept = found.sound
        if not kept.any():
            return None
        others[rows[kept]] = False
        which = which[kept]
        for one, many in zip(kins, np.bincount(which, minlength=len(kins)).tolist(), strict=True):
            for note, count in one.notes.items():
                self._rejects.note(note, count * many)
        made = {name: column[kept] for name, column in found.made.items()}
        told = self._reader.made(Made(made, [one.row for one in kins], which, groups[rows[kept]] - groups[0]))
        for name, column in told.items():
            whole_column = np.zeros(len(kept), column.dtype)
            whole_column[kept] = column
            found.fill(name, whole_column)
        return LikeRows(kins, which, data, begins[kept], places[kept]).table(found, kept, self._rejects)

    def _values(self, data: Bytes, begins: Int64s, places: NDArray[np.int32], kins: list[Kin], which: Int64s) -> Values:
        """Return what differs from row to row, and the ids of all."""
        found = Values(self._form, data, begins, places)
        for name in _IDS if kins else ():
            if name in kins[0].row:
                found.fill(name, np.array([one.row[name] for one in kins], np.uint64)[which])
        targets = np.array([one.targets for one in kins], np.int64)[which]
        for number in np.unique(targets).tolist():
            its = np.flatnonzero(targets == number)
            for target in self._kins.targets[number]:
                found.take(target, its)
        found.check_ends()
        joined = np.array([any(len(parts) > 1 for parts in one.landings.values()) for one in kins], np.bool_)[which]
        for row in np.flatnonzero(joined).tolist():
            # A path may have its query already.
            found.sound[row] &= not _asks(data, int(begins[row]), places[row], kins[which[row]])
        return found


def _asks(data: Bytes, begin: int, places: NDArray[np.int32], kin: Kin) -> bool:
    """Return whether a question mark stands in texts that are joined by one."""
    return any(
        bool((data[begin + places[part, 0] : begin + places[part, 1]] == _QUESTION).any())
        for parts in kin.landings.values()
        for part in parts
        if len(parts) > 1 and isinstance(part, int)
    )


def _parts(groups: Int64s, most: int) -> Iterator[slice]:
    """Yield parts of documents, of which each has so many at most; a group is cut only where it is larger."""
    first = 0
    while first < len(groups):
        last = min(first + most, len(groups))
        if last < len(groups):
            begin = int(np.searchsorted(groups, groups[last]))
            last = begin if begin > first else last
        yield slice(first, last)
        first = last


def _form_of(_key: str) -> int:
    return 0
