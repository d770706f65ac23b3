"""The command ``archreview``: exports in, an architecture review out.

Exit codes: 0 done; 1 nothing could be read, or it failed; 2 wrong usage; 3 a ``--fail-on`` limit was reached.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analysis.commands import Command

__all__ = ["main"]

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130

_DESCRIPTION: Final = """\
Architecture reviews from exported traces and logs: chatty calls, shared data, cascading failures, service
boundaries and observability. Reads exports of the OpenTelemetry Collector, Grafana Tempo, Jaeger and Zipkin."""
_EPILOG: Final = """\
A SOURCE is an export file, a folder, a glob, - (standard input) or a dataset made by `archreview ingest`.

examples:
  archreview inspect traces.json                     what is in it, and how far it can be trusted
  archreview findings traces.json                    what is wrong, worst first
  archreview report exports/ --out review            the whole review as offline HTML
  archreview findings exports/ --fail-on high        in a pipeline: exit 3 where there is a high finding

exit codes: 0 done, 1 nothing could be read or it failed, 2 wrong usage, 3 a --fail-on limit was reached"""


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
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return WRONG_USAGE
    try:
        code: int = _command(options.command).run(options)
    except KeyboardInterrupt:
        print("archreview: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`): nobody is left to tell.
        sys.stderr.close()
        return DONE
    except Exception as error:  # noqa: BLE001 - what explains itself is told in a line, all else is raised again
        return _failed(error)
    return code


def _failed(error: Exception) -> int:
    """Say what went wrong; what is not one of our own errors is shown with its way through the program."""
    from analysis.commands import known_errors  # noqa: PLC0415 - starting up stays quick

    for kind, code in known_errors().items():
        if isinstance(error, kind):
            print(f"archreview: {error}", file=sys.stderr)
            return code
    raise error


def _command(name: str) -> Command:
    from analysis import commands  # noqa: PLC0415 - a command loads what it needs, when it is run

    return commands.command(name)


def _parser() -> argparse.ArgumentParser:
    from analysis.commands import COMMANDS  # noqa: PLC0415 - starting up stays quick

    parser = argparse.ArgumentParser(
        prog="archreview",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, declared in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=declared.summary,
            description=declared.description,
            epilog=declared.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for add in declared.options:
            add(sub)
    return parser


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - starting up stays quick

    return f"archreview {version('archreview')}"
