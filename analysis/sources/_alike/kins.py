"""Rows that others are like: of each likeness one document is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._kernels import json_documents as of
from analysis.sources._alike.forms import Form, Target
from analysis.sources._alike.values import Values
from analysis.sources._ids import HASHED
from analysis.sources._json import NotJson
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._rows import TEXT_LIMIT

__all__ = ["Kin", "Kins", "Like"]

#: What a likeness may be instead of a number: not looked at yet, for the reader, read with its texts and paths.
_NEW, _ODD, _EXACT = -1, -2, -3
#: What stands for a text, and behind a slash for a path, while its column is looked for.
_MARK: Final = "qzjxvwk"
_MARKED: Final = re.compile(rf"(/?{_MARK}\d+)")
#: Documents after which it is decided whether enough of them are alike.
_ENOUGH: Final = 5_000
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]
Parts = tuple[int | str, ...]
#: From a decoded document to its row, and to how its values feed it; None where it is none, or not plain.
Like = Callable[[Any, Rejects], tuple[dict[str, Any], Sequence[Target]] | None]


class Kin(NamedTuple):
    """A row that others are like.

    Attributes
    ----------
    row
        The row.
    targets
        How values feed it, as a number of a list.
    landings
        Columns that hold texts or paths as they are: their roles, and what stands between them.
    notes
        What was noted when it was read.
    """

    row: dict[str, Any]
    targets: int
    landings: Mapping[str, Parts]
    notes: Mapping[str, int]


class Kins:
    """Rows by the likeness of their documents.

    Parameters
    ----------
    form
        Of the format.
    decode
        Decodes a document; raises NotJson where it cannot.
    like
        Makes a row of a decoded document. What is assumed is noted in the ledger that it is given, always the same.

    Attributes
    ----------
    known
        The rows, by number.
    targets
        How values feed rows: each row has the number of one of these.
    """

    def __init__(self, form: Form, decode: Callable[[bytes], Any], like: Like) -> None:
        self._form, self._decode, self._like = form, decode, like
        self._notes = Rejects()
        self._seen, self._learned = 0, 0
        self.targets: list[tuple[Target, ...]] = []
        self.forget()

    def forget(self) -> None:
        """Forget all rows: the table of likenesses has been emptied."""
        self.known: list[Kin] = []
        self._of_likeness = np.empty(0, np.int64)
        self._exact: dict[tuple[Any, ...], int] = {}

    def of(self, data: Bytes, documents: Int64s, values: NDArray[np.int32], likenesses: int) -> Int64s:
        """Return for each document the number of the row that it is like; negative where there is none.

        Parameters
        ----------
        data, documents, values
            As :func:`scan_documents` found them.
        likenesses
            How many there are.
        """
        likeness = documents[:, of.LIKENESS]
        if likenesses > len(self._of_likeness):
            more = np.full(likenesses - len(self._of_likeness), _NEW, np.int64)
            self._of_likeness = np.concatenate([self._of_likeness, more])
        known = self._known(likeness)
        if self._seen > _ENOUGH and 2 * self._learned > self._seen:
            # Hardly two are alike: what is not known yet is cheaper for the reader, who reads each only once.
            return np.where((known == _NEW) | (known == _EXACT), _ODD, known)
        self._seen += len(documents)
        fresh = np.flatnonzero(known == _NEW)
        if len(fresh):
            numbers, first = np.unique(likeness[fresh], return_index=True)
            learned = np.array([self._learn(data, documents[row], values[row], marked=True) for row in fresh[first]])
            self._of_likeness[numbers] = self._checked(data, documents, values, fresh[first], learned)
            known = self._known(likeness)
        exact = np.flatnonzero(known == _EXACT)
        if len(exact):
            known[exact] = self._exactly(data, documents, values, exact)
        return known

    def _known(self, likeness: Int64s) -> Int64s:
        # The last is that of documents that have none.
        return np.append(self._of_likeness, _ODD)[likeness]

    def _exactly(self, data: Bytes, documents: Int64s, values: NDArray[np.int32], rows: Int64s) -> Int64s:
        """Do the same for documents whose texts and paths mean more: those that have the same are alike."""
        found, keys = np.full(len(rows), _NEW), []
        fresh: dict[tuple[Any, ...], int] = {}
        for place, row in enumerate(rows.tolist()):
            begin = int(documents[row, of.BEGIN])
            parts = [values[row, role].tolist() for role in self._form.free]
            texts = (data[begin + first : begin + last].tobytes() if kind else b"" for first, last, kind in parts)
            key = (int(documents[row, of.LIKENESS]), *texts)
            keys.append(key)
            if key not in self._exact:
                fresh.setdefault(key, place)
        if fresh:
            first = rows[list(fresh.values())]
            learned = np.array([self._learn(data, documents[row], values[row], marked=False) for row in first])
            checked = self._checked(data, documents, values, first, learned)
            self._exact |= {key: number for key, number in zip(fresh, checked.tolist(), strict=True) if number != _NEW}
        for place, key in enumerate(keys):
            found[place] = self._exact.get(key, _NEW)
        return found

    def _checked(
        self, data: Bytes, documents: Int64s, values: NDArray[np.int32], rows: Int64s, learned: Int64s
    ) -> Int64s:
        """Return the numbers of rows whose documents have plain values, as these feed them.

        Where the values are not plain, the next document of that likeness may have such; where a row does not follow
        from them, the reader takes all.
        """
        checked = learned.copy()
        there = np.flatnonzero(learned >= 0)
        kins = [self.known[number] for number in learned[there].tolist()]
        found = Values(self._form, data, documents[rows[there], of.BEGIN], values[rows[there]])
        targets = np.array([one.targets for one in kins], np.int64)
        for number in np.unique(targets).tolist():
            its = np.flatnonzero(targets == number)
            for target in self.targets[number]:
                found.take(target, its)
        checked[there[~found.sound]] = _NEW
        for name, column in found.made.items():
            for place in np.flatnonzero(found.told[name] & found.sound).tolist():
                if kins[place].row[name] != column[place]:
                    checked[there[place]] = _ODD
        return checked

    def _learn(self, data: Bytes, document: Int64s, values: NDArray[np.int32], *, marked: bool) -> int:
        """Read a document; return the number of its row, or what it is instead."""
        self._learned += 1
        content = data[int(document[of.BEGIN]) : int(document[of.END])].tobytes()
        marks: dict[str, int] = {}
        if marked:
            if _MARK.encode() in content:
                return _EXACT
            content, marks = self._marked(content, values)
        notes = self._notes.notes = {}
        try:
            found = self._like(self._decode(content), self._notes)
        except (Refused, NotJson, *_MISSHAPEN):
            return _ODD
        if found is None or HASHED in notes:
            # How often ids were hashed depends on which came one after the other.
            return _ODD
        row, targets = found
        landings: dict[str, Parts] = {}
        for column, value in row.items():
            if type(value) is not str:
                continue
            if len(value) > TEXT_LIMIT:
                return _ODD
            if marks and _MARK in value:
                parts = tuple(marks.get(part, part) for part in _MARKED.split(value) if part)
                if len(parts) > 1 and not _is_query(parts):
                    return _EXACT
                landings[column] = parts
        if marks and (row.get("rpc_system") is not None or row.get("rpc_status") is not None):
            # The service that is called may follow from a path or a name.
            return _EXACT
        # What is no plain value stayed in the likeness, and all that are alike have it.
        mapped = tuple(target for target in targets if values[self._form.roles.index(target.role), 2])
        if mapped not in self.targets:
            self.targets.append(mapped)
        self.known.append(Kin(row, self.targets.index(mapped), landings, notes))
        return len(self.known) - 1

    def _marked(self, content: bytes, values: NDArray[np.int32]) -> tuple[bytes, dict[str, int]]:
        """Return a document with marks for its texts and paths, and their roles."""
        marks: dict[str, int] = {}
        free = [(*values[role].tolist(), role) for role in self._form.free if values[role, 2]]
        for first, last, _, role in sorted(free, reverse=True):
            mark = f"/{_MARK}{role}" if content[first : first + 1] == b"/" else f"{_MARK}{role}"
            marks[mark] = role
            content = content[:first] + mark.encode() + content[last:]
        return content, marks


def _is_query(parts: Parts) -> bool:
    """Return whether a text is a path and a query, each taken out."""
    return len(parts) == 3 and parts[1] == "?" and isinstance(parts[0], int) and isinstance(parts[2], int)
