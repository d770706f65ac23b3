"""Compiled forms of kernels on disk: where they lie, whether they still hold, and how they come back.

numba keeps each with the module of LLVM that it was made of, and on coming back reads that module and asks it for every
name in it. Only what is compiled later, and calls the kernel, needs the module: here it is read then, and its names lie
beside it. Coming back takes a third of the time so.
"""

from __future__ import annotations

import hashlib
import os.path
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import numba
from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.codegen import JITCodeLibrary

__all__ = ["KeptForms", "digest"]

_PACKAGE: Final = Path(__file__).parent.parent
#: Imports of this package at the top of a file: from which module, and which names.
_IMPORTS: Final = re.compile(
    rf"^from ({_PACKAGE.name}(?:\.\w+)*) import (\([^)]*\)|.*)$|^import ({_PACKAGE.name}(?:\.\w+)*)", re.MULTILINE
)
#: Whether libraries of this numba are put together as here; any other does it in its own way.
_KNOWN: Final = numba.version_info.short == (0, 68)


class _Library(JITCodeLibrary):
    """A compiled form whose module is read when something is compiled that calls it."""

    _bitcode: bytes | None = None

    @classmethod
    def _unserialize(cls, codegen: Any, state: tuple[str, tuple[bytes, bytes], tuple[str, ...]]) -> Any:
        name, (code, bitcode), symbols = state
        library = codegen.create_library(name)
        # As numba does, but that it reads the module, and takes the names from there.
        library._bitcode = bitcode  # noqa: SLF001
        library.enable_object_caching()
        library._set_compiled_object(code)  # noqa: SLF001
        library._finalize_final_module()  # noqa: SLF001
        codegen._engine._defined_symbols.update(symbols)  # noqa: SLF001
        return library

    def _get_module_for_linking(self) -> Any:
        if self._bitcode is not None:
            self._shared_module, self._bitcode = binding.parse_bitcode(self._bitcode), None
        return super()._get_module_for_linking()  # type: ignore[no-untyped-call]


class _Forms(CompileResultCacheImpl):
    """How a compiled form is written and comes back."""

    def reduce(self, cres: Any) -> tuple[Any, ...]:
        """Return what is written."""
        (name, _, contents), *others = super().reduce(cres)  # type: ignore[no-untyped-call]
        module = cres.library._get_module_for_linking()  # noqa: SLF001 - which was just written
        symbols = (one.name for ones in (module.functions, module.global_variables) for one in ones if _here(one))
        return ((name, contents, tuple(symbols)), *others)

    def rebuild(self, target_context: Any, payload: tuple[Any, ...]) -> Any:
        """Return the compiled form of what was written; kernels come back one at a time."""
        codegen = target_context.codegen()
        codegen._library_class = _Library  # noqa: SLF001 - what the next library is, which it has no parameter for
        try:
            return super().rebuild(target_context, payload)  # type: ignore[no-untyped-call]
        finally:
            del codegen._library_class  # noqa: SLF001


def _here(symbol: Any) -> bool:
    return not symbol.is_declaration


class KeptForms(FunctionCache):
    """The compiled forms of one kernel on disk, which hold while no file changes that the kernel's own imports."""

    _impl_class = _Forms if _KNOWN else CompileResultCacheImpl

    def __init__(self, function: Any) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        # numba looks at the kernel's own file alone, and has no other place to say what else a kernel is made of.
        file = self._cache_file
        file._source_stamp = (file._source_stamp, digest(function.__code__.co_filename))  # noqa: SLF001


@cache
def digest(file: str) -> str:
    """Return the digest of a file of this package and of all that it imports from the package, in turn."""
    seen = {file}
    pending = [file]
    while pending:
        for imported in _read(pending.pop())[1]:
            if imported not in seen:
                seen.add(imported)
                pending.append(imported)
    return hashlib.sha256("".join(sorted(_read(one)[0] for one in seen)).encode()).hexdigest()


@cache
def _read(file: str) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a file, and the files of this package that it names; asked for many times, hence kept."""
    content = Path(file).read_bytes()
    found = []
    for statement in _IMPORTS.finditer(content.decode()):
        module = (statement[1] or statement[3]).partition(".")[2].replace(".", "/")
        names = re.findall(r"\w+", statement[2] or "")
        found += [one for path in (module, *(f"{module}/{name}" for name in names)) for one in _files(path)]
    return hashlib.sha256(content).hexdigest(), tuple(dict.fromkeys(found))


@cache
def _files(module: str) -> tuple[str, ...]:
    """Return the files of a module or a package, by its path below this package; none where it is something else."""
    path = f"{_PACKAGE}/{module.strip('/')}"
    # Paths as objects took more time than the disk: there is one for each name that is imported anywhere.
    return tuple(file for file in (f"{path}.py", f"{path}/__init__.py") if os.path.isfile(file))  # noqa: PTH113
