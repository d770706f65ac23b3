"""What is fuzzed: reading exports of every format, the configuration, and findings to compare with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import analysis as an
from analysis import config
from analysis.compare import BaselineError, open_baseline
from analysis.config import ConfigurationError
from analysis.sources import UnreadableExport
from tests.fuzz import vendors

__all__ = ["CORPUS", "SEEDS", "TARGETS", "seeds_of"]

CORPUS = Path(__file__).parent / "corpus"
SEEDS = Path(__file__).parent / "seeds"
#: No reading of a mutant takes more of a processor: a clock on the wall would blame a mutant for a busy machine.
SLOWEST_SECONDS = 60.0


def read_export(path: Path) -> None:
    """Open an export and look at all of it."""
    try:
        data = an.open_export(path)
    except UnreadableExport:
        return
    _look(data)


def read_rows(path: Path) -> None:
    """Open rows that a mapping explains, and look at all of them."""
    try:
        data = an.open_export(path, mapping=vendors.MAPPING)
    except UnreadableExport:
        return
    _look(data)


def _look(data: an.Dataset) -> None:
    data.spans()
    data.logs()


def read_configuration(path: Path) -> None:
    """Load a configuration."""
    try:
        config.effective(config.load(path))
    except ConfigurationError as error:
        if not error.problems or any(len(problem.splitlines()) != 1 for problem in error.problems):
            message = f"an error must be told in lines: {error.problems}"
            raise AssertionError(message) from error


def read_findings(path: Path) -> None:
    """Open findings to compare with."""

    def made(source: str):
        raise UnreadableExport(source, "not findings", "")

    try:
        open_baseline(path, made)
    except (BaselineError, UnreadableExport):
        return


TARGETS: Mapping[str, Callable[[Path], None]] = {
    "exports": read_export,
    "vendors": read_export,
    "rows": read_rows,
    "configuration": read_configuration,
    "findings": read_findings,
}
#: Inputs to begin with that are no files.
_MADE: Mapping[str, Callable[[], list[bytes]]] = {
    "vendors": lambda: [*(one for contents in vendors.by_format().values() for one in contents), *vendors.recorded()],
    "rows": vendors.mapped_rows,
}


def seeds_of(target: str) -> list[bytes]:
    """Return the inputs to begin with: the seeds, and what was kept because it once broke something."""
    folders = (SEEDS / target, CORPUS / target)
    kept = [path.read_bytes() for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return [*kept, *_MADE[target]()] if target in _MADE else kept


warnings.simplefilter("error")
