"""Machine code of kernels: made once for each kernel that Python calls, with all that it calls inside.

numba makes machine code of every function by itself, the functions that it calls inside, and so on: of a scanner whose
walks call one another seven deep, the innermost loops are optimised and written seven times. Only the outermost is
ever called from Python; of the others the module of LLVM is enough, as it is before it is optimised as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import numba
from llvmlite import binding
from numba.core.codegen import JITCodeLibrary
from numba.core.environment import Environment

__all__ = ["KNOWN", "Library", "Written", "own_libraries"]

#: Whether libraries of this numba are put together as here; any other does it in its own way.
KNOWN: Final = numba.version_info.short == (0, 68)
#: Stands for the compiler of a library without machine code: nothing there asks for Python objects.
_NO_CODE: Final = SimpleNamespace(set_env=lambda _name, _environment: None)


class Written(NamedTuple):
    """What is written of a library: its name, its code, the module, and the names that are in it or only used by it."""

    name: str
    code: bytes
    module: bytes
    defined: tuple[str, ...]
    used: tuple[str, ...]


class Library(JITCodeLibrary):
    """A compiled form, whose machine code is made when it is asked for, and whose module is read when it is called."""

    _codegen: Any
    _written: Written | None = None
    _own: Any = None

    @classmethod
    def _unserialize(cls, codegen: Any, state: Written) -> Any:
        # As numba does, but that it reads the module, and takes the names from there.
        library = codegen.create_library(state.name)
        library._written = state  # noqa: SLF001
        library.enable_object_caching()
        library._set_compiled_object(state.code)  # noqa: SLF001
        library._finalize_final_module()  # noqa: SLF001
        codegen._engine._defined_symbols.update(state.defined)  # noqa: SLF001
        return library

    @property
    def has_code(self) -> bool:
        """Whether machine code was made of this."""
        return bool(self._finalized)

    @property
    def codegen(self) -> Any:
        """What makes code of this; numba asks to tell it where the Python objects lie that the code needs."""
        return self._codegen if self._finalized else _NO_CODE

    def add_linking_library(self, library: Any) -> None:
        """Take note of a library that this one calls."""
        self._linking_libraries.append(library)

    def get_pointer_to_function(self, name: str) -> Any:
        """Return the address of a function in machine code, which is made now; 0 if it is not a function of this."""
        if not self._finalized and not _defines(self._final_module, name):
            return 0
        return super().get_pointer_to_function(name)  # type: ignore[no-untyped-call]

    def finalize(self) -> None:
        """Make machine code of this and of all that it calls."""
        for library in self._called():
            self._reload_init.update(library._reload_init)  # noqa: SLF001
            self._final_module.link_in(_module_of(library), preserve=True)
        self._linking_libraries = []
        super().finalize()  # type: ignore[no-untyped-call]
        for variable in self._final_module.global_variables:
            # Where a function's Python objects lie is told to its own code only; here is that of others.
            environment = Environment._memo.get(variable.name)  # noqa: SLF001
            if environment is not None:
                self.codegen.set_env(variable.name, environment)

    def _called(self) -> list[Any]:
        """Return all libraries that this one calls, and those that they call, each behind all that call it.

        LLVM takes over of a library only what has been called before.
        """
        done: dict[Any, None] = {}

        def visit(library: Any) -> None:
            if library not in done:
                for called in library._linking_libraries if isinstance(library, Library) else ():  # noqa: SLF001
                    visit(called)
                done[library] = None

        visit(self)
        return [*done][-2::-1]

    def _get_module_for_linking(self) -> Any:
        if self._written is not None:
            self._shared_module, self._written = binding.parse_bitcode(self._written.module), None
        return super()._get_module_for_linking()  # type: ignore[no-untyped-call]

    def _own_module(self) -> Any:
        """Return what others take over: with code also what is called, without code only what is its own."""
        if self._finalized:
            return self._get_module_for_linking()
        if self._own is None:
            self._own = self._final_module.clone()
            for function in self._own.functions:
                if not function.is_declaration and function.linkage == binding.Linkage.external:
                    function.linkage = "linkonce_odr"
        return self._own


def _module_of(library: Any) -> Any:
    return library._own_module() if isinstance(library, Library) else library._get_module_for_linking()  # noqa: SLF001


def _defines(module: Any, name: str) -> bool:
    try:
        return not module.get_function(name).is_declaration
    except NameError:
        return False


@contextmanager
def own_libraries(codegen: Any) -> Iterator[None]:
    """Let what is compiled or read meanwhile be libraries as these; only one thread compiles at a time."""
    before = codegen.__dict__.get("_library_class")
    codegen._library_class = Library  # noqa: SLF001 - what the next library is, which it has no parameter for
    try:
        yield
    finally:
        if before is None:
            del codegen._library_class  # noqa: SLF001
