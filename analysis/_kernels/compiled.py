"""How kernels are compiled and where the compiled form is kept."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

from numba import njit
from numba.core.caching import NullCache

__all__ = ["kernel", "walker"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_PACKAGE: Final = Path(__file__).parent.parent
#: Imports of this package at the top of a file: from which module, and which names.
_IMPORTS: Final = re.compile(
    rf"^from ({_PACKAGE.name}(?:\.\w+)*) import (\([^)]*\)|.*)$|^import ({_PACKAGE.name}(?:\.\w+)*)", re.MULTILINE
)


def kernel(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a loop at its first call, without the interpreter lock, and keep the compiled form on disk.

    It is kept in ``__pycache__`` beside the source; where that folder cannot be written, in the user's cache folder;
    ``NUMBA_CACHE_DIR`` names another. Where none of them can be written the kernels work all the same but are compiled
    anew by every process. It is compiled again when the file of the kernel changes, or any file that this one imports,
    and so on: their constants and kernels are part of the compiled form.

    Warns
    -----
    RuntimeWarning
        If no folder for the compiled form can be written.
    """
    return _compiled(function, {})


def walker(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile as :func:`kernel` does, for functions that call one another for each piece of a text and make no array.

    Handing an array on counts no reference then, which took a third of the time.
    """
    return _compiled(function, {"_nrt": False})


def _compiled(function: Callable[_Arguments, _Result], options: dict[str, Any]) -> Callable[_Arguments, _Result]:
    compiled: Any = njit(nogil=True, **options)(function)
    compiled._cache = _Kept(compiled)  # noqa: SLF001 - where numba keeps it
    return cast("Callable[_Arguments, _Result]", compiled)


class _Kept:
    """Stands for the compiled forms of a kernel on disk, until one is looked for.

    numba looks for their folder, writes a file there to see whether it can, and reads the source, when a kernel is
    declared. Most kernels that are declared are not called, or only by others, whose compiled form holds them.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found(), name)

    def _found(self) -> Any:
        """Put the compiled forms on disk in place of this."""
        kernel = self._kernel
        try:
            kernel.enable_caching()
        except RuntimeError as error:
            # The message of numba names the source file only, and the work would end here.
            if "no locator available" not in str(error):
                raise
            warnings.warn(
                "compiled kernels cannot be kept: neither the package's folder nor the user's cache folder is "
                "writable, so every process spends some seconds compiling; set NUMBA_CACHE_DIR to a writable folder",
                RuntimeWarning,
                # Said of this line rather than of each kernel, it is shown once.
                stacklevel=1,
            )
            nothing = kernel._cache = NullCache()  # noqa: SLF001 - as above
            return nothing
        found = kernel._cache  # noqa: SLF001
        # numba looks at the kernel's own file alone, and has no other place to say what else a kernel is made of.
        file = found._cache_file  # noqa: SLF001
        file._source_stamp = (file._source_stamp, digest(Path(kernel.py_func.__code__.co_filename)))  # noqa: SLF001
        return found


@cache
def digest(file: Path) -> str:
    """Return the digest of a file of this package and of all that it imports from the package, in turn."""
    seen = {file}
    pending = [file]
    while pending:
        for imported in _imports(pending.pop()):
            if imported not in seen:
                seen.add(imported)
                pending.append(imported)
    return hashlib.sha256("".join(sorted(map(_digest_of_one, seen))).encode()).hexdigest()


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    """Return the files of this package that one names; asked for each kernel's file, hence kept."""
    found = []
    for statement in _IMPORTS.finditer(file.read_text(encoding="utf-8")):
        module = (statement[1] or statement[3]).partition(".")[2].replace(".", "/")
        names = re.findall(r"\w+", statement[2] or "")
        found += [one for path in (module, *(f"{module}/{name}" for name in names)) for one in _files(path)]
    return tuple(dict.fromkeys(found))


@cache
def _files(module: str) -> tuple[Path, ...]:
    """Return the files of a module or a package, by its path below this package; none where it is something else."""
    path = _PACKAGE / module.strip("/")
    return tuple(file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())


@cache
def _digest_of_one(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
