"""How kernels are compiled, and that their compiled forms are kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any, ParamSpec, TypeVar, cast

from numba import config, njit, types
from numba.core.caching import NullCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature

from analysis._kernels.kept import KeptForms
from analysis._kernels.libraries import KNOWN, own_libraries

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
    # Wrappers for C are for functions that are handed to others.
    options = {"nogil": True, "no_cfunc_wrapper": True, **options}
    compiled: Any
    if KNOWN and not config.DISABLE_JIT:  # type: ignore[attr-defined]
        compiled = _Kernel(function, targetoptions={"nopython": True, "boundscheck": None, **options})
    else:
        compiled = njit(**options)(function)
    compiled._cache = _Kept(compiled)  # noqa: SLF001 - where numba keeps it
    return cast("Callable[_Arguments, _Result]", compiled)


class _Kernel(CPUDispatcher):
    """The compiled forms of a kernel, which get machine code of their own when they are called from Python.

    One that only other kernels call is optimised and written within these: doing both with each by itself, and with
    all that it calls, took half of the time that a first review compiles.
    """

    #: Whether the form that is asked for is called by another kernel.
    _is_part = False
    _compiler: Any
    overloads: Any
    targetctx: Any

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return what types a call by another kernel has; a constant is no type of its own."""
        with global_compiler_lock:
            before = self._is_part, self._compiler
            self._is_part, self._compiler = True, self._part_compiler
            try:
                return super().get_call_template(tuple(map(types.unliteral, args)), kws)
            finally:
                self._is_part, self._compiler = before

    @cached_property
    def _part_compiler(self) -> Any:
        """What compiles a form that Python does not call."""
        own = self._compiler
        options = {**own.targetoptions, "no_cpython_wrapper": True}
        return _FunctionCompiler(own.py_func, own.targetdescr, options, own.locals, own.pipeline_class)

    def compile(self, sig: Any) -> Any:
        """Compile for a signature, unless that is done or on disk."""
        with global_compiler_lock, own_libraries(self.targetctx.codegen()):
            arguments = tuple(normalize_signature(sig)[0])  # type: ignore[no-untyped-call]
            if not self._is_part and arguments in self.overloads and not self.overloads[arguments].library.has_code:
                del self.overloads[arguments]
            return super().compile(sig)

    def add_overload(self, cres: Any) -> None:
        """Make a compiled form known; what has no machine code must not be found by calls from Python."""
        if cres.library.has_code:
            super().add_overload(cres)
        else:
            self.overloads[tuple(cres.signature.args)] = cres


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
