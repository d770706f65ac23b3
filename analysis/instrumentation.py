"""What to instrument next: the evidence whose absence leaves questions open or statements weak, most worth first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pandas as pd

from analysis.doubts import DOUBTS, weighed
from analysis.facts.coverage import ASPECTS
from analysis.findings import Assessment, Finding
from analysis.lost_parents import UNKNOWN_CALLER, lost_edges
from analysis.trust import Trust, coverage_by_service

__all__ = ["instrument_next"]

#: What an answer is worth that covers a part only, against one that is not there at all (house default).
_PARTIAL: Final = 0.25
_NAMED: Final = 5
#: Words of evidence that is told to the review, not recorded: rules, a catalogue, an earlier review.
_GIVEN: Final = ("review.yml", "--baseline")
#: What mends each doubt of the trust report.
_MENDS: Final = {
    "propagation": "Pass trace context between services (the traceparent header), and read it",
    "orphans": "Pass trace context on where parents are lost, and export every hop to one place",
    "skew": "Synchronise the clocks of hosts (NTP, chrony)",
    "resolution": "Record times to the microsecond",
    "sampling": "Sample less, or by whole traces with their weight",
    "compressed": "Let agents keep repeated and small spans",
    "truncated_statements": "Let statements be recorded whole",
    "statements": "Record the statement, or the table, of each data call",
    "kinds": "Record the kind of each span",
    "peers": "Let client spans say whom they call (server.address, peer.service)",
    "routes": "Record the route of each HTTP server span (http.route)",
    "destinations": "Let producers and consumers say their topic or queue (messaging.destination.name)",
    "error_types": "Record why spans fail (error.type, or the exception)",
    "conventions": "Raise instrumentations to the current semantic conventions",
    "logs": "Let log records carry trace and span id, and export them beside the traces",
}
#: The words in missing evidence that tell which aspect of coverage it is about.
_ASPECT_WORDS: Final = {
    "db.query.text": "database_text",
    "db.system": "database_system",
    "http.route": "route",
    "span kind": "kind",
    "kind of": "kind",
    "server.address": "peer",
    "error.type": "error_type",
    "messaging.destination": "destination",
}


class Reviewed(Protocol):
    """A review, or anything with its facts, its answers and its trust report."""

    @property
    def facts(self) -> Mapping[str, pd.DataFrame]:
        """Merged fact tables by name."""

    @property
    def assessments_made(self) -> tuple[Assessment, ...]:
        """What each detector said."""

    @property
    def finding_objects(self) -> tuple[Finding, ...]:
        """The findings, worst first."""

    @property
    def trust_report(self) -> Trust:
        """How far the telemetry can be trusted."""


def instrument_next(result: Reviewed) -> pd.DataFrame:
    """Rank what to instrument by how many open questions and weak statements it would resolve.

    What is told to a review rather than recorded (rules, a catalogue, an earlier review) is left out.

    Parameters
    ----------
    result
        A review.

    Returns
    -------
    pandas.DataFrame
        One row for each gap, most worth first: ``instrument`` (what is missing, or what mends a doubt), ``where``
        (services, or edges, that lack it most), ``answers`` (detectors that could not answer without it), ``completes``
        (detectors whose answer covers a part only), ``strengthens`` (findings whose confidence it lowers),
        ``confidence`` (that they would gain, summed) and ``worth``: answers, a quarter of what it completes, and the
        confidence gained.
    """
    answers: dict[str, list[str]] = defaultdict(list)
    parts: dict[str, list[str]] = defaultdict(list)
    for item in result.assessments_made:
        for text in item.missing:
            if any(word in text for word in _GIVEN):
                continue
            (answers if item.outcome == "not_assessable" else parts)[text].append(item.detector)
    rows = [
        _row(text, _where(result, text), answers.get(text, ()), parts.get(text, ()), 0, 0.0)
        for text in sorted({*answers, *parts})
    ]
    rows += [row for name in sorted(DOUBTS) if (row := _doubted(result, name)) is not None]
    columns = ["instrument", "where", "answers", "completes", "strengthens", "confidence", "worth"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["worth", "instrument"], ascending=[False, True], kind="stable", ignore_index=True)


def _doubted(result: Reviewed, name: str) -> dict[str, Any] | None:
    """Return what mending a doubt would strengthen; None where it weakens no finding."""
    told, count, gained = "", 0, 0.0
    for finding in result.finding_objects:
        doubt = result.trust_report.of(finding.services).doubts.get(name)
        if doubt is not None and doubt.factor > 0 and doubt.sentence in finding.considered:
            told, count = told or doubt.sentence, count + 1
            gained += finding.confidence / doubt.factor - finding.confidence
    if not count:
        return None
    whole = result.trust_report.doubts.get(name)
    mend = f"{_MENDS[name]}: {told if whole is None else whole.sentence}"
    return _row(
        mend, _edges(result) if name == "orphans" else _doubtful(result.trust_report, name), (), (), count, gained
    )


def _doubtful(trust: Trust, name: str) -> str:
    """Name the services that a doubt is about, the most doubtful first."""
    shares = {service: weighed(count)[name].share for service, count in trust.counts.items() if name in weighed(count)}
    return _listed([service for service in sorted(shares, key=lambda service: (-shares[service], service)) if service])


def _row(
    text: str, where: str, answers: Sequence[str], completes: Sequence[str], strengthens: int, gained: float
) -> dict[str, Any]:
    return {
        "instrument": text,
        "where": where,
        "answers": tuple(sorted(answers)),
        "completes": tuple(sorted(completes)),
        "strengthens": strengthens,
        "confidence": round(gained, 3),
        "worth": round(len(answers) + _PARTIAL * len(completes) + gained, 3),
    }


def _where(result: Reviewed, text: str) -> str:
    """Name the services that lack what a text is about; "" where it is about no aspect of coverage."""
    aspect = next((name for word, name in _ASPECT_WORDS.items() if word in text), "")
    if not aspect:
        return ""
    shares = coverage_by_service(result.facts)[aspect]
    could = result.facts["coverage"].set_index("service")[ASPECTS[aspect][0]]
    lacking = shares[(shares < 1) & (shares.index != "")]
    order = sorted(lacking.index, key=lambda name: (-float((1 - lacking[name]) * could[name]), str(name)))
    return _listed([str(name) for name in order])


def _edges(result: Reviewed) -> str:
    edges = lost_edges(result.facts)
    named = [
        f"{'before' if caller == UNKNOWN_CALLER else f'{caller} to'} {service}"
        for caller, service in edges[["caller", "service"]].drop_duplicates().itertuples(index=False, name=None)
    ]
    return _listed(named)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
