"""Everything together: from a dataset to one frozen review, which can be saved, opened again and displayed.

A review is computed once. Notebooks, the report and the command line open what was saved: facts as Parquet, findings as
JSON.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from analysis import config as configuration
from analysis import detectors, exemplars, facts, log_evidence, trust
from analysis._progress import told_in_notebooks
from analysis._wording import counted
from analysis.adjusting import adjusted
from analysis.catalogue import Catalogue
from analysis.dataset import Dataset
from analysis.detectors import NO_ROLES, Evidence, Roles
from analysis.engine import Progress, scan_facts
from analysis.executors import Engine, open_executor
from analysis.findings import Assessment, Finding, rank
from analysis.planting import planting
from analysis.review_files import frames_of, json_text, save
from analysis.scorecard import scorecard, team_scorecard
from analysis.trust import Trust

__all__ = ["SCHEMA", "Review", "review"]

SCHEMA: Final = "archreview/findings/1"


@dataclass(frozen=True, eq=False)
class Review:
    """What was found in one set of exports.

    Attributes
    ----------
    tables
        The merged facts as Arrow tables, by name.
    assessments_made
        What each detector said, in the order of the catalogue.
    trust_report
        How far all of it can be trusted.
    inputs
        One entry for each export, sorted by name: path (without the folders of the machine where an absolute one was
        given), format, traces, spans, logs, rejected, and what else ``archreview inspect`` tells.
    totals
        The same, together.
    exemplar_spans
        Spans of the traces that findings name, corrected for clock skew and without values
        (:mod:`analysis.exemplars`).
    catalogue
        Which team, domain and system each service belongs to; empty where none was given.
    exemplar_logs
        Log records of those traces, each message as its template.
    shows_values
        Whether the spans of those traces hold values of users, because the configuration asked for that.
    roles
        Which part services and operations play, as configured.
    """

    tables: Mapping[str, pa.Table] = field(repr=False)
    assessments_made: tuple[Assessment, ...] = field(repr=False)
    trust_report: Trust = field(repr=False)
    inputs: tuple[Mapping[str, Any], ...]
    totals: Mapping[str, Any]
    exemplar_spans: pa.Table = field(repr=False)
    catalogue: Catalogue = field(default_factory=Catalogue, repr=False)
    exemplar_logs: pa.Table = field(default_factory=exemplars.no_logs, repr=False)
    shows_values: bool = False
    roles: Roles = NO_ROLES

    @cached_property
    def traces(self) -> Dataset:
        """The traces that findings name, to be looked at: ``figures.waterfall(result.traces, trace_id)``."""
        return exemplars.as_dataset(self.exemplar_spans, self.exemplar_logs, shows_values=self.shows_values)

    @cached_property
    def facts(self) -> Mapping[str, pd.DataFrame]:
        """The merged facts as DataFrames, by name; their columns are described by each fact's ``FIELDS``.

        Raises
        ------
        OldReview
            Another version saved the review, with facts that have other columns: its findings can be read, its facts
            cannot, because a column that nobody counted is not zero.
        """
        return frames_of(self.tables)

    @cached_property
    def finding_objects(self) -> tuple[Finding, ...]:
        """The findings, worst first."""
        return tuple(rank([finding for item in self.assessments_made for finding in item.findings]))

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The findings as a DataFrame, a row each, worst first: the members of the findings JSON as columns."""
        rows = [finding.to_json() for finding in self.finding_objects]
        columns = list(Finding("", "", "info", 0.0, "", "", (), {}).to_json())
        frame = pd.DataFrame(rows, columns=columns)
        for name in ("services", "exemplars", "considered"):
            frame[name] = frame[name].map(tuple)
        return frame

    @cached_property
    def assessments(self) -> pd.DataFrame:
        """Every detector's answer: detector, family, outcome, missing, suppressed, findings (count)."""
        columns = ["detector", "family", "outcome", "missing", "suppressed", "findings"]
        return pd.DataFrame([item.to_json() for item in self.assessments_made], columns=columns)

    @cached_property
    def scorecard(self) -> pd.DataFrame:
        """Five marks for each service, with the findings behind them (:func:`analysis.scorecard.scorecard`)."""
        return scorecard(self.services, self.assessments_made, self.catalogue.teams)

    @cached_property
    def team_scorecard(self) -> pd.DataFrame:
        """Five marks for each team of the catalogue (:func:`analysis.scorecard.team_scorecard`)."""
        return team_scorecard(self.scorecard, self.finding_objects)

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """What the spans of each service say (:func:`analysis.trust.coverage_by_service`)."""
        return trust.coverage_by_service(self.facts)

    @cached_property
    def dependencies(self) -> tuple[tuple[str, str, str], ...]:
        """Caller, callee and kind (sync, async, data) of every edge between different nodes but users, sorted."""
        calls = self.facts["calls"]
        calls = calls[(calls["caller"] != calls["callee"]) & (calls["caller_kind"] != "user")]
        rows = zip(calls["caller"], calls["callee"], calls["kind"], strict=True)
        return tuple(sorted({(str(caller), str(callee), str(kind)) for caller, callee, kind in rows}))

    @cached_property
    def logs(self) -> pd.DataFrame:
        """What the log records of each service are like (:func:`analysis.log_evidence.logs_by_service`)."""
        return log_evidence.logs_by_service(self.facts)

    @cached_property
    def log_patterns(self) -> pd.DataFrame:
        """What the services log, most frequent first (:func:`analysis.log_evidence.patterns`)."""
        return log_evidence.patterns(self.facts)

    @property
    def trust(self) -> Mapping[str, Any]:
        """The trust report as the findings JSON holds it."""
        return self.trust_report.to_json()

    @property
    def services(self) -> tuple[str, ...]:
        """Services seen, sorted."""
        return tuple(self.totals.get("services", ()))

    def of_family(self, family: str) -> tuple[Finding, ...]:
        """Return the findings of one chapter, worst first."""
        return tuple(finding for finding in self.finding_objects if finding.family == family)

    def finding(self, detector: str, **subject: Any) -> Finding:
        """Return the worst finding of a detector, or the worst whose subject has the members given.

        Raises
        ------
        KeyError
            If there is none; the message says what the detector answered.
        """
        for finding in self.finding_objects:
            if finding.detector == detector and all(
                finding.subject.get(key) == value for key, value in subject.items()
            ):
                return finding
        if detector not in detectors.discover():
            close = difflib.get_close_matches(detector, detectors.discover(), 1, 0.4)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise KeyError(f"there is no detector {detector!r}{hint}")
        answers = {item.detector: item.outcome for item in self.assessments_made}
        of = f" with {subject}" if subject else ""
        raise KeyError(f"no finding of {detector!r}{of}; its answer is {answers.get(detector, 'not judged')!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the findings JSON; the same input gives the same bytes."""
        scores = self.scorecard.to_dict("records")
        return {
            "schema": SCHEMA,
            "inputs": [
                {name: entry[name] for name in ("path", "format", "traces", "spans", "logs", "rejected")}
                for entry in self.inputs
            ],
            "trust": self.trust,
            "assessments": [item.to_json() for item in self.assessments_made],
            "findings": [finding.to_json() for finding in self.finding_objects],
            "dependencies": [
                {"caller": caller, "callee": callee, "kind": kind} for caller, callee, kind in self.dependencies
            ],
            "scorecard": [_with_lists(row) for row in scores],
            "teams": [_with_lists(row) for row in self.team_scorecard.to_dict("records")],
        }

    def to_json_text(self) -> str:
        """Return the findings JSON as text, ending with a line feed; the same input gives the same bytes."""
        return json_text(self.to_json())

    def save(self, folder: str | Path) -> Path:
        """Write the review to a folder, in place of one that is there, and return the folder.

        ``findings.json``, what it was made of (``review.json``), the facts as Parquet under ``facts/``, and the spans
        of the traces that findings name.
        """
        return save(self, folder)

    def __repr__(self) -> str:
        found, services = len(self.finding_objects), len(self.services)
        return f"<Review: {counted(found, 'finding')} in {counted(services, 'service')}>"

    def _repr_html_(self) -> str:
        from analysis.review_html import summary  # noqa: PLC0415 - only a notebook needs it

        return summary(self)


def review(
    data: Dataset,
    *,
    config: str | Path | Mapping[str, Any] | configuration.Configuration | None = None,
    engine: Engine = "threads",
    only: Iterable[str] | None = None,
    edges_before: Iterable[tuple[str, str, str]] | None = None,
    progress: Progress | None = None,
) -> Review:
    """Judge a dataset by every detector.

    Parameters
    ----------
    data
        What to review (:func:`analysis.open_export`, :func:`analysis.open_dataset`).
    config
        Path of a ``review.yml``, or its content.
    engine
        ``threads``, ``processes``, ``dask=tcp://host:port``, an executor, or a ``distributed.Client``.
    only
        Names of the detectors to answer; all when not given. Their findings are those of a whole review: what another
        detector takes precedence over is left to it.
    edges_before
        Caller, callee and kind of the dependencies of a review to compare with (``Review.dependencies``): what is new
        is a finding.
    progress
        Called with the stage, how much is done and of how much.

    Returns
    -------
    Review
        Frozen; displays itself in a notebook.

    Raises
    ------
    ConfigurationError
        The configuration cannot be used; the message names the file, the line and the remedy.
    KeyError
        No detector has a name in ``only``.
    TypeError
        What is given is no dataset.
    EngineLost
        Workers, or the scheduler of a cluster, are gone.
    """
    if not isinstance(data, Dataset):
        raise TypeError(f"a dataset is reviewed, such as an.open_export gives, not {type(data).__name__}")
    settings = configuration.load(config)
    data = data.seen(settings.view)
    chosen = _chosen(only)
    with open_executor(engine) as executor, told_in_notebooks(progress) as told:
        return _reviewed(data, settings, chosen, edges_before, executor, told)


def _reviewed(
    data: Dataset,
    settings: configuration.Configuration,
    chosen: Sequence[str],
    edges_before: Iterable[tuple[str, str, str]] | None,
    executor: Executor,
    progress: Progress | None,
) -> Review:
    catalogue = detectors.discover()
    ground = planting(data, executor)
    tables = scan_facts(data, sorted(facts.discover()), ground=ground, engine=executor, progress=progress)
    fact_catalogue = facts.discover()
    frames = {name: facts.to_frame(fact_catalogue[name].FIELDS, table) for name, table in tables.items()}
    report = trust.report(frames, ground.offsets.offsets if ground.offsets else {})
    seen_ns = data.window[1] - data.window[0] if data.window else 0
    answers: dict[str, Assessment] = {}
    # One for all detectors, because they share what is made of a fact; each sees the answers given before its own.
    evidence = Evidence(
        detectors.with_batches(frames, settings.roles),
        report,
        data.totals.traces,
        MappingProxyType(answers),
        catalogue=settings.catalogue,
        alerts=settings.alerts,
        roles=settings.roles,
        rules=settings.rules,
        seen_ns=seen_ns,
        edges_before=None if edges_before is None else frozenset(edges_before),
    )
    for name in detectors.in_order(_with_precedence(chosen)):
        answers[name] = catalogue[name].judge(evidence, settings.limits_of(name))
    del evidence
    findings = [finding for name in chosen for finding in answers[name].findings]
    spans = exemplars.collect(data, ground, findings, executor, values=settings.redaction.show_values)
    made = Review(
        tables=tables,
        exemplar_spans=spans,
        shows_values=settings.redaction.show_values,
        exemplar_logs=exemplars.collect_logs(data, ground, findings, spans),
        assessments_made=adjusted((answers[name] for name in chosen), settings, spans),
        trust_report=report,
        inputs=_inputs(data),
        totals=data.totals.to_json(),
        catalogue=settings.catalogue,
        roles=settings.roles,
    )
    # They are what the cached property would make of the tables, once more and as large.
    vars(made)["facts"] = frames
    return made


def _chosen(only: Iterable[str] | None) -> list[str]:
    """Return the detectors to answer, in the order of the catalogue."""
    catalogue = detectors.discover()
    wanted = set(catalogue if only is None else only)
    unknown = sorted(wanted - set(catalogue))
    if unknown:
        message = f"there is no detector {unknown[0]!r}; there are {', '.join(catalogue)}"
        raise KeyError(message)
    return [name for name in catalogue if name in wanted]


def _with_precedence(chosen: Iterable[str]) -> list[str]:
    """Return detectors together with all that take precedence over them."""
    catalogue = detectors.discover()
    waiting, found = list(chosen), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += catalogue[name].INFO.after
    return [name for name in catalogue if name in found]


def _inputs(data: Dataset) -> tuple[dict[str, Any], ...]:
    """Return the entries of the exports, by names that are the same on every machine."""
    entries = [entry.to_json() | {"path": entry.name} for entry in data.inputs]
    return tuple(sorted(entries, key=lambda entry: (entry["path"], json.dumps(entry, sort_keys=True))))


def _with_lists(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): list(value) if isinstance(value, tuple) else value for name, value in row.items()}
