"""Scanning of logfmt lines: where the values of wanted names stand."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis._kernels.json_lines import FNV_BASIS, FNV_PRIME, STRING, keep_value, look_up, skip_string

__all__ = ["scan_logfmt_lines"]

_BASIS: Final = np.uint64(FNV_BASIS)
_PRIME: Final = np.uint64(FNV_PRIME)


@kernel
def _scan_line(
    data: NDArray[np.uint8],
    at: int,
    stop: int,
    hashes: NDArray[np.uint64],
    slots: NDArray[np.int16],
    role_of: NDArray[np.int16],
    rank_of: NDArray[np.int16],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    kind: NDArray[np.int8],
    name: NDArray[np.int16],
) -> int:
    """Scan a line: 1 where it has names beside the wanted ones, 0 where not, -1 where the reader must look at it."""
    others, pairs = 0, 0
    while at < stop:
        # A name begins with a letter here; what else a name can begin with is left to the reader.
        value, letters = _BASIS, 0
        while at < stop and data[at] != 61:
            byte = data[at]
            if 65 <= byte <= 90:
                byte = np.uint8(byte + 32)
            if 97 <= byte <= 122 or (48 <= byte <= 57 and letters):
                value = (value ^ np.uint64(byte)) * _PRIME
                letters += 1
            elif not letters or byte not in (45, 46, 95):
                return -1
            at += 1
        if at >= stop or not letters:
            return -1
        at += 1
        first = at
        if at < stop and data[at] == 34:
            first = at + 1
            last = skip_string(data, first, stop)
            if last < 0:
                return -1
            at = last + 1
        else:
            while at < stop and data[at] > 32:
                at += 1
            last = at
        # In an access log a quote follows a bracket; the reader tells them apart.
        for index in range(first, last):
            if data[index] == 93 and index + 2 < stop and data[index + 2] == 34:
                return -1
            if data[index] == 127 or data[index] == 194 or data[index] in (225, 226, 227):
                # Blanks beyond ASCII are among them.
                return -1
        if at < stop and data[at] != 32:
            return -1
        while at < stop and data[at] == 32:
            at += 1
        pairs += 1
        number = look_up(hashes, slots, value)
        if number < 0:
            others = 1
        elif not keep_value(number, first, last, STRING, role_of, rank_of, start, end, kind, name):
            return -1
    return others if pairs > 1 else -1


@kernel
def scan_logfmt_lines(
    data: NDArray[np.uint8],
    line_start: NDArray[np.int64],
    line_end: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    slots: NDArray[np.int16],
    role_of: NDArray[np.int16],
    rank_of: NDArray[np.int16],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    kind: NDArray[np.int8],
    name: NDArray[np.int16],
    outcome: NDArray[np.int8],
) -> None:
    """Find the values of wanted names in many lines; parameters as of :func:`analysis._kernels.json_lines`."""
    for line in range(len(line_start)):
        outcome[line] = _scan_line(
            data,
            line_start[line],
            line_end[line],
            hashes,
            slots,
            role_of,
            rank_of,
            start[line],
            end[line],
            kind[line],
            name[line],
        )
