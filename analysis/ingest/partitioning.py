"""Which partition a trace lives in: a fixed hash of the lower half of its id.

The lower half alone decides, so that a trace whose id one tool kept whole and another cut to 64 bits still meets in one
partition. Ids are not taken as they are: some tracers count upwards, and some begin every id with the same digits.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["LOGS_PER_PARTITION", "SPANS_PER_PARTITION", "UInt64s", "log_homes", "mix", "partition_of", "span_homes"]

UInt64s = npt.NDArray[np.uint64]

#: Partitions are cut so that one of them, as arrays, fits a processor's share of memory many times over.
SPANS_PER_PARTITION: Final = 200_000
#: Log records are narrower.
LOGS_PER_PARTITION: Final = 500_000

_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


def mix(values: UInt64s) -> UInt64s:
    """Scramble 64-bit integers so that every bit of the result depends on every bit given.

    The finaliser of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a
    bijection, so different ids never collide before the modulo.
    """
    mixed = values.astype(np.uint64, copy=True)
    mixed ^= mixed >> np.uint64(30)
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def partition_of(trace_id_low: int, partitions: int) -> int:
    """Return the partition in which a trace lives."""
    return int(mix(np.array([trace_id_low], dtype=np.uint64))[0]) % partitions


def span_homes(spans: pa.Table) -> UInt64s:
    """Return for each span the hash whose remainder by the number of partitions is its partition."""
    return mix(_lows(spans))


def log_homes(logs: pa.Table) -> UInt64s:
    """Return for each log record the hash that decides its partition.

    A record that names no trace is spread by its time and text: all of them in one partition could be most of a
    dataset.
    """
    lows = _lows(logs)
    homes = mix(lows)
    loose = (lows == 0) & (logs["trace_id_high"].to_numpy() == 0)
    if loose.any():
        times = logs["time_ns"].fill_null(0).to_numpy().astype(np.int64).view(np.uint64)
        homes[loose] = mix(times[loose] ^ _text_hashes(logs["body"])[loose])
    return homes


def _lows(table: pa.Table) -> UInt64s:
    lows: UInt64s = table["trace_id_low"].to_numpy().astype(np.uint64)
    return lows


def _text_hashes(column: Any) -> UInt64s:
    """Return a checksum of each text: one for each value of the dictionary, enough to spread rows."""
    hashes = np.zeros(len(column), dtype=np.uint64)
    position = 0
    for chunk in column.chunks:
        texts = chunk.dictionary.to_pylist()
        of_values = np.array([zlib.crc32(text.encode()) if text else 0 for text in texts], dtype=np.uint64)
        codes = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        known = codes >= 0
        part = hashes[position : position + len(chunk)]
        part[known] = of_values[codes[known]]
        position += len(chunk)
    return hashes
