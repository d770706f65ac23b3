"""The options that commands share."""

from __future__ import annotations

import argparse
import difflib
import importlib.util
from collections.abc import Callable, Collection
from typing import Final

__all__ = [
    "SEVERITIES",
    "NotThere",
    "WrongUsage",
    "address",
    "also",
    "baseline",
    "capturing",
    "choice",
    "configuration",
    "dataset",
    "fail_on",
    "form",
    "grain",
    "incident",
    "kept",
    "links",
    "name",
    "nearest",
    "out",
    "path",
    "reading",
    "report",
    "scenarios",
    "sources",
    "values",
]

SEVERITIES: Final = ("info", "low", "medium", "high")
_LARGEST_PORT: Final = 65_535
_ENGINES: Final = ("threads", "processes")
_FAMILIES: Final = ("chatty", "shared_data", "cascades", "boundaries", "observability")

Add = Callable[[argparse.ArgumentParser], None]


class WrongUsage(Exception):  # noqa: N818 - it is said to a person, not raised at one
    """An option has a value that it cannot have; the message names the nearest that it can."""


class NotThere(Exception):  # noqa: N818 - as above
    """What was asked for is not in the sources."""


def nearest(kind: str, given: str, known: Collection[str]) -> WrongUsage:
    """Return the error for a name that is not known."""
    close = difflib.get_close_matches(given.lower().replace("-", "_"), known, 1, 0.4)
    close = close or difflib.get_close_matches(given.lower(), known, 1, 0.4)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return WrongUsage(f"unknown {kind} {given[:80]!r}; {hint}It is one of {', '.join(known)}")


def sources(parser: argparse.ArgumentParser) -> None:
    """Take what is to be read."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="export file, folder, glob, - or dataset")


def form(*known: str) -> Add:
    """Take the output format; the first is the default."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--format", choices=known, default=known[0], help=f"output format (default: {known[0]})")

    return add


def out(parser: argparse.ArgumentParser) -> None:
    """Take where to write."""
    parser.add_argument("--out", metavar="FILE", help="write to FILE instead of standard output")


def dataset(parser: argparse.ArgumentParser) -> None:
    """Take where the dataset is."""
    parser.add_argument("--to", required=True, metavar="DATASET", help="folder or fsspec URL of the dataset")
    parser.add_argument(
        "--redact-dataset", action="store_true", help="keep no values: statements, addresses, messages become templates"
    )


def fail_on(parser: argparse.ArgumentParser) -> None:
    """Take the severity that fails a pipeline."""
    parser.add_argument(
        "--fail-on",
        action="append",
        choices=(*SEVERITIES, *(f"new-{severity}" for severity in SEVERITIES)),
        metavar="SEVERITY",
        help="exit with 3 where a finding has this severity (info, low, medium, high) or a higher one, unless it is "
        "acknowledged; new-high and the like: only findings that --baseline does not have (can be repeated)",
    )


def also(parser: argparse.ArgumentParser) -> None:
    """Take further formats and where they go."""
    parser.add_argument(
        "--also",
        action="append",
        metavar="FORMAT=FILE",
        help="write this format too, from the same review (can be repeated)",
    )


def baseline(parser: argparse.ArgumentParser) -> None:
    """Take what to compare with."""
    parser.add_argument(
        "--baseline",
        metavar="BEFORE",
        help="compare with an earlier review: a findings.json, the folder of a report, exports or a dataset",
    )


def values(parser: argparse.ArgumentParser) -> None:
    """Take whether values of users may be shown."""
    parser.add_argument(
        "--show-values",
        action="store_true",
        help="show values of users (statements, addresses, messages) of the traces that findings name, and say so",
    )


def choice(parser: argparse.ArgumentParser) -> None:
    """Take which detectors to run."""
    parser.add_argument("--family", action="append", choices=_FAMILIES, help="only this family (can be repeated)")
    parser.add_argument("--detector", action="append", metavar="NAME", help="only this detector (can be repeated)")


def port(text: str) -> int:
    """Check a port; 0 is any free one."""
    if not text.isdecimal() or int(text) > _LARGEST_PORT:
        message = f"a port is a number up to {_LARGEST_PORT}, not {text[:20]!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def capturing(parser: argparse.ArgumentParser) -> None:
    """Take what to run and where its telemetry goes."""
    parser.add_argument("--to", required=True, metavar="FILE", help="file to write; .gz and .zst are compressed")
    parser.add_argument("--protocol", choices=("http", "grpc"), default="http", help="OTLP over HTTP (default) or gRPC")
    parser.add_argument("--port", type=port, default=0, metavar="N", help="port on loopback (default: any free one)")
    parser.add_argument("--quiet", action="store_true", help="no notes on standard error")
    parser.add_argument("run", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")


def configuration(parser: argparse.ArgumentParser) -> None:
    """Take what to do with which configuration."""
    parser.add_argument("action", choices=("init", "check", "show", "schema"), metavar="init|check|show|schema")
    parser.add_argument("file", nargs="?", default="review.yml", metavar="FILE", help="default: review.yml")
    parser.add_argument(
        "--ci",
        choices=("github", "gitlab"),
        help="with init: write an action or a template for pipelines too",
    )


def links(parser: argparse.ArgumentParser) -> None:
    """Take what counts as a link."""
    parser.add_argument(
        "--links",
        choices=("architecture", "zipkin", "tempo"),
        default="architecture",
        help="what counts as a link: through internal spans, with stores and brokers (architecture); as Zipkin's "
        "dependency linker; as Tempo's service graphs",
    )


def grain(parser: argparse.ArgumentParser) -> None:
    """Take what a node of the graph is."""
    parser.add_argument(
        "--grain",
        choices=("service", "operation", "module", "team"),
        default="service",
        help="what a node is: a service (default), an operation of one, a module inside one, or the services of a "
        "team (which needs a catalogue in the configuration)",
    )


def engine(text: str) -> str:
    """Check the name of an engine, before anything is read."""
    kind, _, workers = text.partition("=")
    if text in _ENGINES or (kind in _ENGINES and workers.isdecimal() and text == f"{kind}={max(1, int(workers))}"):
        return text
    if not text.startswith("dask="):
        raise argparse.ArgumentTypeError(str(nearest("engine", text, (*_ENGINES, "dask=tcp://host:port"))))
    if importlib.util.find_spec("distributed") is None:
        message = "dask needs the extra 'cluster': pip install 'archreview[cluster]'"
        raise argparse.ArgumentTypeError(message)
    return text


def path(parser: argparse.ArgumentParser) -> None:
    """Take how the critical path is found."""
    parser.add_argument("--strict", action="store_true", help="no overlap between siblings, as in Jaeger's UI")
    parser.add_argument("--trace", metavar="ID", help="only this trace")


def scenarios(parser: argparse.ArgumentParser) -> None:
    """Take what is changed."""
    parser.add_argument(
        "--scenario",
        required=True,
        action="append",
        metavar="CHANGE",
        help="what is changed, such as batch=detected or slow=SERVICE:+50ms; several are changed at once",
    )
    parser.add_argument(
        "--against",
        metavar="AFTER",
        help="hold what is predicted to exports or a dataset recorded after the change, less the drift between the two",
    )


def incident(parser: argparse.ArgumentParser) -> None:
    """Take when the incident was, and what it is held against."""
    parser.add_argument(
        "--incident",
        required=True,
        metavar="START..END",
        help="when it was: ISO 8601 in UTC (2026-11-23T10:00:00Z..2026-11-23T10:05:00Z)",
    )
    parser.add_argument(
        "--baseline",
        metavar="START..END|SOURCE",
        help="what it is held against: a window of the same sources, or another source (default: all before it)",
    )


def kept(text: str) -> int:
    """Check how many earlier reports are to be kept."""
    if text.isdecimal() and len(text) < 7:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of reports: use 0, 1, 2 …")


def address(text: str) -> str:
    """Check where a summary is to be sent, before anything is read."""
    from analysis.report.notify import check_address  # noqa: PLC0415 - loads what only a report needs

    try:
        return check_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def report(parser: argparse.ArgumentParser) -> None:
    """Take where the report goes and what it is called."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the report")
    parser.add_argument("--title", default="Architecture review", help="heading of the report")
    parser.add_argument(
        "--history",
        metavar="DIR",
        help="add this review to those in DIR, and show the trend and ages of findings",
    )
    parser.add_argument(
        "--keep", type=kept, default=0, metavar="N", help="keep the N last earlier reports under DIR/earlier"
    )
    parser.add_argument(
        "--notify",
        type=address,
        metavar="URL",
        help="send a summary, or why there is none: https://… (a webhook) or smtp://host/to?from=…",
    )
    group = parser.add_argument_group("forms, beside the folder of pages")
    group.add_argument("--single-file", action="store_true", help="report.html: all pages in one file, to be sent")
    group.add_argument("--slides", action="store_true", help="slides.html: one finding a slide, with speaker's notes")
    group.add_argument("--pdf", action="store_true", help="report.pdf (A4) and slides.pdf (16:9); needs Chromium")
    group.add_argument("--pictures", action="store_true", help="figures/: each figure as SVG and PNG; needs Chromium")
    group.add_argument("--markdown", action="store_true", help="review.md, for a wiki")


def name(kind: str) -> Add:
    """Take the name of one entry of a catalogue."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help=f"show the page of this {kind}")

    return add


def reading(parser: argparse.ArgumentParser) -> None:
    """Take how exports are read and reviewed."""
    group = parser.add_argument_group("reading and reviewing")
    group.add_argument("--quiet", action="store_true", help="no progress and no notes on standard error")
    group.add_argument(
        "--strict-input", action="store_true", help="exit with 1 where a record was refused or an export not read"
    )
    group.add_argument(
        "--skew",
        choices=("hosts", "jaeger", "off"),
        default="hosts",
        help="how clocks are corrected: one offset a pair of hosts, span by span as Jaeger does, or not at all",
    )
    group.add_argument(
        "--map",
        metavar="FILE",
        help="columns.yml: which columns of CSV, JSON lines or Parquet are the trace id, the service …",
    )
    group.add_argument("--config", metavar="FILE", help="the configuration review.yml")
    group.add_argument(
        "--engine",
        type=engine,
        default="threads",
        metavar="ENGINE",
        help="where work runs: threads (default), processes, or a number of them (threads=4), or dask=tcp://host:port",
    )
