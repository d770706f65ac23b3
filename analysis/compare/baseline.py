"""What a review is compared with: findings that were written, a saved review or report, or exports to be reviewed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis import facts
from analysis._masking import Hidden
from analysis.findings import Finding
from analysis.review import SCHEMA, Review
from analysis.review_files import frames_of, json_text, open_review

__all__ = ["Baseline", "BaselineError", "open_baseline"]

_REPORTED: Final = "review"
_WHOLE: Final = "review.json"
_FINDINGS: Final = "findings.json"
_KEPT: Final = "baseline.json.gz"
#: Facts that a comparison reads.
_COMPARED: Final = ("calls", "call_samples", "data_access", "operations")
#: A findings file begins with its schema; an export that is JSON too is not read whole to learn that it is none.
_LOOKED_AT: Final = 4096


class BaselineError(ValueError):
    """The baseline cannot be used; the message says why, and what can be."""


@dataclass(frozen=True)
class Baseline:
    """An earlier review, as far as it is known.

    Attributes
    ----------
    findings
        What was found.
    outcomes
        What each detector answered.
    review
        The whole review; None where less of it was kept.
    edges
        Its dependencies (:attr:`Review.dependencies`); None where an older version wrote the findings without them.
    tables
        The facts that a comparison reads, as Arrow tables by name; None where only findings were kept, so that traffic
        cannot be compared.
    """

    findings: tuple[Finding, ...]
    outcomes: Mapping[str, str]
    review: Review | None
    edges: tuple[tuple[str, str, str], ...] | None = None
    tables: Mapping[str, pa.Table] | None = None

    @classmethod
    def of(cls, review: Review) -> Baseline:
        """Take a whole review."""
        outcomes = {item.detector: item.outcome for item in review.assessments_made}
        return cls(review.finding_objects, outcomes, review, review.dependencies, review.tables)

    @cached_property
    def facts(self) -> Mapping[str, pd.DataFrame] | None:
        """The facts as DataFrames, by name; None where only findings were kept."""
        return None if self.tables is None else frames_of(self.tables)

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Baseline:
        """Take the findings JSON of a review.

        Raises
        ------
        BaselineError
            If it is of another schema, or lacks what a finding has.
        """
        if members.get("schema") != SCHEMA:
            message = f"its schema is {members.get('schema')!r}, not {SCHEMA!r}"
            raise BaselineError(message)
        try:
            findings = tuple(Finding.from_json(item) for item in members["findings"])
            outcomes = {item["detector"]: item["outcome"] for item in members["assessments"]}
            edges = None
            if "dependencies" in members:
                edges = tuple((item["caller"], item["callee"], item["kind"]) for item in members["dependencies"])
        except (KeyError, TypeError, AttributeError) as error:
            message = f"a finding or an assessment lacks what it must have: {error}"
            raise BaselineError(message) from error
        return cls(findings, outcomes, None, edges)

    def without(self, hidden: Hidden) -> Baseline:
        """Return it with what a configuration hides masked in every name, as in the review that it is compared with.

        A finding is about what it names: its identity is then that of the same finding of a review that hides it too.
        """
        if not hidden:
            return self
        findings = tuple(_finding_without(finding, hidden) for finding in self.findings)
        tables = self.tables
        if tables is not None:
            tables = {name: _table_without(table, hidden) for name, table in tables.items()}
        edges = self.edges
        if edges is not None:
            edges = tuple(sorted({(hidden(caller), hidden(callee), kind) for caller, callee, kind in edges}))
        # The whole review has the names in more places.
        return Baseline(findings, self.outcomes, None, edges, tables)

    def save(self, folder: Path) -> None:
        """Keep what a comparison reads of it in a folder, for :func:`open_baseline`."""
        folder.mkdir(parents=True, exist_ok=True)
        members: dict[str, Any] = {
            "schema": SCHEMA,
            "assessments": [{"detector": name, "outcome": outcome} for name, outcome in self.outcomes.items()],
            "findings": [finding.to_json() for finding in self.findings],
        }
        if self.edges is not None:
            ends = [{"caller": caller, "callee": callee, "kind": kind} for caller, callee, kind in self.edges]
            members["dependencies"] = ends
        tables = self.tables or {}
        for name in sorted(tables.keys() & set(_COMPARED)):
            pq.write_table(tables[name], folder / f"{name}.parquet", compression="zstd", write_statistics=False)
        # A quarter of its size; without a time, so that the same baseline gives the same bytes.
        (folder / _KEPT).write_bytes(gzip.compress(json_text(members, indent=None).encode(), mtime=0))


#: Words of this program, in which no name stands.
_OWN_WORDS: Final = ("detector", "family", "severity")
_OWN_COLUMNS: Final = ("kind", "mode")


def _finding_without(finding: Finding, hidden: Hidden) -> Finding:
    texts = {item.name: getattr(finding, item.name) for item in fields(finding) if item.name not in _OWN_WORDS}
    exemplars = tuple(replace(example, url=hidden(example.url)) for example in texts.pop("exemplars"))
    # The outermost keys are words of the detector.
    changed: dict[str, Any] = {
        name: {key: _without(item, hidden) for key, item in value.items()}
        if isinstance(value, Mapping)
        else _without(value, hidden)
        for name, value in texts.items()
    }
    return replace(finding, **changed, exemplars=exemplars)


def _without(value: Any, hidden: Hidden) -> Any:
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, Mapping):
        return {_without(key, hidden): _without(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without(item, hidden) for item in value)
    return value


def _table_without(table: pa.Table, hidden: Hidden) -> pa.Table:
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table.schema.field(name).type) and not name.endswith(_OWN_COLUMNS):
            texts = [_without(text, hidden) for text in table[name].to_pylist()]
            table = table.set_column(place, table.schema.field(name), pa.array(texts, pa.string()))
    return table


def open_baseline(source: str | Path, make: Callable[[str], Review]) -> Baseline:
    """Open what to compare with.

    Parameters
    ----------
    source
        A ``findings.json``, the folder of a saved review, of a report or of a kept baseline, or anything that can be
        reviewed: exports or a dataset.
    make
        Reviews exports or a dataset.

    Raises
    ------
    BaselineError
        A findings file that cannot be used.
    """
    path = Path(source)
    for folder in (path, path / _REPORTED):
        if (folder / _WHOLE).is_file():
            return _whole(folder)
    if (path / _KEPT).is_file():
        return _kept(path)
    if not _holds_findings(path):
        return Baseline.of(make(str(source)))
    try:
        return Baseline.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        message = f"{path} cannot be compared with: {error}; write one with `archreview findings --format json`"
        raise BaselineError(message) from error


def _whole(folder: Path) -> Baseline:
    """Take a saved review; of one that another version saved, with other facts, only the findings can be compared."""
    review = open_review(folder)
    if _fit(review.tables):
        return Baseline.of(review)
    return Baseline.from_json(json.loads((folder / _FINDINGS).read_text(encoding="utf-8")))


def _kept(folder: Path) -> Baseline:
    """Take what :meth:`Baseline.save` kept."""
    baseline = Baseline.from_json(json.loads(gzip.decompress((folder / _KEPT).read_bytes())))
    tables = {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}
    return replace(baseline, tables=tables) if tables and _fit(tables) else baseline


def _fit(tables: Mapping[str, pa.Table]) -> bool:
    """Whether facts have the columns that this version counts."""
    known = facts.discover()
    return all(
        name in known and {item.name for item in known[name].FIELDS} <= set(table.column_names)
        for name, table in tables.items()
    )


def _holds_findings(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b'"archreview/findings/' in file.read(_LOOKED_AT)
