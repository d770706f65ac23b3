"""The commands of the command line: one a file, each with ``run(options) -> exit code``.

What a command is called, says of itself and takes is declared here, so that help needs none of them loaded.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast

from analysis.commands import _options as options

__all__ = ["COMMANDS", "Command", "Declared", "command", "known_errors"]

Add = Callable[[argparse.ArgumentParser], None]


class Command(Protocol):
    """What each module of this package offers."""

    @staticmethod
    def run(options: argparse.Namespace) -> int:
        """Run the command and return the exit code."""


@dataclass(frozen=True)
class Declared:
    """What a command says of itself, and the options that it takes."""

    summary: str
    description: str
    epilog: str
    options: tuple[Add, ...]


COMMANDS: Final[Mapping[str, Declared]] = {
    "inspect": Declared(
        "what was read: format, traces, services, rejects, and how far to trust it",
        "Read exports whole, write nothing, and say what is in them.",
        "example:\n  archreview inspect exports/ --format json | jq .totals",
        (options.sources, options.form("text", "json"), options.out, options.reading),
    ),
    "ingest": Declared(
        "build or extend a dataset, to be reviewed again and again",
        "Read exports into a dataset: Parquet, partitioned by trace. The same content twice, under whatever name, adds "
        "nothing; a run that was killed is completed by the next.",
        "example:\n  archreview ingest monday/ tuesday/ --to dataset",
        (options.sources, options.dataset, options.reading),
    ),
    "findings": Declared(
        "what is wrong with the architecture, worst first",
        "Review sources by every detector.",
        "examples:\n  archreview findings exports/ --family shared_data\n"
        "  archreview findings exports/ --format json --out findings.json --fail-on high",
        (
            options.sources,
            options.form("text", "json", "markdown", "csv"),
            options.out,
            options.fail_on,
            options.choice,
            options.reading,
        ),
    ),
    "graph": Declared(
        "who calls whom, how often, and how long it takes",
        "Write the service graph.",
        "example:\n  archreview graph exports/ --format mermaid",
        (
            options.sources,
            options.form("json", "graphml", "mermaid", "dot", "csv"),
            options.out,
            options.links,
            options.reading,
        ),
    ),
    "critical-path": Declared(
        "which spans a request waited for",
        "Write the critical path of each trace, or of one, and which operations it is made of.",
        "example:\n  archreview critical-path exports/ --trace 0af7651916cd43dd8448eb211c80319c --format text",
        (options.sources, options.form("json", "csv", "text"), options.out, options.path, options.reading),
    ),
    "report": Declared(
        "the whole review as offline HTML, with executed notebooks and findings.json",
        "Review sources once, execute the notebooks on it, and write them as pages that need no network.",
        "example:\n  archreview report exports/ --out review --title 'Shop, week 47'",
        (options.sources, options.report, options.reading),
    ),
    "detectors": Declared(
        "the catalogue of detectors, or one page of it",
        "List the detectors, or show what one finds, how it decides and what it can mistake.",
        "example:\n  archreview detectors n_plus_one_queries",
        (options.name("detector"),),
    ),
    "formats": Declared(
        "the export formats that can be read, or one page of it",
        "List the export formats, or show how to export one and what is read of it.",
        "example:\n  archreview formats otlp-json",
        (options.name("format"),),
    ),
}


def command(name: str) -> Command:
    """Return the module that runs a command."""
    return cast("Command", importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))


def known_errors() -> dict[type[Exception], int]:
    """Return the errors that explain themselves, and the exit code of each."""
    from analysis.config import ConfigurationError  # noqa: PLC0415 - only when something went wrong
    from analysis.sources import UnreadableExport  # noqa: PLC0415

    return {
        UnreadableExport: 1,
        ConfigurationError: 2,
        options.WrongUsage: 2,
        OSError: 1,
        RuntimeError: 1,
    }
