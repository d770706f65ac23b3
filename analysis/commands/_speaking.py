"""How commands speak: results to standard output or a file, notes to standard error."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Final, TextIO

from analysis._masking import NOTHING_HIDDEN, Hidden
from analysis._wording import plain

__all__ = ["deaf", "expect", "give", "hide", "say"]

_LONGEST_NOTE: Final = 4000
#: What the configuration of the command hides in names, the last one given.
_HIDDEN: list[Hidden] = [NOTHING_HIDDEN]


def hide(hidden: Hidden) -> None:
    """Take something out of whatever is said from now on."""
    _HIDDEN[-1] = hidden


def say(note: str) -> None:
    """Say something on standard error, on one line: it may hold names from telemetry.

    Where standard error is closed nobody is told: what `print` does then would put it among the results.
    """
    if sys.stderr is None:
        return
    print(f"archreview: {plain(_HIDDEN[-1](note), _LONGEST_NOTE)}", file=sys.stderr)


def expect(out: str | None) -> None:
    """See that a result can be written to a file, before time goes into finding it.

    Raises
    ------
    OSError
        It is a folder, something on the way to it is none, or nothing may be written there.
    """
    if out is None:
        return
    path = Path(out)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a folder: name a file in it", out)
    if path.exists() and not path.is_file():
        return
    there = next(parent for parent in path.parents if parent.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{out} cannot be written, as this is no folder", str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"{out} cannot be written, as nothing may be written here", str(there))


def give(text: str, out: str | None = None) -> None:
    """Write a result to a file, whole or not at all, or to standard output; a folder that is missing is made.

    A reader of standard output who has left (``| head``) is no error: the exit code stays what was found.

    Parameters
    ----------
    text
        What to write.
    out
        The file; standard output when not given.
    """
    if out is not None:
        path = Path(out)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            # A pipe or a device takes what is written, and cannot be exchanged.
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        unfinished = path.with_name(f".unfinished-{path.name}")
        try:
            unfinished.write_text(text, encoding="utf-8", newline="\n")
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        return
    if sys.stdout is None:
        raise OSError(errno.EBADF, "standard output is closed: name a file with --out")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        deaf(sys.stdout)


def deaf(stream: TextIO) -> None:
    """Send what is still held back for a reader who has gone nowhere, so that ending does not fail on it."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - the null device is no path of the file system
        os.dup2(nowhere.fileno(), stream.fileno())
