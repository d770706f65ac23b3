"""From what a scan found to rows: texts are read once each, attributes feed columns all together.

Spans that the scan or their attributes show to be unusual are made by the readable reader, from their bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.schema import KINDS
from analysis.semconv import Columns, span_vectors, tracestate_weight
from analysis.sources import _scan_found as at
from analysis.sources._ledger import Rejects
from analysis.sources._scan_columns import SpanTables, link_lists
from analysis.sources._scan_exposed import ScanLooker
from analysis.sources._scan_found import Decoders, Found, Unit
from analysis.sources._scan_texts import MISSHAPEN, Texts

__all__ = ["Odd", "ScanRows", "Units"]

_SERVER, _CONSUMER = KINDS.index("server"), KINDS.index("consumer")
_RESOURCE_COLUMNS: Final = (
    "service",
    "service_namespace",
    "service_version",
    "environment",
    "host",
    "instance",
    "exposed",
)

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]


class _Resource(NamedTuple):
    """The row that spans of a resource begin as, its texts by number, and what was noted when it was read."""

    row: Mapping[str, Any]
    codes: list[int]
    notes: Mapping[str, int]


_MISSHAPEN_RESOURCE: Final = _Resource({}, [], {})


class Odd(NamedTuple):
    """A span that is left to the readable reader, decoded."""

    span: Any
    position: str
    scope: Any
    resource: Mapping[str, Any]


class Units(Protocol):
    """The units of a scan, by number."""

    def __getitem__(self, number: int, /) -> Unit:
        """Return one."""


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
        self._of_resources = (*_RESOURCE_COLUMNS, *decoders.beside)
        self._tables = SpanTables(decoders.resolution_ns, rejects)
        self._looker = ScanLooker()
        self.forget()

    def forget(self) -> None:
        """Forget all texts: the scan's table has been emptied."""
        self._texts = Texts(self._decoders)
        self._columns = Columns(self._texts.pool)
        self._resources: dict[int, _Resource] = {}

    def take(
        self, data: NDArray[np.uint8], found: Found, units: Units, begins: Int64s, left_out: Bools
    ) -> tuple[pa.Table | None, dict[int, list[Odd]]]:
        """Return the rows that could be made, and the odd spans of each unit, which begin in ``data`` at ``begins``.

        A unit with an odd span that is not even of its format's shape is marked in ``left_out``, and has no rows.
        """
        counts = found.counts
        spans, scopes = found.spans[: counts[at.SPANS]], found.scopes[: counts[at.SCOPES]]
        blocks, links = found.blocks[: counts[at.BLOCKS]], found.links[: counts[at.LINKS]]
        self._texts.learn(found)
        # Blocks of few resources are many.
        numbers, which = np.unique(blocks[:, 2], return_inverse=True)
        resources = [self._resource(number) for number in numbers.tolist()]
        misshapen = np.array([resource is _MISSHAPEN_RESOURCE for resource in resources], np.bool_)
        left_out[blocks[misshapen[which], 0]] = True
        if self._texts.broken:
            broken = np.isin(scopes[:, 2], list(self._texts.broken))
            left_out[blocks[scopes[broken, 0], 0]] = True
        attributes = found.attributes[: counts[at.ATTRIBUTES]]
        old, odd = self._feed(spans, scopes, attributes, resources, which)
        odd |= spans[:, at.ODD] > 0
        odd |= self._looker.suspects(data, spans)
        unit = blocks[scopes[spans[:, at.SCOPE], 0], 0] if len(spans) else np.empty(0, np.int64)
        oddities: dict[int, list[Odd]] = {}
        if odd.any():
            self._keep_oddities(oddities, data, spans[odd], scopes, blocks, units, begins, left_out, resources, which)
        for number, (_, _, notes) in enumerate(resources):
            many = int((~left_out[blocks[which == number, 0]]).sum()) if notes else 0
            for note, count in notes.items() if many else ():
                self._rejects.note(note, count * many)
        kept = ~odd & ~left_out[unit]
        if not kept.any():
            return None, oddities
        remarks = int(spans[kept, at.REMARKED].sum()) if self._decoders.remark else 0
        if remarks:
            self._rejects.note(self._decoders.remark, remarks)
        table = self._tables.table(
            spans,
            self._columns,
            None if kept.all() else np.flatnonzero(kept),
            weights=self._weights(spans),
            old=old,
            links=link_lists(links, len(spans)) if len(links) else None,
        )
        return table, oddities

    def _resource(self, number: int) -> _Resource:
        """Return what is known of a resource by the number of its bytes."""
        known = self._resources.get(number)
        if known is None:
            notes = Rejects()
            try:
                row = self._decoders.resource(self._texts.resources.get(number, b""), notes)
            except MISSHAPEN:
                return _MISSHAPEN_RESOURCE
            codes = [self._columns.code(name, row.get(name)) for name in self._of_resources]
            known = self._resources[number] = _Resource(row, codes, notes.notes)
        return known

    def _feed(
        self,
        spans: Int64s,
        scopes: Int64s,
        attributes: NDArray[np.int32],
        resources: list[_Resource],
        which: Int64s,
    ) -> tuple[Bools, Bools]:
        """Fill the columns; return where old conventions were used, and which spans are odd."""
        columns, meanings = self._columns, self._texts.meanings
        columns.empty(len(spans))
        names = self._of_resources
        nothing = [-1] * len(names)
        codes = np.array([resource.codes or nothing for resource in resources], np.int64).reshape(-1, len(names))
        resource = which[scopes[spans[:, at.SCOPE], 0]]
        for place, name in enumerate(names):
            columns.put(name, codes[resource, place])
        columns.put("scope", meanings.codes(scopes[:, 2])[spans[:, at.SCOPE]])
        columns.put("name", meanings.codes(spans[:, at.NAME]))
        columns.put("status_message", meanings.codes(spans[:, at.MESSAGE]))
        kind = spans[:, at.KIND]
        server = (kind == _SERVER) | (kind == _CONSUMER)
        return span_vectors(meanings, columns, attributes, spans[:, at.ATTRIBUTES_END], server)

    def _keep_oddities(
        self,
        oddities: dict[int, list[Odd]],
        data: NDArray[np.uint8],
        spans: Int64s,
        scopes: Int64s,
        blocks: Int64s,
        units: Units,
        begins: Int64s,
        left_out: Bools,
        resources: list[_Resource],
        which: Int64s,
    ) -> None:
        """Decode odd spans, and keep them by their unit."""
        for span in spans:
            block, place, name = scopes[span[at.SCOPE]].tolist()
            number = int(blocks[block, 0])
            if left_out[number]:
                continue
            content = data[span[at.FIRST_BYTE] : span[at.LAST_BYTE]].tobytes()
            try:
                decoded = self._decoders.span(content)
            except MISSHAPEN:
                left_out[number] = True
                oddities.pop(number, None)
                continue
            within = int(span[at.FIRST_BYTE] - begins[number])
            position = self._decoders.place(units[number], int(blocks[block, 1]), place, int(span[at.PLACE]), within)
            scope = self._texts.values[name] if name >= 0 else None
            oddities.setdefault(number, []).append(Odd(decoded, position, scope, resources[which[block]].row))

    def _weights(self, spans: Int64s) -> NDArray[np.float64] | None:
        """Return how many spans each stands for; None where each does for itself."""
        if not (spans[:, at.STATE] >= 0).any():
            return None
        used, place = np.unique(spans[:, at.STATE], return_inverse=True)
        values = self._texts.values
        weights = [tracestate_weight(values[number]) if number >= 0 else None for number in used.tolist()]
        found: NDArray[np.float64] = np.array([1.0 if weight is None else weight for weight in weights])[place]
        return found
