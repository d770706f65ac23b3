"""Two reviews beside each other: what is new, what persists, what is resolved, and what changed more than by chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis import config as configuration
from analysis.compare.baseline import Baseline, BaselineError, open_baseline
from analysis.compare.noise import COVERAGE, MEASURES
from analysis.compare.standing import STATUSES, Standing, Status, standings
from analysis.compare.traffic import changes_of, edges_of, nodes_of, tables_of
from analysis.dataset import Dataset, open_source
from analysis.review import Review, review
from analysis.review_files import open_review

__all__ = [
    "COVERAGE",
    "MEASURES",
    "STATUSES",
    "Baseline",
    "BaselineError",
    "Comparison",
    "Standing",
    "Status",
    "compare",
    "open_baseline",
    "open_comparison",
    "standings",
]

#: Verdicts that say something.
_SAYING: Final = ("worse", "better")
#: Where the earlier review is kept, in the folder of the later one.
_BEFORE: Final = "before"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two reviews beside each other; displays itself.

    Attributes
    ----------
    before
        The earlier one, as far as it is known.
    after
        The later one.
    """

    before: Baseline
    after: Review

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """What became of every finding: new, persisting, resolved, unjudged, each worst first."""
        return standings(self.before.findings, self.before.outcomes, self.after.assessments_made)

    def of_status(self, status: Status) -> tuple[Standing, ...]:
        """Return the findings of which a status is true, worst first."""
        return tuple(standing for standing in self.standings if standing.status == status)

    def status_of(self, finding_id: str) -> str:
        """Return what became of a finding; "" where neither review has it."""
        return self._by_id[finding_id].status if finding_id in self._by_id else ""

    def standing_of(self, finding_id: str) -> Standing | None:
        """Return what became of a finding with both its forms; None where neither review has it."""
        return self._by_id.get(finding_id)

    @cached_property
    def _by_id(self) -> dict[str, Standing]:
        return {standing.finding.id: standing for standing in self.standings}

    @property
    def has_traffic(self) -> bool:
        """Whether the facts of both reviews are known; of a ``findings.json`` alone they are not."""
        return self.before.facts is not None

    @cached_property
    def findings(self) -> pd.DataFrame:
        """What became of every finding: id, detector, family, status, title, severity, severity_before, judged_before.

        A severity is missing where the finding is not in that review.
        """
        columns = ["id", "detector", "family", "status", "title", "severity", "severity_before", "judged_before"]
        return pd.DataFrame([standing.to_json() for standing in self.standings], columns=columns)

    @cached_property
    def nodes(self) -> pd.DataFrame:
        """Services, stores and others that appeared or vanished: name, kind, change."""
        return self._traffic(nodes_of, ["name", "kind", "change"])

    @cached_property
    def tables(self) -> pd.DataFrame:
        """Uses of tables that appeared or vanished: store, table, service, mode, change."""
        return self._traffic(tables_of, ["store", "table", "service", "mode", "change"])

    @cached_property
    def edges(self) -> pd.DataFrame:
        """Edges of either review (:func:`analysis.compare.traffic.edges_of`)."""
        columns = ["caller", "callee", "kind", "change", "calls_before", "calls", "caller_kind", "callee_kind"]
        return self._traffic(edges_of, columns)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """Every number that was compared, with its verdict (:func:`analysis.compare.traffic.changes_of`)."""
        columns = ["caller", "callee", "kind", "measure", "before", "after", "low", "high", "traces_before", "traces"]
        return self._traffic(changes_of, [*columns, "verdict"])

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Of these, what became worse, then what became better, by more than chance explains, the largest first."""
        said = self.compared[self.compared["verdict"].isin(_SAYING)]
        larger = said[["before", "after"]].max(axis=1)
        size = (said["after"] - said["before"]).abs() / larger
        order = said.assign(size=size).sort_values(["verdict", "size"], ascending=[False, False], kind="stable").index
        return said.loc[order].reset_index(drop=True)

    def to_json(self) -> dict[str, Any]:
        """Return what the findings JSON holds under ``baseline``; the same input gives the same bytes."""
        counts = {status: len(self.of_status(status)) for status in STATUSES}
        members: dict[str, Any] = {
            "counts": counts,
            **{status: _found(self.of_status(status)) for status in (STATUSES[2], STATUSES[3])},
            "traffic_compared": self.has_traffic,
            "appeared": _rows(self.edges, "appeared"),
            "vanished": _rows(self.edges, "vanished"),
        }
        columns = ["caller", "callee", "kind", "measure", "before", "after", "low", "high", "verdict"]
        members["changes"] = [
            {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}
            for row in self.changes[columns].to_dict("records")
        ]
        return members

    def _traffic(self, of: Any, columns: list[str]) -> pd.DataFrame:
        if self.before.facts is None:
            return pd.DataFrame(columns=columns)
        table: pd.DataFrame = of(self.before.facts, self.after.facts)
        return table

    def save(self, folder: str | Path) -> None:
        """Keep the earlier review, as far as a comparison reads it, in the folder of the saved later one."""
        self.before.save(Path(folder) / _BEFORE)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.of_status(status))} {status}" for status in STATUSES)
        return f"<Comparison: {counts}>"

    def _repr_html_(self) -> str:
        from analysis.compare.html import summary  # noqa: PLC0415 - only a notebook needs it

        return summary(self)


def _found(gone: Iterable[Standing]) -> list[dict[str, Any]]:
    return [standing.finding.to_json() for standing in gone]


def _rows(edges: pd.DataFrame, change: str) -> list[dict[str, Any]]:
    columns = ["caller", "callee", "kind"]
    chosen = edges.loc[edges["change"] == change, columns]
    return [dict(zip(columns, row, strict=True)) for row in chosen.itertuples(index=False, name=None)]


def compare(
    before: Review | Dataset | str | Path,
    after: Review | Dataset | str | Path,
    *,
    config: str | Path | Mapping[str, Any] | configuration.Configuration | None = None,
) -> Comparison:
    """Compare two reviews.

    Parameters
    ----------
    before, after
        A review, a dataset, the folder of a saved review or report, or exports; for ``before`` a ``findings.json``
        serves too, with which only findings can be compared.
    config
        Path or content of a ``review.yml``. Datasets and exports are reviewed by it, and what it hides is masked in
        the names of ``before``, also where that was saved without it. A review given as ``after`` stays as it is: give
        one that was made by the same configuration.

    Returns
    -------
    Comparison
        Frozen; ``findings`` (new, persisting, resolved, unjudged), ``edges``, ``nodes``, ``tables`` (appeared,
        vanished), ``changes`` of calls, errors and durations that chance does not explain.

    Raises
    ------
    BaselineError
        If one of them cannot be used.
    ConfigurationError
        If the configuration cannot be used.
    """
    settings = configuration.load(config)
    early = _baseline(before, settings).without(settings.view.hidden)
    late = _baseline(after, settings, early.edges).review
    if late is None:
        message = f"{after} holds findings without facts: give the review, its folder, or exports"
        raise BaselineError(message)
    return Comparison(early, late)


def open_comparison(folder: str | Path) -> Comparison | None:
    """Open the comparison that was kept beside a saved review (:meth:`Comparison.save`).

    Parameters
    ----------
    folder
        Of the saved review, such as ``review`` in the folder of a report.

    Returns
    -------
    Comparison or None
        None where the review was made without an earlier one.
    """
    kept = Path(folder) / _BEFORE
    return Comparison(open_baseline(kept, _never), open_review(folder)) if kept.is_dir() else None


def _never(source: str) -> Review:
    message = f"{source} holds no baseline: it was not written whole"
    raise BaselineError(message)


def _baseline(
    source: Review | Dataset | str | Path,
    settings: configuration.Configuration,
    edges_before: Iterable[tuple[str, str, str]] | None = None,
) -> Baseline:
    if isinstance(source, Review):
        return Baseline.of(source)
    if isinstance(source, Dataset):
        return Baseline.of(review(source, config=settings, edges_before=edges_before))
    return open_baseline(source, lambda name: review(open_source(name), config=settings, edges_before=edges_before))
