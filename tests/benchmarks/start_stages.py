"""One run of the command line with clocks in it: python -m tests.benchmarks.start_stages FILE findings SOURCE …

FILE then holds the processor time of each stage, without what it calls of another stage, and the modules that were
loaded at the end, in the order in which they were.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

__all__ = ["STAGES", "main"]

_BEGINNING: Final = "Python and the modules of the command"
_REST: Final = "all else"
#: What each stage is called, and the functions that are it, where they are looked up.
STAGES: Final = {
    "reading exports": ("analysis.commands.findings:read",),
    "clocks": ("analysis.review:planting",),
    "gathering facts": ("analysis.review:scan_facts",),
    "facts as DataFrames": ("analysis.facts:to_frame",),
    "traces that findings name": ("analysis.exemplars:collect", "analysis.exemplars:collect_logs"),
    "judging": ("analysis.commands.findings:review",),
    "writing": ("analysis.outputs:write",),
}
#: Happens within the stages, on any thread.
_KERNELS: Final = "within them: loading {} compiled kernels"
_COLLECTIONS: Final = "within them: {} collections of garbage"


class _Clock:
    """Processor time of stages that call one another, of all threads together."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self._open = [_BEGINNING]
        self._since = 0.0

    def _cut(self) -> None:
        now = time.process_time()
        self.taken[self._open[-1]] = self.taken.get(self._open[-1], 0.0) + now - self._since
        self._since = now

    def begin(self, stage: str) -> None:
        """Leave the first stage, or the one before."""
        self._cut()
        self._open = [stage]

    @contextmanager
    def within(self, stage: str) -> Iterator[None]:
        """Count time for a stage, and for the one around it afterwards."""
        self._cut()
        self._open.append(stage)
        try:
            yield
        finally:
            self._cut()
            self._open.pop()

    def end(self) -> None:
        self._cut()


class _Within:
    """Counts something that happens on any thread, and its processor time there."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0
        self._since = 0.0

    def counted(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same function with a clock."""

        def clocked(*arguments: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return work(*arguments, **named)
            finally:
                self.count += 1
                self.seconds += time.thread_time() - began

        return clocked

    def collecting(self, phase: str, _told: dict[str, int]) -> None:
        """Be told of collections of garbage: no two run at a time."""
        if phase == "start":
            self._since = time.thread_time()
        else:
            self.count += 1
            self.seconds += time.thread_time() - self._since


def main(arguments: Sequence[str]) -> int:
    """Run a command, and write down what its stages took."""
    clock, kernels, collections = _Clock(), _Within(), _Within()
    gc.callbacks.append(collections.collecting)
    from analysis import cli

    load = cli._command

    def loaded(name: str) -> Any:
        command = load(name)
        _put_clocks(clock, kernels)
        clock.begin(_REST)
        return command

    cli._command = loaded
    # As a program of its own, which takes its arguments from there.
    sys.argv[1:] = arguments[1:]
    code = cli.main()
    clock.end()
    gc.callbacks.remove(collections.collecting)
    within = ((_KERNELS, kernels), (_COLLECTIONS, collections))
    stages = {**clock.taken, **{name.format(one.count): one.seconds for name, one in within}}
    told = {"stages": stages, "modules": [name for name in sys.modules if name != __name__]}
    Path(arguments[0]).write_text(json.dumps(told), encoding="utf-8")
    return code


def _put_clocks(clock: _Clock, kernels: _Within) -> None:
    from analysis._kernels.kept import KeptForms

    for stage, functions in STAGES.items():
        for function in functions:
            module, _, name = function.partition(":")
            place = importlib.import_module(module)
            setattr(place, name, clock.within(stage)(getattr(place, name)))
    KeptForms.load_overload = kernels.counted(KeptForms.load_overload)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
