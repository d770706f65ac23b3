"""Quotes of CSV texts: where rows end, and which quote never does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["scan_quotes"]


@kernel
def scan_quotes(data: NDArray[np.uint8], begin: int, delimiter: int, limit: int, last: bool) -> tuple[int, int, int]:
    """Go through rows of CSV as far as they are whole.

    Parameters
    ----------
    data
        The text; a row begins at `begin`.
    delimiter
        What stands between fields.
    limit
        Longest field in quotes that is believed.
    last
        Nothing follows the text.

    Returns
    -------
    tuple
        Where the last whole row ends, how many rows there are up to it, and where a quote stands that never ends
        (of the row that begins there); -1 where there is none.
    """
    at, row, rows = begin, begin, 0
    size = len(data)
    fresh = True
    while at < size:
        byte = data[at]
        if fresh and byte == 34:
            quote = at
            broken_lines = False
            at += 1
            closed = False
            while at < size and at - quote <= limit:
                byte = data[at]
                if byte == 34:
                    if at + 1 < size and data[at + 1] == 34:
                        at += 2
                        continue
                    closed = True
                    break
                broken_lines |= byte in (10, 13)
                at += 1
            if not closed:
                return row, rows, (quote if last or at - quote > limit else -1)
            at += 1
            if at == size:
                return (size, rows + 1, -1) if last else (row, rows, -1)
            if broken_lines and data[at] != delimiter and data[at] != 10 and data[at] != 13:
                # Text after the quote that ends a field of several lines: that quote was meant to begin another.
                return row, rows, quote
            fresh = False
            continue
        at += 1
        fresh = byte == delimiter
        if byte == 10:
            fresh = True
            row = at
            rows += 1
    return (size, rows + (1 if row < size else 0), -1) if last else (row, rows, -1)
