"""How kernels are compiled and where the compiled form is kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit

__all__ = ["kernel", "walker"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def kernel(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a loop at its first call, without the interpreter lock, and keep the compiled form on disk.

    It is kept in ``__pycache__`` beside the source; where that folder cannot be written, in the user's cache folder;
    ``NUMBA_CACHE_DIR`` names another. Where none of them can be written the kernels work all the same but are compiled
    anew by every process.

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
    try:
        return cast("Callable[_Arguments, _Result]", njit(nogil=True, cache=True, **options)(function))
    except RuntimeError as error:
        # The message of numba names the source file only, and the import of the whole package would end here.
        if "no locator available" not in str(error):
            raise
        warnings.warn(
            "compiled kernels cannot be kept: neither the package's folder nor the user's cache folder is writable, so "
            "every process spends some seconds compiling; set NUMBA_CACHE_DIR to a writable folder",
            RuntimeWarning,
            # Said of this line rather than of each kernel, it is shown once.
            stacklevel=1,
        )
        return cast("Callable[_Arguments, _Result]", njit(nogil=True, **options)(function))
