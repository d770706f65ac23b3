"""Which keys a JSON text has near its top, read from its first bytes alone: the text may be cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

__all__ = ["Outline", "outlines"]

_TOKEN: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_DEPTH: Final = 9
_KEYS: Final = 200
#: Lines looked at after the first, for a file of lines whose first is broken.
_LINES: Final = 20


class Outline:
    """Keys by path: "" is the top object, "data[]" the elements of the array under its key "data"."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[str, None]] = {}

    def add(self, path: str, key: str) -> None:
        """Note that the object at the path has the key."""
        keys = self._keys.setdefault(path, {})
        if len(keys) < _KEYS:
            keys[key] = None

    def has(self, path: str, key: str) -> bool:
        """Return whether an object at the path has the key."""
        return key in self._keys.get(path, ())

    def paths(self) -> tuple[str, ...]:
        """Return the paths at which there are objects with keys."""
        return tuple(self._keys)

    def keys(self) -> tuple[str, ...]:
        """Return the keys of the outermost objects."""
        first = next(iter(self._keys), None)
        return tuple(self._keys[first]) if first is not None else ()

    def __bool__(self) -> bool:
        return bool(self._keys)


def outlines(head: bytes) -> Iterator[Outline]:
    """Yield the outline of the text, then those of its next lines that begin an object or an array."""
    first = head.lstrip()
    if first[:1] in {b"{", b"["}:
        yield _outline(first)
    for line in head.split(b"\n", _LINES + 1)[1 : _LINES + 1]:
        if line[:1] in {b"{", b"["} and len(line) > 2:
            yield _outline(line)


@lru_cache(maxsize=2 * _LINES)
def _outline(head: bytes) -> Outline:
    """Walk the first value; stop where it ends, where it is broken, or where the text does.

    Each format looks at the same beginning of a file.
    """
    found = Outline()
    paths: list[str] = []  # of the containers that are open
    is_object: list[bool] = []
    key: str | None = None
    pending = ""
    for match in _TOKEN.finditer(head):
        token = match[0]
        start = token[:1]
        if start == b'"':
            pending = match[1].decode("utf-8", "replace") if len(token) < 200 else ""
        elif start == b":":
            key = pending
            if paths and is_object[-1] and len(paths) <= _DEPTH:
                found.add(paths[-1], key)
        elif start in b"{[":
            parent = paths[-1] if paths else ""
            if len(paths) >= _DEPTH:
                # Nothing is noted so deep, and the path of a hundred thousand brackets would be as long.
                paths.append("")
                is_object.append(start == b"{")
                key = None
                continue
            path = f"{parent}.{key}" if parent and key is not None else parent if key is None else key
            paths.append(path if start == b"{" else f"{path}[]")
            is_object.append(start == b"{")
            key = None
        elif start in b"}]":
            if not paths:
                break
            paths.pop()
            is_object.pop()
            key = None
            if not paths:
                break
        elif start == b",":
            key = None
    return found
