"""The cyclic garbage collector while a command is loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["collected_seldom", "uncollected"]

#: Objects that are made before those among them that refer to one another are looked for: Python's own 700 look 300
#: times within a small review, which makes tables and hardly any circles.
_OBJECTS_MADE: Final = 20_000


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage while modules are loaded, and not in them afterwards: they last as long as the process.

    Loading them set off hundreds of collections, and each whole one later on went through all of them again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def collected_seldom() -> None:
    """Look for garbage less often from now on: for a process that does the work of one command."""
    gc.set_threshold(_OBJECTS_MADE, *gc.get_threshold()[1:])
