"""From what a scan found to rows: texts are read once each, attributes feed columns all together.

Spans that the scan or their attributes show to be unusual are made by the readable reader, from their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis.schema import KINDS, LINK, SPAN_SCHEMA, STATUSES, TEXT
from analysis.semconv import Attributes, Columns, span_vectors, text, tracestate_weight
from analysis.sources import _scan_found as at
from analysis.sources._ledger import Rejects
from analysis.sources._rows import cut_texts
from analysis.sources._scan_exposed import ScanLooker
from analysis.sources._scan_found import Found

__all__ = ["Decoders", "Odd", "ScanRows", "Unit"]

_SERVER_KINDS: Final = (KINDS.index("server"), KINDS.index("consumer"))
_RESOURCE_COLUMNS: Final = (
    "service",
    "service_namespace",
    "service_version",
    "environment",
    "host",
    "instance",
    "exposed",
)
_EVENT_COLUMNS: Final = ("error_type", "exception_message")
#: What a text column that attributes feed may hold beside the schema's order.
_TEXT_COLUMNS: Final = tuple(field.name for field in SPAN_SCHEMA if field.type == TEXT)

#: What goes wrong in Python where a part is nested otherwise than its format says, or cannot be decoded at all.
MISSHAPEN: Final = (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError, RecursionError)

Int64s = NDArray[np.int64]
#: The row that spans of a resource begin as, and what was noted when it was read.
_Resource = tuple[Mapping[str, Any], Mapping[str, int]]
_MISSHAPEN_RESOURCE: Final[_Resource] = ({}, {})


class Unit(NamedTuple):
    """Bytes that are scanned as one: a line, an element of an outer array, a message.

    ``base`` is where they begin in the export, where positions are told in bytes.
    """

    key: str
    content: bytes
    position: str
    base: int = 0


class Odd(NamedTuple):
    """A span that is left to the readable reader, decoded."""

    span: Any
    position: str
    scope: Any
    resource: Mapping[str, Any]


@dataclass(frozen=True)
class Decoders:
    """How the parts of a format are decoded that a scan leaves as bytes.

    Attributes
    ----------
    value
        An attribute's value.
    escaped
        A text with escapes.
    resource
        A resource, as the row that its spans begin as; notes what it assumes.
    span
        A span; raises where it has not the shape that its format says.
    place
        Where a span stands, for messages: its unit, its place among blocks, scopes and spans, and where in the unit it
        begins.
    scope
        A scope that is encoded, to its name.
    resolution_ns
        The smallest step of the format's times.
    remark
        The note to make of each span that is remarked upon.
    beside
        Columns that a resource feeds beside those that every resource does.
    """

    value: Callable[[bytes], Any]
    escaped: Callable[[bytes], str]
    resource: Callable[[bytes, Rejects], Mapping[str, Any]]
    span: Callable[[bytes], Any]
    place: Callable[[Unit, int, int, int, int], str]
    scope: Callable[[bytes], str | None] = bytes.decode
    resolution_ns: int = 1
    remark: str = ""
    beside: tuple[str, ...] = ()


class ScanRows:
    """Makes tables of what scans find.

    Parameters
    ----------
    rejects
        Where assumptions are noted.
    decoders
        Of the format.
    """

    def __init__(self, rejects: Rejects, decoders: Decoders) -> None:
        self._rejects = rejects
        self._decoders = decoders
        self._resources: dict[bytes, _Resource] = {}
        self._looker = ScanLooker()

    def take(
        self,
        data: NDArray[np.uint8],
        found: Found,
        units: Sequence[Unit],
        begins: Int64s,
        left_out: NDArray[np.bool_],
    ) -> tuple[pa.Table | None, dict[int, list[Odd]]]:
        """Return the rows that could be made, and the odd spans of each unit, which begin in ``data`` at ``begins``.

        A unit with an odd span that is not even of its format's shape is marked in ``left_out``, and has no rows.
        """
        scan = _Scan(data, found, self._decoders)
        # Blocks of few resources are many.
        numbers, which = np.unique(scan.blocks[:, 2], return_inverse=True)
        resources = [self._resource(scan, number) for number in numbers.tolist()]
        misshapen = np.array([resource is _MISSHAPEN_RESOURCE for resource in resources], np.bool_)
        left_out[scan.blocks[misshapen[which], 0]] = True
        left_out[scan.units_of_broken_scopes()] = True
        columns, old, odd = scan.columns([row for row, _ in resources], which)
        odd |= scan.spans[:, at.ODD] > 0
        odd |= self._looker.suspects(data, scan.spans)
        unit = scan.blocks[scan.scopes[scan.spans[:, at.SCOPE], 0], 0] if len(scan.spans) else np.empty(0, np.int64)
        oddities = self._oddities(scan, np.flatnonzero(odd), unit, units, begins, left_out, resources, which)
        for number, (_, notes) in enumerate(resources):
            blocks = int((~left_out[scan.blocks[which == number, 0]]).sum()) if notes else 0
            for note, count in notes.items() if blocks else ():
                self._rejects.note(note, count * blocks)
        kept = ~odd & ~left_out[unit]
        if not kept.any():
            return None, oddities
        remarks = int(scan.spans[kept, at.REMARKED].sum()) if self._decoders.remark else 0
        if remarks:
            self._rejects.note(self._decoders.remark, remarks)
        table = scan.table(columns, old, self._rejects, None if kept.all() else np.flatnonzero(kept))
        return table, oddities

    def _resource(self, scan: _Scan, number: int) -> _Resource:
        """Return the row that spans of a resource begin as, and notes."""
        content = scan.texts[number] if number >= 0 else b""
        known = self._resources.get(content)
        if known is None:
            notes = Rejects()
            try:
                known = self._decoders.resource(content, notes), notes.notes
            except MISSHAPEN:
                return _MISSHAPEN_RESOURCE
            if len(self._resources) > _MOST_RESOURCES:
                self._resources.clear()
            self._resources[content] = known
        return known

    def _oddities(
        self,
        scan: _Scan,
        rows: Int64s,
        unit: Int64s,
        units: Sequence[Unit],
        begins: Int64s,
        left_out: NDArray[np.bool_],
        resources: Sequence[_Resource],
        which: Int64s,
    ) -> dict[int, list[Odd]]:
        oddities: dict[int, list[Odd]] = {}
        for row in rows.tolist():
            number = int(unit[row])
            if left_out[number]:
                continue
            span = scan.spans[row]
            content = scan.data[span[at.FIRST_BYTE] : span[at.LAST_BYTE]].tobytes()
            try:
                decoded = self._decoders.span(content)
            except MISSHAPEN:
                left_out[number] = True
                oddities.pop(number, None)
                continue
            block, place, name = scan.scopes[span[at.SCOPE]].tolist()
            within = int(span[at.FIRST_BYTE] - begins[number])
            position = self._decoders.place(
                units[number], int(scan.blocks[block, 1]), place, int(span[at.PLACE]), within
            )
            scope = scan.texts[name] if name >= 0 else None
            oddities.setdefault(number, []).append(Odd(decoded, position, scope, resources[which[block]][0]))
        return oddities


#: Resources that are remembered: a fleet's, not those of a generator of random names.
_MOST_RESOURCES: Final = 10_000


class _Scan:
    """What was found, with its texts read."""

    def __init__(self, data: NDArray[np.uint8], found: Found, decoders: Decoders) -> None:
        spans, attributes, scopes, blocks, texts, links = found.counts.tolist()
        self.data = data
        self.spans, self.scopes, self.blocks = found.spans[:spans], found.scopes[:scopes], found.blocks[:blocks]
        self._resolution_ns, self._beside = decoders.resolution_ns, decoders.beside
        self._attributes, self._links = found.attributes[:attributes], found.links[:links]
        self._tags = found.texts[:texts, 2]
        self.texts, self._broken = _read_texts(data, found.texts[:texts], decoders)

    def units_of_broken_scopes(self) -> Int64s:
        """Return the units with a scope whose name cannot be read."""
        named = self.scopes[self.scopes[:, 2] >= 0]
        units: Int64s = self.blocks[named[self._broken[named[:, 2]], 0], 0]
        return units

    def columns(
        self, resources: Sequence[Mapping[str, Any]], which: Int64s
    ) -> tuple[Columns, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the columns, where old conventions were used, and which spans are odd.

        Parameters
        ----------
        resources
            Rows that spans begin as.
        which
            For each block its row.
        """
        spans = self.spans
        columns = Columns(len(spans))
        resource = which[self.scopes[spans[:, at.SCOPE], 0]]
        for name in (*_RESOURCE_COLUMNS, *self._beside):
            codes = np.array(columns.numbers(name, [row.get(name) for row in resources]), np.int64)
            columns.codes[name] = codes[resource]
        columns.codes["scope"] = self._text_column(columns, "scope", self.scopes[spans[:, at.SCOPE], 2])
        for name, place in (("name", at.NAME), ("status_message", at.MESSAGE)):
            columns.codes[name] = self._text_column(columns, name, spans[:, place])
        ends = spans[:, at.ATTRIBUTES_END]
        owner = np.repeat(np.arange(len(spans), dtype=np.int32), np.diff(ends, prepend=0))
        key = (self._tags - at.TAGS) >> 1
        own = key < len(at.KEYS)
        attributes = Attributes(
            len(spans),
            np.isin(spans[:, at.KIND], _SERVER_KINDS),
            owner,
            self._attributes,
            np.where(own, key, -1).astype(np.int32),
            self.texts,
        )
        old, odd = span_vectors(attributes, columns)
        odd[owner[self._broken[self._attributes]]] = True
        self._exceptions(columns, owner, key)
        return columns, old, odd

    def _text_column(self, columns: Columns, name: str, numbers: Int64s) -> Int64s:
        """Return a column of texts that the scan has numbered."""
        used, place = np.unique(numbers, return_inverse=True)
        values = [text(self.texts[number]) if number >= 0 else None for number in used.tolist()]
        codes: Int64s = np.array(columns.numbers(name, values), np.int64)[place]
        return codes

    def _exceptions(self, columns: Columns, owner: NDArray[np.int32], key: Int64s) -> None:
        """Fill what the first exception says, where no attribute has said it."""
        keys = key[self._attributes]
        for number, name in enumerate(_EVENT_COLUMNS):
            places = np.flatnonzero(keys == len(at.KEYS) + number)
            if len(places):
                column = columns.column(name)
                codes = self._text_column(columns, name, self._attributes[places].astype(np.int64))
                free = column[owner[places]] < 0
                column[owner[places][free]] = codes[free]

    def table(self, columns: Columns, old: NDArray[np.bool_], rejects: Rejects, rows: Int64s | None) -> pa.Table:
        """Return rows of the schema."""
        spans = self.spans
        plain: dict[str, Any] = {
            name: np.ascontiguousarray(spans[:, place]).view(np.uint64)
            for name, place in (
                ("trace_id_high", at.HIGH),
                ("trace_id_low", at.LOW),
                ("span_id", at.ID),
                ("parent_span_id", at.PARENT),
            )
        }
        plain |= {
            "start_ns": spans[:, at.START],
            "duration_ns": spans[:, at.END] - spans[:, at.START],
            "multiplicity": np.ones(len(spans), np.int64),
            "time_resolution_ns": np.full(len(spans), self._resolution_ns, np.int64),
            "weight": self._weights(),
            "shared": spans[:, at.SHARED] > 0,
            "asynchronous": spans[:, at.ASYNCHRONOUS] > 0,
            "old_conventions": old,
        }
        enumerated = {"kind": (at.KIND, KINDS), "status": (at.STATUS, STATUSES)}
        arrays = []
        for field in SPAN_SCHEMA:
            name = field.name
            if name in plain:
                array = pa.array(plain[name] if rows is None else plain[name][rows], field.type)
            elif name in enumerated:
                place, order = enumerated[name]
                codes = spans[:, place] if rows is None else spans[rows, place]
                array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(order))
            elif name == "links" and len(self._links):
                array = self._link_lists()
                array = array if rows is None else array.take(pa.array(rows))
            elif name in columns.codes:
                codes = columns.codes[name] if rows is None else columns.codes[name][rows]
                array = _array(codes, columns.texts.get(name, ()), field.type, rejects)
            else:
                array = pa.nulls(len(spans) if rows is None else len(rows), field.type)
            arrays.append(array)
        return pa.Table.from_arrays(arrays, schema=SPAN_SCHEMA)

    def _link_lists(self) -> pa.Array:
        links = self._links
        count = np.bincount(links[:, 0], minlength=len(self.spans))
        lanes = [pa.array(np.ascontiguousarray(links[:, place]).view(np.uint64)) for place in (1, 2, 3)]
        entries = pa.StructArray.from_arrays([*lanes, pa.array(["link"] * len(links))], fields=list(LINK))
        offsets = pa.array(np.cumsum(np.concatenate([[0], count])).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, entries, mask=pa.array(count == 0))

    def _weights(self) -> NDArray[np.float64]:
        used, place = np.unique(self.spans[:, at.STATE], return_inverse=True)
        weights = [tracestate_weight(self.texts[number]) if number >= 0 else None for number in used.tolist()]
        found: NDArray[np.float64] = np.array([1.0 if weight is None else weight for weight in weights])[place]
        return found


def _array(codes: Int64s, texts: Sequence[str], kind: pa.DataType, rejects: Rejects) -> pa.Array:
    missing = codes < 0
    if missing.all():
        return pa.nulls(len(codes), kind)
    if kind != TEXT:
        return pa.array(codes.astype(kind.to_pandas_dtype()), kind, mask=missing)
    indices = pa.array(codes.astype(np.int32), mask=missing)
    return cut_texts(pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string())), rejects)


def _read_texts(data: NDArray[np.uint8], texts: Int64s, decoders: Decoders) -> tuple[list[Any], NDArray[np.bool_]]:
    """Return every distinct text, and which cannot be read: those that stand as they are together, others singly."""
    tags = texts[:, 2]
    encoded = (tags == at.ESCAPED) | ((tags >= at.TAGS) & (tags % 2 == 1))
    plain = np.flatnonzero(~encoded)
    offsets = np.zeros(len(plain) + 1, np.int32)
    np.cumsum(texts[plain, 1], out=offsets[1:])
    joined = np.empty(int(offsets[-1]), np.uint8)
    _join(data, np.ascontiguousarray(texts[plain, 0]), offsets, joined)
    strings = pa.StringArray.from_buffers(len(plain), pa.py_buffer(offsets), pa.py_buffer(joined))
    found: list[Any] = [None] * len(texts)
    broken = np.zeros(len(texts), np.bool_)
    for number, value in zip(plain.tolist(), strings.to_pylist(), strict=True):
        found[number] = value
    for number in np.flatnonzero(encoded).tolist():
        first, length, tag, _ = texts[number].tolist()
        content = data[first : first + length].tobytes()
        if tag == at.RESOURCE:
            found[number] = content
            continue
        try:
            if tag == at.SCOPE_TAG:
                found[number] = decoders.scope(content)
            else:
                found[number] = decoders.escaped(content) if tag == at.ESCAPED else decoders.value(content)
        except MISSHAPEN:
            broken[number] = True
    return found, broken


@kernel
def _join(data: NDArray[np.uint8], starts: Int64s, offsets: NDArray[np.int32], joined: NDArray[np.uint8]) -> None:
    for number in range(len(starts)):
        start = starts[number] - offsets[number]
        for place in range(offsets[number], offsets[number + 1]):
            joined[place] = data[start + place]
