"""Lines of prose and of access logs by the block: those that are plain become columns at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.access_lines import PLACES, copy_joined, scan_access_lines
from analysis._kernels.text_lines import LEVELS, scan_text_lines
from analysis.sources._ledger import Rejects
from analysis.sources._log_access import cluster_of, evidence
from analysis.sources._log_columns import alone, dictionary_of, id_columns, log_table, numbered, texts_of
from analysis.sources._log_times import NO_ZONE
from analysis.sources._log_values import severity
from analysis.sources._rows import TEXT_LIMIT

__all__ = ["access_rows", "text_rows"]

_SEVERITIES: Final = [severity(None, word) for word in LEVELS]

UInt8s = npt.NDArray[np.uint8]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class _Scanned:
    """What a scan found of lines that are plain, and, but where each stands apart, followed by such."""

    def __init__(self, scan: Callable[..., None], data: UInt8s, first: Int64s, last: Int64s, apart: bool) -> None:
        size = len(first)
        found, ids = np.zeros((size, 12), np.int64), np.zeros((size, 3), np.uint64)
        plain = np.zeros(size, np.bool_)
        scan(data, first, last, found, ids, plain)
        plain &= last - first <= TEXT_LIMIT
        self.alone = plain if apart else alone(plain)
        rows = np.flatnonzero(self.alone)
        self.data, self.first, self.last = data, first[rows], last[rows]
        self.found, self.ids = found[rows], ids[rows]

    @property
    def size(self) -> int:
        return len(self.first)

    def columns(self, *, structured: bool) -> dict[str, pa.Array]:
        """Return the columns that every line has."""
        return {
            **id_columns(self.ids),
            "time_ns": pa.array(np.ascontiguousarray(self.found[:, 0])),
            "structured": pa.array(np.full(self.size, structured)),
        }

    def texts(self, place: int) -> pa.Array:
        """Return the texts that begin and end where two columns of what was found say."""
        begin, end = (np.ascontiguousarray(self.found[:, column]) for column in (place, place + 1))
        return texts_of(self.data, begin, end, end > begin)

    def say(self, rejects: Rejects) -> None:
        """Note what was assumed."""
        rejects.note(NO_ZONE, int(np.count_nonzero(self.found[:, 1])))


def text_rows(
    data: UInt8s, first: Int64s, last: Int64s, service: str | None, rejects: Rejects, apart: bool
) -> tuple[pa.Table, Bools]:
    """Return the rows of lines of prose that begin with a time, and which lines these are."""
    scanned = _Scanned(scan_text_lines, data, first, last, apart)
    scanned.say(rejects)
    columns = {
        **scanned.columns(structured=False),
        "severity": numbered(scanned.found[:, 2], _SEVERITIES),
        "logger": scanned.texts(3),
        "service": scanned.texts(5),
        "body": texts_of(data, scanned.first, scanned.last, np.ones(scanned.size, np.bool_)),
    }
    return log_table(columns, scanned.size, service, rejects), scanned.alone


def access_rows(
    data: UInt8s, first: Int64s, last: Int64s, service: str | None, rejects: Rejects, apart: bool
) -> tuple[pa.Table, Bools]:
    """Return the rows of lines of access logs, and which lines these are."""
    scanned = _Scanned(scan_access_lines, data, first, last, apart)
    scanned.say(rejects)
    flags, peer, asked = (scanned.texts(2 + 2 * PLACES.index(name)) for name in ("flags", "peer", "request_id"))
    retried = _each(flags, lambda text: evidence(text, None))
    columns = {
        **scanned.columns(structured=True),
        "body": _bodies(scanned, retried.is_valid().to_numpy(zero_copy_only=False)),
        "retry_evidence": retried,
        "peer_service": _each(peer, lambda text: None if text == "-" else cluster_of(text)),
        "request_id": _each(asked, lambda text: None if text == "-" else text),
    }
    return log_table(columns, scanned.size, service, rejects), scanned.alone


def _each(texts: pa.DictionaryArray, read: Callable[[str], str | None]) -> pa.DictionaryArray:
    """Return what is made of texts, each distinct one of which is read once."""
    if texts.null_count == len(texts):
        return texts
    codes: Any = texts.indices.fill_null(len(texts.dictionary)).to_numpy(zero_copy_only=False)
    return numbered(codes, [*map(read, texts.dictionary.to_pylist()), None])


def _bodies(scanned: _Scanned, flagged: Bools) -> pa.Array:
    """Return a request, its code and its flags as one text."""
    places = scanned.found[:, 2:8].copy()
    places[~flagged, 5] = places[~flagged, 4]
    sizes = places[:, 1::2] - places[:, ::2]
    length = sizes.sum(axis=1) + 1 + flagged
    offset = np.concatenate([[0], np.cumsum(length)]).astype(np.int32)
    out = np.empty(int(offset[-1]), np.uint8)
    copy_joined(scanned.data, places, offset, out)
    return dictionary_of(offset, out, np.ones(scanned.size, np.bool_))
