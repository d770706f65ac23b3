"""One writer at a time: a lock beside the manifest of a dataset."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from analysis.ingest.storage import Folder

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows
    fcntl = None  # type: ignore[assignment] # the name stands for "no such locks here"

__all__ = ["LOCK", "BusyDataset", "writing"]

LOCK: Final = ".lock"


class BusyDataset(Exception):  # noqa: N818 - it names what the user meets, as UnreadableExport does
    """Another program is writing to the dataset; the message says which, and what to do."""


@contextmanager
def writing(folder: Folder) -> Iterator[None]:
    """Hold the lock of a dataset.

    On a local disk the operating system holds it for the program and lets go of it when the program ends, however it
    ends: the file of a killed writer is in nobody's way. Behind an address the lock is an object that names its writer;
    it is taken over when that ran on this machine and runs no more.

    Raises
    ------
    BusyDataset
        Another program holds it.
    """
    if folder.local is not None and fcntl is not None:
        handle = _held_file(folder.local / LOCK)
        try:
            yield
        finally:
            # Removed while still held, so that nobody locks a file that is about to vanish and believes in it.
            (folder.local / LOCK).unlink(missing_ok=True)
            handle.close()
        return
    _claim(folder)
    try:
        yield
    finally:
        folder.remove(LOCK)


def _held_file(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = path.open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            holder = _holder(handle.read())
            handle.close()
            raise BusyDataset(_busy(str(path), holder)) from error
        # The file may have been removed by its holder between opening and locking it: then this one locks nothing.
        if path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat()):
            handle.truncate(0)
            handle.write(_signature())
            handle.flush()
            return handle
        handle.close()


def _claim(folder: Folder) -> None:
    content = folder.read(LOCK)
    if content is not None:
        holder = _holder(content.decode(errors="replace"))
        if not _gone(holder):
            raise BusyDataset(_busy(folder.address(LOCK), holder))
    signature = _signature().encode()
    folder.write(LOCK, signature)
    if folder.read(LOCK) != signature:
        raise BusyDataset(_busy(folder.address(LOCK), {}))


def _signature() -> str:
    return json.dumps({"process": os.getpid(), "machine": socket.gethostname()})


def _holder(text: str) -> dict[str, Any]:
    try:
        holder = json.loads(text)
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _gone(holder: dict[str, Any]) -> bool:
    process = holder.get("process")
    if holder.get("machine") != socket.gethostname() or not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _busy(lock: str, holder: dict[str, Any]) -> str:
    who = f"process {holder['process']} on {holder.get('machine')}" if "process" in holder else "another program"
    return f"{who} is writing to this dataset: wait until it is done; if it runs no more, remove {lock}"
