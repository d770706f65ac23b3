"""What the processes that share the tests make once for all of them: folders, and the compiled forms of kernels."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher

#: In a folder that was made to its end.
_COMPLETE = ".complete"


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all processes of this run have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold a file that one process can hold at a time; it is free again when that process ends, in whatever way."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first who asks for it fills; others wait for that, and none may change what is in it.

    Who comes after one that failed to fill it begins anew, and fails for the same reason.
    """
    shared = shared_folder(factory)
    folder = shared / name
    with in_turn(shared / f"{name}.lock"):
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / _COMPLETE).touch()
    return folder


def compile_in_turn(folder: Path) -> None:
    """Let one process compile a kernel, for which all others wait: they find it on disk then.

    Only a kernel that is called holds its file, not those that are compiled for it: whoever holds one waits for none.
    """
    compile_alone, holds = Dispatcher.compile, False

    @functools.wraps(compile_alone)
    def compile_(kernel: Any, signature: Any) -> Any:
        nonlocal holds
        # The compiler's own lock, which it takes first too: threads of this process come one after the other.
        with global_compiler_lock:
            if holds or not kernel.py_func.__module__.startswith("analysis."):
                return compile_alone(kernel, signature)
            holds = True
            try:
                with in_turn(folder / f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__}.lock"):
                    return compile_alone(kernel, signature)
            finally:
                holds = False

    Dispatcher.compile = compile_
