"""The command ``archreview``: exports in, an architecture review out.

Exit codes: 0 done; 1 nothing could be read, or it failed; 2 wrong usage; 3 a ``--fail-on`` limit was reached.
"""

from __future__ import annotations

import argparse
import gc
import io
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from analysis.commands._collecting import collected_seldom, uncollected
from analysis.commands._options import nearest
from analysis.commands._speaking import deaf, say

if TYPE_CHECKING:
    from analysis.commands import Command

__all__ = ["main"]

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
#: What a shell reports of a program that was interrupted.
INTERRUPTED: Final = 130
_WIDTH: Final = 100
#: Where the explanations of options begin.
_COLUMN: Final = 24

_DESCRIPTION: Final = """\
Architecture reviews from exported traces and logs: chatty calls, shared data,
cascading failures, service boundaries and observability. Reads exports of
Datadog, Grafana (Tempo, Loki), Kibana and Elasticsearch, Jaeger, Zipkin, AWS
X-Ray, ClickHouse and the OpenTelemetry Collector, and log files."""
_EPILOG: Final = """\
A SOURCE is an export file, a folder, a glob, - (standard input) or a dataset
made by `archreview ingest`.

examples:
  archreview inspect traces.json               what is in it, how far to trust it
  archreview findings traces.json              what is wrong, worst first
  archreview findings exports/ --fail-on high  in a pipeline: exit 3 if any is high
  archreview detectors n_plus_one_queries      how a finding is decided
  archreview report exports/ --out review      the whole review as offline HTML

exit codes:
  0  done
  1  nothing could be read, or it failed
  2  wrong usage
  3  a --fail-on limit was reached"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        Without the program's name; those of the process when not given.

    Returns
    -------
    int
        The exit code.
    """
    _never_fail_on_a_letter()
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    finally:
        # Help and version end the program: what they say is to be out before, or nobody hears that it cannot be.
        _flush()
    if options.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    # Whoever calls with arguments of his own decides himself what is collected in his process.
    ours = arguments is None
    try:
        with uncollected() if ours else nullcontext():
            command = _command(options.command)
        if ours:
            collected_seldom()
        return command.run(options)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`): nobody is left to tell.
        deaf(sys.stdout)
        return DONE
    except Exception as error:  # noqa: BLE001 - what explains itself is told in a line, all else is raised again
        return _failed(error)
    finally:
        if ours:
            # Memory goes with the process: ending took half a second longer while all of it was searched for garbage.
            gc.freeze()


def _flush() -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        deaf(sys.stdout)


def _failed(error: Exception) -> int:
    """Say what went wrong; what is not one of our own errors is shown with its way through the program."""
    from analysis.commands import known_errors  # noqa: PLC0415 - starting up stays quick

    for kind, code in known_errors().items():
        if isinstance(error, kind):
            say(_explained(error))
            return code
    raise error


def _explained(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _never_fail_on_a_letter() -> None:
    """Write what a terminal of another character set does not have as an escape, rather than fail on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _command(name: str) -> Command:
    from analysis import commands  # noqa: PLC0415 - a command loads what it needs, when it is run

    return commands.command(name)


class _Parser(argparse.ArgumentParser):
    """Names the nearest choice where one is not known, and takes no abbreviation: a new option would change it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Help, **settings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            kind = action.option_strings[-1].lstrip("-") if action.option_strings else str(action.dest)
            raise argparse.ArgumentError(None, str(nearest(kind, str(value), list(action.choices))))


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of descriptions, and gives commands and options room on one line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=_COLUMN)
        self._width = min(self._width, _WIDTH)


def _parser() -> argparse.ArgumentParser:
    from analysis.commands import COMMANDS  # noqa: PLC0415 - starting up stays quick

    parser = _Parser(prog="archreview", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, declared in COMMANDS.items():
        sub = commands.add_parser(name, help=declared.summary, description=declared.description, epilog=declared.epilog)
        for add in declared.options:
            add(sub)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that reads the installed packages."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - only when it is asked for

        with suppress(BrokenPipeError):
            print(f"archreview {version('archreview')}")
        parser.exit()
