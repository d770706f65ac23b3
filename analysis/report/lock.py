"""One report at a time in a folder: a schedule that overtakes itself is told, and changes nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from analysis.report.execution import ReportError
from analysis.report.folder import cannot_be_made

__all__ = ["LOCK", "building"]

LOCK: Final = ".archreview.lock"


@contextmanager
def building(folder: str | Path) -> Iterator[None]:
    """Hold the lock of a report's folder.

    The operating system holds it for the program and lets go of it when the program ends, however it ends.

    Raises
    ------
    ReportError
        Another program builds a report there, or there can be no folder.
    """
    folder = Path(folder)
    path = folder / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+")
    except OSError as error:
        raise ReportError(cannot_be_made(folder, error)) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            holder = handle.read().strip() or "(unknown)"
            message = f"process {holder} is building a report in {folder}: nothing was done"
            raise ReportError(message) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
