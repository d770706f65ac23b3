"""Precision and recall of two families of detectors: python -m tests.benchmarks.accuracy [--exports FOLDER].

Held against three kinds of truth: the cases of every detector (which findings a story has, and which it has not), the
samples (what was planted in each window), and real exports where they are at hand. A finding that the truth names is a
hit, one that it does not name a false accusation, one that it names and that is not there a miss.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console
from rich.table import Table

import analysis as an
from analysis.detectors import discover
from analysis.findings import Finding
from tests.detectors.stories import export, fits, stories
from tests.samples.recordings import SAMPLES, WINDOWS
from tests.samples.truth import SEVERITIES, Entry, read_truth

FAMILIES: Final = ("chatty", "shared_data")
EXPORTS: Final = Path(__file__).with_name("exports_truth.yml")
PAGES: Final = Path(__file__).resolve().parents[2] / "notebooks" / "guide"


@dataclass(frozen=True)
class Score:
    """What a detector said, held against one kind of truth."""

    detector: str
    truth: str
    hits: int = 0
    accusations: int = 0
    misses: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.detector,
            self.truth,
            self.hits + other.hits,
            self.accusations + other.accusations,
            self.misses + other.misses,
        )

    @property
    def precision(self) -> float | None:
        """Share of what was found that is true; None where nothing was found."""
        found = self.hits + self.accusations
        return self.hits / found if found else None

    @property
    def recall(self) -> float | None:
        """Share of what is true that was found; None where nothing is."""
        true = self.hits + self.misses
        return self.hits / true if true else None


def of_cases(names: Sequence[str]) -> Iterator[Score]:
    """Yield the score of each story: findings are hits where all that the story says of them holds."""
    for detector, _, story in stories():
        if detector not in names:
            continue
        config = {"limits": {detector: story["limits"]}} if "limits" in story else None
        with tempfile.TemporaryDirectory() as folder:
            data = an.open_export(str(export(story, Path(folder) / "traces.jsonl")))
            [answer] = an.review(data, config=config, only=[detector]).assessments_made
        wanted = list(story["expect"].get("findings", [{}] if story["expect"]["outcome"] == "found" else []))
        yield matched(detector, "cases", answer.findings, wanted, fits)


def of_samples(names: Sequence[str]) -> Iterator[Score]:
    """Yield scores of the windows: what was planted and found, and what is found at medium or above beside it."""
    for window in WINDOWS:
        truth = read_truth(window)
        data = an.open_export([str(SAMPLES / window / f"{kind}.jsonl.zst") for kind in ("traces", "logs")])
        found = [finding.to_json() for finding in an.review(data).finding_objects]
        for entry in truth.planted:
            seen = any(entry.fits(finding) for finding in found)
            if entry.detector in names and (seen or not entry.optional):
                yield Score(entry.detector, "samples", hits=int(seen), misses=int(not seen))
        yield from _accused(names, found, (*truth.planted, *truth.accepted), "medium")
        for entry in truth.innocents:
            grave = [finding for finding in found if entry.fits(finding) and _graver(finding, entry.at_most)]
            if entry.detector in names and grave:
                yield Score(entry.detector, "samples", accusations=len(grave))


def of_exports(names: Sequence[str], folder: Path) -> Iterator[Score]:
    """Yield scores of real exports."""
    for export_ in yaml.safe_load(EXPORTS.read_text(encoding="utf-8")):
        path = folder / export_["path"]
        data = an.open_rows(path, mapping_of(export_["mapping"])) if "mapping" in export_ else an.open_export(str(path))
        found = [finding.to_json() for finding in an.review(data).finding_objects]
        entries = [Entry(item["detector"], tuple(item["about"]), "") for item in export_["found"]]
        for entry in entries:
            seen = any(entry.fits(finding) for finding in found)
            if entry.detector in names:
                yield Score(entry.detector, "exports", hits=int(seen), misses=int(not seen))
        yield from (
            Score(score.detector, "exports", accusations=score.accusations)
            for score in _accused(names, found, entries, "low")
        )


def mapping_of(page: str) -> Any:
    """Return the mapping of rows that a page of the documentation shows last."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[-1])


def matched(
    detector: str,
    truth: str,
    found: Sequence[Finding],
    wanted: Sequence[Mapping[str, Any]],
    fit: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
) -> Score:
    """Score findings against those wanted; each of these takes one at most."""
    left = [finding.to_json() for finding in found]
    hits = 0
    for item in wanted:
        taken = next((finding for finding in left if fit(finding, item)), None)
        if taken is not None:
            left.remove(taken)
            hits += 1
    return Score(detector, truth, hits, len(left), len(wanted) - hits)


def _graver(finding: Mapping[str, Any], than: str) -> bool:
    return SEVERITIES.index(finding["severity"]) > SEVERITIES.index(than)


def _accused(
    names: Sequence[str], found: Sequence[Mapping[str, Any]], known: Sequence[Entry], least: str
) -> Iterator[Score]:
    for finding in found:
        grave = SEVERITIES.index(finding["severity"]) >= SEVERITIES.index(least)
        if finding["detector"] in names and grave and not any(entry.fits(finding) for entry in known):
            yield Score(finding["detector"], "samples", accusations=1)


def added(scores: Sequence[Score]) -> list[Score]:
    """Add scores up by detector and truth, then by truth over all detectors."""
    sums: dict[tuple[str, str], Score] = {}
    for score in scores:
        for detector in (score.detector, "all"):
            key = (detector, score.truth)
            one = Score(detector, score.truth, score.hits, score.accusations, score.misses)
            sums[key] = sums[key] + one if key in sums else one
    return [sums[key] for key in sorted(sums, key=lambda key: (key[0] == "all", key))]


def shown(scores: Sequence[Score]) -> Table:
    """Return scores as a table for the console."""
    table = Table("detector", "truth", "hits", "false accusations", "misses", "precision", "recall")
    for score in scores:
        shares = ("-" if share is None else f"{share:.3f}" for share in (score.precision, score.recall))
        table.add_row(score.detector, score.truth, *map(str, (score.hits, score.accusations, score.misses)), *shares)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exports", type=Path, help="folder of real exports; left out without it")
    parser.add_argument("--family", choices=FAMILIES, action="append", help="of these only; both by default")
    parser.add_argument("--json", type=Path, help="write the scores there as well")
    given = parser.parse_args(arguments)
    families = given.family or FAMILIES
    names = [name for name, detector in discover().items() if detector.INFO.family in families]
    scores = [*of_cases(names), *of_samples(names)]
    scores += of_exports(names, given.exports) if given.exports else []
    whole = added(scores)
    Console(width=120).print(shown(whole))
    if given.json:
        given.json.write_text(json.dumps([vars(score) for score in whole], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
