"""How kernels are compiled, and that their compiled forms are kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit
from numba.core.caching import NullCache

from analysis._kernels.kept import KeptForms

__all__ = ["kernel", "walker"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def kernel(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a loop at its first call, without the interpreter lock, and keep the compiled form on disk.

    It is kept in ``__pycache__`` beside the source; where that folder cannot be written, in the user's cache folder;
    ``NUMBA_CACHE_DIR`` names another. Where none of them can be written the kernels work all the same but are compiled
    anew by every process. It is compiled again when the file of the kernel changes, or any file that this one imports,
    and so on: their constants and kernels are part of the compiled form.

    Warns
    -----
    RuntimeWarning
        When a kernel is called, if no folder for its compiled form can be written.
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
        kept: Any
        try:
            kept = KeptForms(self._kernel.py_func)
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
            kept = NullCache()
        self._kernel._cache = kept  # noqa: SLF001 - as above
        return kept
