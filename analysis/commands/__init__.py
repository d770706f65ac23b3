"""The commands of the command line: one a file, each with ``run(options) -> exit code``.

What a command is called, says of itself and takes is declared here, so that help needs none of them loaded.
"""

from __future__ import annotations

import argparse
import importlib
import sys
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
        """\
Read exports whole, write nothing, and say what is in them: format, traces,
spans, logs, services, what was refused and why, and how far what they say can
be trusted.""",
        """\
examples:
  archreview inspect traces.json
  archreview inspect exports/ --format json | jq .totals
  kubectl exec collector -- cat /traces.json | archreview inspect -""",
        (options.sources, options.form("text", "json"), options.out, options.reading),
    ),
    "ingest": Declared(
        "build or extend a dataset, to be reviewed again and again",
        """\
Read exports into a dataset: Parquet, partitioned by trace. The same content
twice, under whatever name, adds nothing; a run that was killed is completed by
the next.""",
        """\
examples:
  archreview ingest monday/ --to week
  archreview ingest tuesday/ --to week       adds to it
  archreview findings week                   reviews all of it""",
        (options.sources, options.dataset, options.reading),
    ),
    "findings": Declared(
        "what is wrong with the architecture, worst first",
        """\
Review sources by every detector. Each finding names what it costs, the traces
to look at, how sure it is, and what to do; every detector says whether it found
something, found nothing, or could not tell, and what evidence was missing.""",
        """\
examples:
  archreview findings exports/
  archreview findings exports/ --family shared_data --family chatty
  archreview findings exports/ --detector n_plus_one_queries --format markdown
  archreview findings exports/ --format json --out findings.json --fail-on high
  archreview findings tuesday/ --baseline monday/              what became better and worse
  archreview findings tuesday/ --baseline monday-findings.json
  archreview findings exports/ --baseline last.json --fail-on new-high --also sarif=out.sarif
  archreview findings exports/ --format prometheus --out alerts.yml    alert rules to adopt""",
        (
            options.sources,
            options.form("text", "json", "sarif", "markdown", "csv", "junit", "prometheus", "github", "summary"),
            options.out,
            options.also,
            options.fail_on,
            options.baseline,
            options.choice,
            options.reading,
        ),
    ),
    "graph": Declared(
        "who calls whom, how often, and how long it takes",
        """\
Write the graph of services, databases, caches, queues and what lies outside,
with calls, errors and percentiles of duration.""",
        """\
examples:
  archreview graph exports/ --format mermaid            for a wiki page
  archreview graph exports/ --format dot | dot -Tsvg    with Graphviz
  archreview graph exports/ --links zipkin              as Zipkin counts links
  archreview graph exports/ --grain module              modules inside services
  archreview graph exports/ --grain team --config review.yml""",
        (
            options.sources,
            options.form("json", "graphml", "mermaid", "dot", "csv"),
            options.out,
            options.links,
            options.grain,
            options.reading,
        ),
    ),
    "critical-path": Declared(
        "which spans a request waited for",
        """\
Write the critical path of each trace, or of one, and which operations and
failures it is made of.""",
        """\
examples:
  archreview critical-path exports/ --format text
  archreview critical-path exports/ --format text --trace 0af7651916cd43dd8448eb211c80319c
  archreview critical-path exports/ --strict --format csv --out path.csv""",
        (options.sources, options.form("json", "csv", "text"), options.out, options.path, options.reading),
    ),
    "origins": Declared(
        "where an incident began: services ranked, with the evidence for each",
        """\
Hold every span of an incident against how its operation behaved before, called
the same way: whether it failed, which calls it made, what it logged, how long
it took itself. What is more than chance counts at the deepest span of a request
where it is seen; time lost between two services is given to the end that is
slow altogether. Works from traces alone, and better with logs.""",
        """\
examples:
  archreview origins monday.jsonl --incident 2026-11-23T10:00:00Z..2026-11-23T10:05:00Z
  archreview origins today/ --incident 2026-11-23T10:00Z..2026-11-23T10:05Z --baseline lastweek/
  archreview origins week --incident START..END --baseline START..END --format json""",
        (options.sources, options.incident, options.form("text", "json"), options.out, options.reading),
    ),
    "what-if": Declared(
        "recorded traces replayed with one thing changed: entry operations before and after",
        """\
Replay recorded traces with one thing changed, or several, and tell of each
entry operation p50, p95, calls and failures before and after, with intervals
and what is assumed. Time goes through the recorded tree, so that slack stays
slack; failures go up as callers were seen to survive them. With --against, what
is predicted is held to a recording made after the change, without the drift
between the two: how much longer the same took in the one than in the other.

changes:
  fail=SERVICE[:share]      its calls fail: all, or a share (0.2 or 20%)
  slow=SERVICE:+50ms        its answers take longer; slow=SERVICE:x2 twice as long
  merge=A+B                 calls between them become calls in one process
  batch=detected            runs of calls found by the N+1 detectors become one
                            call; batch=SERVICE only those of a service
  parallel=detected         calls found by serial_calls start together;
                            parallel=SERVICE only those of a service
  timeout=A->B:300ms        A gives calls to B up after that time
  breaker=A->B              a circuit breaker stands before calls from A to B
  retry=A->B:3              failed calls from A to B are made up to 3 times
  owner=TABLE->SERVICE      who reaches the table asks its owner instead
  cut=SERVICE/MODULE        calls between the module and its siblings go over the
                            network""",
        """\
examples:
  archreview what-if exports/ --scenario batch=detected
  archreview what-if exports/ --scenario fail=payments:0.2
  archreview what-if exports/ --scenario merge=cart+pricing --format json
  archreview what-if before/ --scenario batch=detected --against after/     did it come true?
  archreview what-if exports/ --scenario 'timeout=orders->payments:300ms' --scenario 'retry=orders->payments:2'""",
        (options.sources, options.scenarios, options.form("text", "json"), options.out, options.reading),
    ),
    "report": Declared(
        "the whole review as offline HTML, with executed notebooks and findings.json",
        """\
Review sources once, execute the notebooks on it, and write them as pages that
need no network: index.html, a page a chapter, findings.json, and the executed
notebooks.""",
        """\
example:
  archreview report exports/ --out review --title 'Shop, week 47'
  archreview report tuesday/ --out review --baseline monday/     with what became better and worse
  archreview report exports/ --out review --slides --pdf         for the room, and for paper
  archreview report exports/ --out review --history past --keep 8 \\
      --notify https://chat.example.org/hook                     every Monday""",
        (options.sources, options.report, options.values, options.baseline, options.reading),
    ),
    "capture": Declared(
        "run a command, such as a test suite, and keep the telemetry that it sends",
        """\
Run a command with an OTLP receiver on loopback beside it and OTEL_* set so that
an instrumented program sends there; keep what was received as OTLP JSON, and
exit with the command's own code.""",
        """\
examples:
  archreview capture --to traces.jsonl -- pytest
  archreview capture --to traces.jsonl.zst -- opentelemetry-instrument pytest tests/
  archreview capture --to traces.jsonl --protocol grpc -- go test ./...
  archreview findings traces.jsonl --fail-on high""",
        (options.capturing,),
    ),
    "config": Declared(
        "begin, check or show the configuration review.yml",
        """\
init writes a review.yml to begin with, and a JSON Schema by which editors
complete and check it; check says what is wrong, with line and nearest key; show
says what is in force, every default included; schema prints the schema.""",
        """\
examples:
  archreview config init
  archreview config check                      in a pipeline: exit 2 if it is wrong
  archreview config show team/review.yml
  archreview findings exports/ --config review.yml""",
        (options.configuration,),
    ),
    "detectors": Declared(
        "the catalogue of detectors, or one page of it",
        """\
List the detectors, or show what one finds, how it decides, which limits it has
and what it can mistake.""",
        """\
examples:
  archreview detectors
  archreview detectors n_plus_one_queries""",
        (options.name("detector"),),
    ),
    "formats": Declared(
        "the export formats that can be read, or one page of it",
        """\
List the export formats, or show how one is exported and what is read of it.""",
        """\
examples:
  archreview formats
  archreview formats otlp-json""",
        (options.name("format"),),
    ),
}


def command(name: str) -> Command:
    """Return the module that runs a command."""
    return cast("Command", importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))


def known_errors() -> dict[type[Exception], int]:
    """Return the errors that explain themselves, and the exit code of each."""
    from analysis.addresses import StoreError  # noqa: PLC0415 - only when something went wrong
    from analysis.config import ConfigurationError  # noqa: PLC0415 - as above
    from analysis.executors import EngineLost  # noqa: PLC0415 - as above
    from analysis.ingest.locking import BusyDataset  # noqa: PLC0415 - as above
    from analysis.sources import UnreadableExport  # noqa: PLC0415 - as above

    known: dict[type[Exception], int] = {
        UnreadableExport: 1,
        BusyDataset: 1,
        StoreError: 1,
        EngineLost: 1,
        options.NotThere: 1,
        ConfigurationError: 2,
        options.WrongUsage: 2,
        OSError: 1,
    }
    if "analysis.history" in sys.modules:
        from analysis.history import HistoryError  # noqa: PLC0415 - only where a history was opened

        known[HistoryError] = 1
    if "analysis.compare" in sys.modules:
        from analysis.compare import BaselineError  # noqa: PLC0415 - only where something was compared

        known[BaselineError] = 2
    if "analysis.capture" in sys.modules:
        from analysis.capture import CaptureError  # noqa: PLC0415 - only where something was captured

        known[CaptureError] = 1
    if "analysis.report" in sys.modules:
        # Loading nbconvert takes seconds: only where it was loaded can its error have been raised.
        from analysis.report import ReportError  # noqa: PLC0415 - as above

        known[ReportError] = 1
    return known
