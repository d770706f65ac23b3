"""Where a value of MessagePack ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["value_end"]


@kernel
def value_end(data: npt.NDArray[np.uint8], start: int, end: int) -> int:
    """Return where the value ends that begins at `start`: -1 where the data ends before it does, -2 where it is none.

    Looks within the bounds only, whatever lengths the data claims.
    """
    at, pending = start, 1
    while pending > 0:
        if at >= end:
            return -1
        tag = data[at]
        at += 1
        pending -= 1
        width, size, children = 0, 0, 0
        is_map = False
        if tag <= 0x7F or tag >= 0xE0 or tag in (0xC0, 0xC2, 0xC3):
            continue
        if tag <= 0x8F:
            children, is_map = tag & 0x0F, True
        elif tag <= 0x9F:
            children = tag & 0x0F
        elif tag <= 0xBF:
            size = tag & 0x1F
        elif tag == 0xC1:
            return -2
        elif tag in (0xC4, 0xC5, 0xC6):
            width = 1 << (tag - 0xC4)
        elif tag in (0xC7, 0xC8, 0xC9):
            width, size = 1 << (tag - 0xC7), 1
        elif tag in (0xCA, 0xCE, 0xD2):
            size = 4
        elif tag in (0xCB, 0xCF, 0xD3):
            size = 8
        elif tag in (0xCC, 0xD0):
            size = 1
        elif tag in (0xCD, 0xD1):
            size = 2
        elif tag <= 0xD8:
            size = 1 + (1 << (tag - 0xD4))
        elif tag in (0xD9, 0xDA, 0xDB):
            width = 1 << (tag - 0xD9)
        else:
            width, is_map = 2 << (tag & 1), tag >= 0xDE
        if width:
            if at + width > end:
                return -1
            number = 0
            for _ in range(width):
                number = number << 8 | data[at]
                at += 1
            if tag >= 0xDC:
                children = number
            else:
                size += number
        if size > end - at:
            return -1
        at += size
        pending += 2 * children if is_map else children
        # Every value takes a byte at least: more of them than bytes are left never end.
        if pending > end - at:
            return -1
    return at
