"""Memory that was freed: kept while partitions are scanned, because the next asks for as much, and given back after.

By default the C library hands arrays of some megabytes back to the system when they are freed, and gets them again page
by page, each filled with zeros: a sixth of the time of a pass over the facts. But what it keeps it keeps for each
thread apart, in pieces that later arrays do not fit into: in the end several times of what is in use.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Final

import pyarrow as pa

__all__ = ["give_back", "give_back_at_times", "keep_freed_memory"]

#: Parameters of ``mallopt`` (glibc, malloc.h) and what they are set to, bytes: the top of the heap is handed back where
#: more of it is free; arrays smaller than the second are taken from the heap (glibc allows no more); the third is what
#: the heap grows by.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_SETTINGS: Final = ((_TRIM_THRESHOLD, 1 << 29), (_MMAP_THRESHOLD, 1 << 25), (_TOP_PAD, 1 << 26))

#: Pieces of work after which free memory goes back: more often it would cost as much as it takes to get it again.
_BETWEEN_RETURNS: Final = 4
#: A process that holds more, bytes, gives back after every piece: there memory is dearer than a twentieth of the time.
_MUCH: Final = 1_500_000_000


@cache
def keep_freed_memory() -> bool:
    """Ask the C library to keep what is freed, up to half a gigabyte, for what is allocated next.

    Returns
    -------
    bool
        It was asked: only glibc can be.
    """
    library = _library()
    return library is not None and all(library.mallopt(parameter, size) == 1 for parameter, size in _SETTINGS)


def give_back() -> None:
    """Return free memory to the system; to be called between large pieces of work, for it costs milliseconds."""
    pa.default_memory_pool().release_unused()
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def give_back_at_times() -> None:
    """Return free memory after some pieces of work; to be called after each of them, on whichever thread.

    They are counted over all threads of the process, since it is the process that holds what they free.
    """
    if _done.one_more() % _BETWEEN_RETURNS == 0 or _resident() > _MUCH:
        give_back()


def _resident() -> int:
    """Return the bytes of this process that are in memory; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    # The second number counts pages in memory (proc(5), /proc/pid/statm).
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE


class _Counter:
    """Counts for several threads."""

    def __init__(self) -> None:
        self._count, self._lock = 0, threading.Lock()

    def one_more(self) -> int:
        with self._lock:
            self._count += 1
            return self._count


_done: Final = _Counter()


@cache
def _library() -> ctypes.CDLL | None:
    """Return the C library; None where it is not glibc."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
