"""Compiled forms of kernels on disk: where they lie, whether they still hold, and how they come back.

numba keeps each with the module of LLVM that it was made of, and on coming back makes ready to compile, reads that
module and asks it for every name in it. Only what is compiled later, and calls the kernel, needs any of this: here the
module is read then, and its names lie beside it. Coming back takes a fourth of the time so.
"""

from __future__ import annotations

import hashlib
import os.path
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]

from analysis._kernels.libraries import KNOWN, Written, own_libraries

__all__ = ["KeptForms", "digest"]

_PACKAGE: Final = Path(__file__).parent.parent
#: Imports of this package at the top of a file: from which module, and which names.
_IMPORTS: Final = re.compile(
    rf"^from ({_PACKAGE.name}(?:\.\w+)*) import (\([^)]*\)|.*)$|^import ({_PACKAGE.name}(?:\.\w+)*)", re.MULTILINE
)


class _Forms(CompileResultCacheImpl):
    """How a compiled form is written and comes back."""

    def reduce(self, cres: Any) -> tuple[Any, ...]:
        """Return what is written."""
        (name, _, (code, bitcode)), *others = super().reduce(cres)  # type: ignore[no-untyped-call]
        module = cres.library._get_module_for_linking()  # noqa: SLF001 - which was just written
        names: dict[bool, list[str]] = {False: [], True: []}
        for symbol in (*module.functions, *module.global_variables):
            names[symbol.is_declaration].append(symbol.name)
        used = (name for name in names[True] if not name.startswith("llvm."))
        return (Written(name, code, bitcode, tuple(names[False]), tuple(used)), *others)

    def rebuild(self, target_context: Any, payload: tuple[Any, ...]) -> Any:
        """Return the compiled form of what was written; kernels come back one at a time."""
        if not all(map(_is_there, payload[0].used)):
            # What makes ready to compile makes it known.
            target_context.refresh()
        with own_libraries(target_context.codegen()):
            return super().rebuild(target_context, payload)  # type: ignore[no-untyped-call]


@cache
def _is_there(name: str) -> bool:
    """Whether code from disk finds a function or an object by its name."""
    _make_memory_known()
    return binding.address_of_symbol(name) is not None


@cache
def _make_memory_known() -> None:
    """Make known what code calls for arrays that it makes or hands on, as numba does before it compiles."""
    for name, address in _nrt_python.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


class KeptForms(FunctionCache):
    """The compiled forms of one kernel on disk, which hold while no file changes that the kernel's own imports."""

    _impl_class = _Forms if KNOWN else CompileResultCacheImpl

    def __init__(self, function: Any) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        # numba looks at the kernel's own file alone, and has no other place to say what else a kernel is made of.
        file = self._cache_file
        file._source_stamp = (file._source_stamp, digest(function.__code__.co_filename))  # noqa: SLF001

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled form for a signature; None where there is none."""
        if not KNOWN:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        # Without making ready to compile.
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the compiled form for a signature; what has no machine code is within that of others."""
        if not KNOWN or data.library.has_code:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


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
