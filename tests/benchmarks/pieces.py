"""Generated exports of any length, written in pieces: a system of 60 services, an hour of it or more.

    python -m tests.benchmarks.pieces 1e8 --to exports

A few templates are generated and encoded; every piece is one of them with ids and times of its own, put in place of the
template's. So a hundred million spans cost minutes, no two traces have an id in common, and each piece is a whole file
as the Collector's file exporter writes it (OTLP protobuf, zstd).
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tests.benchmarks.exports import as_export
from tests.benchmarks.generate import NAMES, build_shop, generate

__all__ = ["SERVICES", "SPANS_PER_PIECE", "write_pieces"]

SERVICES: Final = tuple(f"{name}{place}" for place in ("", "-europe", "-partners") for name in NAMES)[:60]
SPANS_PER_PIECE: Final = 400_000
TEMPLATES: Final = 4
HOUR_NS: Final = 3_600_000_000_000

#: Fields of a span in the order in which they are encoded: ids, name, kind, start and end.
_SPAN: Final = re.compile(
    rb"\x0a\x10(.{8})(.{8})\x12\x08(.{8})(?:\x22\x08(.{8}))?\x2a.[\x20-\x7e]{1,127}?\x30[\x01-\x05]\x39(.{8})\x41(.{8})",
    re.DOTALL,
)
_GROUPS: Final = ("trace_high", "trace_low", "span", "parent", "start", "end")

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Template:
    """An encoded export, and where in it ids and times are."""

    content: bytes
    spans: int
    places: dict[str, Places]

    @classmethod
    def of(cls, table: pa.Table) -> _Template:
        content = as_export(table, "otlp-protobuf")
        found = np.array([[match.start(group) for group in range(1, 7)] for match in _SPAN.finditer(content)])
        assert len(found) == table.num_rows, f"{len(found)} of {table.num_rows} spans were found in their encoding"
        places = {name: found[:, group][found[:, group] >= 0] for group, name in enumerate(_GROUPS)}
        template = cls(content, table.num_rows, places)
        ids = template.values("span").byteswap()
        assert np.array_equal(np.sort(ids), np.sort(table["span_id"].to_numpy()))
        return template

    def values(self, name: str) -> npt.NDArray[np.uint64]:
        return _cells(np.frombuffer(self.content, np.uint8), self.places[name])

    def piece(self, number: int, hours: int) -> bytes:
        """Return the template with the ids and times of a piece; pieces are spread over so many hours."""
        content = np.frombuffer(self.content, np.uint8).copy()
        keys = np.random.default_rng([5, number]).integers(1, 2**63, 3, dtype=np.uint64)
        # A span and whoever names it as parent get the same key: they stay what they are to each other.
        of_name = dict(zip(("trace_high", "trace_low", "span"), keys, strict=True)) | {"parent": keys[2]}
        for name, key in of_name.items():
            _put(content, self.places[name], self.values(name) ^ key)
        later = np.uint64(number % hours * HOUR_NS)
        for name in ("start", "end"):
            _put(content, self.places[name], self.values(name) + later)
        return content.tobytes()


def _cells(content: npt.NDArray[np.uint8], places: Places) -> npt.NDArray[np.uint64]:
    cells = np.ascontiguousarray(content[places[:, None] + np.arange(8)]).view(np.uint64)
    return cells.reshape(-1)


def _put(content: npt.NDArray[np.uint8], places: Places, values: npt.NDArray[np.uint64]) -> None:
    content[places[:, None] + np.arange(8)] = values.view(np.uint8).reshape(-1, 8)


def write_pieces(
    spans: int,
    folder: Path,
    *,
    size: int = SPANS_PER_PIECE,
    hours: int = 1,
    told: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write at least so many spans as files of about ``size`` each, and return the files.

    Their names say how many spans they hold. Pieces begin an hour apart, and after so many hours again with the first:
    more pieces are more load, not more time. A piece that is there already is kept: the same number of piece has the
    same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = {int(path.name.split("-")[1]): path for path in folder.glob("piece-*.binpb.zst")}
    templates = _Templates(size)
    written: list[Path] = []
    done = 0
    while done < spans:
        number = len(written)
        path = there.get(number) or _written(folder, number, templates.of(number), hours)
        written.append(path)
        done += int(path.name.split(".")[0].split("-")[2])
        if told is not None:
            told(done, spans)
    return written


def _written(folder: Path, number: int, template: _Template, hours: int) -> Path:
    path = folder / f"piece-{number:05d}-{template.spans}.binpb.zst"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(pa.Codec("zstd", 1).compress(template.piece(number, hours), asbytes=True))
    return unfinished.replace(path)


class _Templates:
    """Templates, each made when it is first asked for."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._made: dict[int, _Template] = {}

    def of(self, piece: int) -> _Template:
        number = piece % TEMPLATES
        if number not in self._made:
            shop = build_shop(np.random.default_rng(3), names=SERVICES)
            self._made[number] = _Template.of(generate(self._size, seed=100 + number, shop=shop))
        return self._made[number]


def main() -> None:
    """Write generated exports in pieces."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pieces", description=main.__doc__)
    parser.add_argument("spans", type=float)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--piece", type=float, default=SPANS_PER_PIECE, help="spans in a piece")
    parser.add_argument("--hours", type=int, default=1, help="how many hours they are spread over")
    chosen = parser.parse_args()
    began = time.perf_counter()
    files = write_pieces(int(chosen.spans), chosen.to, size=int(chosen.piece), hours=chosen.hours)
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files)} files, {size / 1e6:,.0f} MB, in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
