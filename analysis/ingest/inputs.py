"""Which files are meant: names, folders, globs, addresses and standard input become one sorted list.

A folder stands for every file in it, hidden ones left out; links in it are followed once, pipes and devices passed
over. What is named explicitly is always listed, be it a pipe: when it cannot be read, that is said of it.
"""

from __future__ import annotations

import difflib
import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import fsspec

from analysis._masking import masked
from analysis.addresses import asking, of_the_server, reach

__all__ = ["STANDARD_INPUT", "Expansion", "File", "Paths", "as_list", "expand", "is_address"]

#: What a caller may give: one name or several.
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

STANDARD_INPUT: Final = "-"
#: Among so many names of a folder the nearest one is looked for.
_BESIDE: Final = 1000

_PASSED_OVER: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, order=True)
class File:
    """One file to read.

    Attributes
    ----------
    name
        As given, or relative to the folder given.
    location
        What to open: a path, an address or "-".
    named
        Named itself, not found in a folder: then it must be an export.
    problem
        Why it cannot be opened at all; "" where it may be tried.
    """

    name: str
    location: str
    named: bool = True
    problem: str = ""


@dataclass(frozen=True)
class Expansion:
    """The files, sorted by name, and notes about what was passed over."""

    files: tuple[File, ...]
    notes: tuple[str, ...]


def as_list(paths: Paths) -> list[str]:
    """Return the names that were given, one or several, as text."""
    if isinstance(paths, str | os.PathLike):
        return [os.fspath(paths)]
    if not isinstance(paths, Iterable):
        raise TypeError(f"name an export, or a list of them, not {type(paths).__name__}")
    return [os.fspath(path) for path in paths]


def is_address(path: str) -> bool:
    """Whether a name is for fsspec (``s3://…``, ``memory://…``, ``zip://…::…``) and not a local path."""
    return "://" in path


def expand(paths: Paths) -> Expansion:
    """List the files that names stand for.

    Parameters
    ----------
    paths
        A name or several: a file, a folder, a glob (``**`` for any depth), an fsspec address, or ``-``.

    Returns
    -------
    Expansion
        Each file once, sorted by name, whatever the order in which names were given.
    """
    files: set[File] = set()
    notes: set[str] = set()
    for path in as_list(paths):
        if path == STANDARD_INPUT:
            files.add(File(path, path))
        elif is_address(path):
            files.update(_remote(path))
        else:
            files.update(_local(path, notes))
    distinct: dict[tuple[str, str], File] = {}
    # A file both named and found in a folder is one that was named: False sorts before True.
    for file in sorted(files, key=lambda file: (file.name, file.location, not file.named)):
        distinct.setdefault((file.name, file.location), file)
    return Expansion(tuple(distinct.values()), tuple(sorted(notes)))


def _local(path: str, notes: set[str]) -> Iterator[File]:
    if Path(path).is_dir():
        yield from _folder(Path(path), notes)
    elif Path(path).exists():
        yield File(path, path)
    elif Path(path).is_symlink():
        yield File(path, path, problem="the link leads nowhere")
    elif glob.has_magic(path):
        found = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - pathlib's glob takes no absolute patterns
        if not found:
            yield File(path, path, problem="no file matches")
        for match in found:
            if not Path(match).is_dir():
                yield File(match, match)
            elif not path.endswith("**"):
                yield from _folder(Path(match), notes)
    else:
        yield File(path, path, problem=_not_there(path))


def _not_there(path: str) -> str:
    """Say that there is no such file, and which name of those beside it was probably meant."""
    try:
        beside = [found.name for found in islice(Path(path).parent.iterdir(), _BESIDE)]
    except OSError:
        beside = []
    close = difflib.get_close_matches(Path(path).name, beside, 1, 0.8)
    return f"there is no such file; did you mean {close[0]!r}?" if close else "there is no such file"


def _folder(top: Path, notes: set[str]) -> Iterator[File]:
    """Walk a folder, sorted; links after what is really there, and only to what was not met before."""
    met = {os.path.realpath(top)}
    links: list[Path] = []
    yield from _walk(top, top, met, links, notes)
    while links:
        link = links.pop(0)
        target = os.path.realpath(link)
        if target in met:
            continue
        met.add(target)
        if link.is_dir():
            yield from _walk(link, top, met, links, notes)
        else:
            yield from _regular(link, top, notes)


def _walk(folder: Path, top: Path, met: set[str], links: list[Path], notes: set[str]) -> Iterator[File]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        name = folder.relative_to(top).as_posix()
        yield File(name, str(folder), named=False, problem=f"the folder cannot be listed ({error.strerror})")
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            links.append(path)
            continue
        target = os.path.realpath(path)
        # Behind a link that led upwards, what was met already comes again.
        if target in met:
            continue
        met.add(target)
        if entry.is_dir():
            yield from _walk(path, top, met, links, notes)
        else:
            yield from _regular(path, top, notes)


def _regular(path: Path, top: Path, notes: set[str]) -> Iterator[File]:
    name = path.relative_to(top).as_posix()
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield File(name, str(path), named=False, problem=f"it cannot be opened ({error.strerror})")
        return
    kinds = [kind for test, kind in _PASSED_OVER if test(mode)]
    if kinds:
        notes.add(f"passed over {name}: {kinds[0]}")
    else:
        yield File(name, str(path), named=False)


def _remote(path: str) -> Iterator[File]:
    try:
        with asking(path):
            files, root = reach(path)
            if fsspec.core.has_magic(root):
                found = sorted(files.glob(root))
                if not found:
                    yield File(masked(path), path, problem="no file matches")
                for match in found:
                    yield from _below(files, match, files.unstrip_protocol(match))
            else:
                yield from _below(files, root, path)
    except (OSError, ValueError, ImportError) as error:
        # An unknown scheme, a missing driver for it, or a store that refuses: the driver says it best.
        yield File(masked(path), path, problem=f"the address cannot be opened ({masked(str(error))})")


def _below(files: Any, root: str, path: str) -> Iterator[File]:
    try:
        kind = files.info(root)["type"]
    except FileNotFoundError as error:
        if of_the_server(error):
            raise
        yield File(masked(path), path, problem="there is no such file")
        return
    # Over http what lists others is told by its name alone: to look for links, all of it would be fetched.
    if kind == "directory" or (root.endswith("/") and files.isdir(root)):
        for found in sorted(files.find(root)):
            name = found[len(root) :].lstrip("/")
            if not any(part.startswith(".") for part in name.split("/")):
                yield File(name, files.unstrip_protocol(found), named=False)
    else:
        yield File(masked(path), path)
