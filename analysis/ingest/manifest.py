"""The manifest of a dataset: what was read into it, which files are part of it, and their counts.

Writing it is the moment when a dataset changes: files that it does not name are not part of the dataset. It holds no
time of writing, machine or absolute path, so the same exports give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from analysis.ingest.storage import Folder
from analysis.ingest.tally import Input, Tally, together
from analysis.sources import UnreadableExport

__all__ = ["MANIFEST", "Manifest", "Stored", "load_manifest", "save_manifest"]

MANIFEST: Final = "manifest.json"
_SCHEMA: Final = "archreview/dataset/1"
_REMEDY: Final = "Ingest the exports into a new dataset"


@dataclass(frozen=True)
class Stored:
    """One partition as it is stored.

    Attributes
    ----------
    spans, logs
        Names of its files, relative to the dataset.
    whole
        Its counts.
    """

    spans: str
    logs: str
    whole: Tally

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"spans": self.spans, "logs": self.logs, "counts": self.whole.to_json()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Stored:
        """Take up what `to_json` wrote."""
        return cls(row["spans"], row["logs"], Tally.from_json(row["counts"]))


@dataclass(frozen=True)
class Manifest:
    """What a dataset consists of.

    Attributes
    ----------
    partitions
        Its partitions, in order; how many there are never changes.
    inputs
        The exports that were read, sorted by name.
    notes
        What was passed over while reading.
    """

    partitions: tuple[Stored, ...]
    inputs: tuple[Input, ...]
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> Tally:
        """The counts of all partitions."""
        tally = Tally()
        for stored in self.partitions:
            tally.add(stored.whole)
        return tally

    @property
    def totals(self) -> Input:
        """The entry of all inputs together."""
        return together(self.inputs, self.whole, self.notes)

    @property
    def contents(self) -> frozenset[str]:
        """Hashes of the contents that were read."""
        return frozenset(entry.content for entry in self.inputs if entry.content)


def save_manifest(folder: Folder, manifest: Manifest) -> None:
    """Write the manifest: from here on the dataset is what it says."""
    document = {
        "schema": _SCHEMA,
        "partitioning": {"hash": "splitmix64 finaliser of trace_id_low", "partitions": len(manifest.partitions)},
        "partitions": [stored.to_json() for stored in manifest.partitions],
        "inputs": [_entry(entry) for entry in manifest.inputs],
        "notes": list(manifest.notes),
        "window": [manifest.whole.first_ns, manifest.whole.last_ns],
    }
    folder.write(MANIFEST, (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def load_manifest(folder: Folder) -> Manifest | None:
    """Read the manifest of a dataset; None where the folder holds none.

    Raises
    ------
    UnreadableExport
        There is one, but it is damaged or of a later version.
    """
    content, where = folder.read(MANIFEST), folder.address(MANIFEST)
    if content is None:
        return None
    try:
        document = json.loads(content)
        schema = document.get("schema", "") if isinstance(document, dict) else ""
        if not str(schema).startswith("archreview/dataset/"):
            return None
        if schema != _SCHEMA:
            raise UnreadableExport(where, f"the dataset is {schema}, this program reads {_SCHEMA}", _REMEDY)
        return Manifest(
            tuple(Stored.from_json(row) for row in document["partitions"]),
            tuple(Input.from_record(row) for row in document["inputs"]),
            tuple(document["notes"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableExport(where, f"the manifest is damaged ({error})", _REMEDY) from error


def _entry(entry: Input) -> dict[str, Any]:
    return asdict(replace(entry, path=entry.name))
