"""Die at every step of what writes files, one after the other: at none of them may what follows be in the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Died", "died_at_each_step"]

_STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"})


class Died(BaseException):
    """Stands for the program's end: nothing that handles errors handles it."""


class _Steps:
    """Counts the steps that change files below a folder, and ends the program at one of them."""

    folder = ""
    left = 0

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.folder or event not in _STEPS or not str(arguments[0]).startswith(self.folder):
            return
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event == "open" and not writes:
            return
        self.left -= 1
        if self.left == 0:
            folder, self.folder = self.folder, ""
            if writes:
                # What was opened to be written is there, and holds nothing yet.
                Path(str(arguments[0])).write_bytes(b"")
            raise Died(folder)


_STEPPING = _Steps()
#: A hook stays for as long as the program runs.
_HOOKED: list[bool] = []


@contextmanager
def _dying(folder: Path, step: int) -> Iterator[None]:
    if not _HOOKED:
        sys.addaudithook(_STEPPING)
        _HOOKED.append(True)
    _STEPPING.folder, _STEPPING.left = str(folder), step
    try:
        yield
    finally:
        _STEPPING.folder = ""


def died_at_each_step(work: Callable[[Path], object], new_folder: Callable[[], Path]) -> Iterator[Path]:
    """Yield a folder for each step of some work, in which it died at that step; the work is whole before the last."""
    step = 0
    while True:
        step += 1
        folder = new_folder()
        try:
            with _dying(folder, step):
                work(folder)
        except Died:
            yield folder
        else:
            return
