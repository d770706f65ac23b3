"""Facts of the partitions that were scanned when a cluster was lost, kept beside the dataset for the next run.

They are found again by a name made of all that they depend on: the files of the partitions, whose names are made of
their content, how they are planted, and which facts were asked for. Of a dataset that is seen through a view, or lies
in memory, none are kept.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from analysis import facts
from analysis.dataset import Dataset, Partition
from analysis.ingest.ledger import named
from analysis.ingest.storage import KEPT_FACTS, Folder
from analysis.planting import Planting

__all__ = ["KeptFacts", "kept_facts"]

_DONE = "done.json"


@dataclass(frozen=True)
class KeptFacts:
    """Where the facts of some partitions of a dataset are kept.

    Attributes
    ----------
    dataset
        Its folder.
    below
        The folder in it.
    """

    dataset: Folder
    below: str

    def keep(self, numbers: Sequence[int], tables: Mapping[str, pa.Table]) -> None:
        """Keep the merged facts of the partitions of these numbers."""
        for name, table in tables.items():
            content = io.BytesIO()
            pq.write_table(table, content, compression="zstd")
            self.dataset.write(f"{self.below}/{name}.parquet", content.getvalue())
        # Without this file nothing is kept: it comes last.
        self.dataset.write(f"{self.below}/{_DONE}", json.dumps(sorted(numbers)).encode())

    def take(self, names: Sequence[str]) -> tuple[frozenset[int], dict[str, pa.Table]]:
        """Return the numbers of the partitions whose facts are kept, and these facts, merged."""
        done = self.dataset.read(f"{self.below}/{_DONE}")
        if done is None:
            return frozenset(), {}
        tables = {}
        for name in names:
            content = self.dataset.read(f"{self.below}/{name}.parquet")
            if content is None:
                return frozenset(), {}
            tables[name] = pq.read_table(io.BytesIO(content)).combine_chunks()
        return frozenset(json.loads(done)), tables

    def discard(self) -> None:
        """Remove all facts that are kept of the dataset."""
        self.dataset.remove_below(KEPT_FACTS)


def kept_facts(dataset: Dataset, names: Sequence[str], ground: Planting) -> KeptFacts | None:
    """Return where facts of a dataset are kept; None where they are not."""
    partitions = [*dataset.partitions, *dataset.log_partitions]
    if not dataset.partitions or any(one.location is None or one.view is not None for one in partitions):
        return None
    catalogue = facts.discover()
    fields = {name: catalogue[name].FIELDS for name in names}
    # The folder may be reached by another name next time: the files in it are told by their contents.
    files = [_within(one) for one in partitions]
    location = str(partitions[0].location)
    folder = Folder(location.removesuffix(files[0]).rstrip("/"))
    return KeptFacts(folder, f"{KEPT_FACTS}/{named('facts', files, fields, ground)}")


def _within(partition: Partition) -> str:
    return "/".join(str(partition.location).rsplit("/", 2)[-2:])
