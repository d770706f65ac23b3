"""Reviews in folders: facts as Parquet, findings as JSON, whole or none; and what opens them again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis import exemplars, facts, trust
from analysis.catalogue import Catalogue
from analysis.detectors import Roles
from analysis.findings import Assessment, Finding
from analysis.schema import SPAN_SCHEMA
from analysis.trust import Trust

if TYPE_CHECKING:
    from analysis.review import Review

__all__ = ["OldReview", "frames_of", "json_text", "open_review", "save"]

_FINDINGS: Final = "findings.json"
#: A review is handed on more often than it is written; statistics cost small tables more than they save.
_SMALL: Final = {"compression": "zstd", "compression_level": 12, "write_statistics": False}
_FACTS: Final = "facts"
_WHOLE: Final = "review.json"
_EXEMPLARS: Final = "exemplars.parquet"
_EXEMPLAR_LOGS: Final = "exemplar-logs.parquet"


class OldReview(ValueError):  # noqa: N818 - it names what the user has, as UnreadableExport does
    """Another version saved the review: the message says what it lacks, and what to do."""


def frames_of(tables: Mapping[str, pa.Table]) -> dict[str, pd.DataFrame]:
    """Return facts as DataFrames, by name.

    Raises
    ------
    OldReview
        A fact lacks columns that this version has, or is none of its facts.
    """
    catalogue = facts.discover()
    for name, table in tables.items():
        wanted = {item.name for item in catalogue[name].FIELDS} if name in catalogue else set()
        missing = sorted(wanted - set(table.column_names))
        if missing or not wanted:
            lacking = f"lacks {', '.join(missing)}" if missing else "is none of this version"
            message = (
                f"the review was saved by another version of archreview: its fact {name} {lacking}; its findings can"
                " be read, for its facts review the exports again"
            )
            raise OldReview(message)
    return {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in tables.items()}


def save(review: Review, folder: str | Path) -> Path:
    """Write a review to a folder; as :meth:`analysis.review.Review.save`."""
    target = Path(folder)
    (target / _FACTS).mkdir(parents=True, exist_ok=True)
    # Without this file there is no review: it goes first and comes last, so that a half written one is none.
    (target / _WHOLE).unlink(missing_ok=True)
    for stale in (target / _FACTS).glob("*.parquet"):
        if stale.stem not in review.tables:
            stale.unlink()
    for name, table in review.tables.items():
        # Dictionaries cost small tables more than they save.
        pq.write_table(table, target / _FACTS / f"{name}.parquet", use_dictionary=False, **_SMALL)
    pq.write_table(review.exemplar_spans, target / _EXEMPLARS, **_SMALL)
    pq.write_table(review.exemplar_logs, target / _EXEMPLAR_LOGS, **_SMALL)
    whole = review.to_json() | {"totals": dict(review.totals), "exports": [dict(entry) for entry in review.inputs]}
    whole["catalogue"] = review.catalogue.to_json()
    whole["shows_values"] = review.shows_values
    whole["roles"] = review.roles.to_json()
    whole["doubts"] = {
        name: {"share": doubt.share, "weight": doubt.weight, "sentence": doubt.sentence}
        for name, doubt in sorted(review.trust_report.doubts.items())
    }
    whole["trust_counts"] = {name: dict(counts) for name, counts in sorted(review.trust_report.counts.items())}
    for name, text in ((_FINDINGS, review.to_json_text()), (_WHOLE, json_text(whole, indent=None))):
        half = target / f".unfinished-{name}"
        half.write_text(text, encoding="utf-8", newline="\n")
        half.replace(target / name)
    return target


def json_text(members: Mapping[str, Any], indent: int | None = 1) -> str:
    """Return members as JSON, to be read or, without `indent`, small; the same members give the same bytes."""
    separators = None if indent else (",", ":")
    return json.dumps(members, indent=indent, separators=separators, ensure_ascii=True, allow_nan=False) + "\n"


def open_review(folder: str | Path) -> Review:
    """Open a review that was saved.

    Raises
    ------
    FileNotFoundError
        If the folder holds no review.
    """
    source = Path(folder)
    try:
        whole = json.loads((source / _WHOLE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{source} holds no review: expected {_WHOLE}; make one with review(data).save(folder)"
        raise FileNotFoundError(message) from error
    from analysis.review import Review  # noqa: PLC0415 - which saves itself by this file

    tables = {path.stem: pq.read_table(path) for path in sorted((source / _FACTS).glob("*.parquet"))}
    doubts = {name: trust.Doubt(**members) for name, members in whole["doubts"].items()}
    logs = source / _EXEMPLAR_LOGS
    return Review(
        tables=tables,
        exemplar_spans=pq.read_table(source / _EXEMPLARS, schema=SPAN_SCHEMA).unify_dictionaries().combine_chunks(),
        assessments_made=_assessments(whole["assessments"], whole["findings"]),
        trust_report=Trust(whole["trust"], doubts, whole.get("trust_counts", {})),
        inputs=tuple(whole["exports"]),
        shows_values=bool(whole.get("shows_values", False)),
        roles=Roles.from_json(whole.get("roles", {})),
        totals=whole["totals"],
        catalogue=Catalogue.from_json(whole.get("catalogue", ())),
        exemplar_logs=pq.read_table(logs) if logs.is_file() else exemplars.no_logs(),
    )


def _assessments(answers: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]) -> tuple[Assessment, ...]:
    by_detector: dict[str, list[Finding]] = {}
    for members in findings:
        by_detector.setdefault(members["detector"], []).append(Finding.from_json(members))
    return tuple(
        Assessment(
            answer["detector"],
            answer["family"],
            answer["outcome"],
            tuple(by_detector.get(answer["detector"], ())),
            tuple(answer["missing"]),
            tuple(answer["suppressed"]),
        )
        for answer in answers
    )
