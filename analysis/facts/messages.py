"""Producer and consumer spans by destination, and which consumers begin a trace that nothing leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.operations import message_destination_template
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (
    "service",
    "operation",
    "kind",
    "messaging_system",
    "messaging_destination",
    "messaging_operation",
    "links",
)
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that recorded the span"),
    Field("operation", pa.string(), "key", "", "its operation"),
    Field("kind", pa.string(), "key", "", "producer or consumer"),
    Field("system", pa.string(), "key", "", "messaging system"),
    Field("destination", pa.string(), "key", "", "topic, queue or exchange, without identifiers"),
    Field("step", pa.string(), "key", "", "publish, receive, process … as exported, lower case"),
    Field("alone", pa.bool_(), "key", "", "the span names no parent and has no link"),
    Field("spans", pa.int64(), "sum", "spans", "spans as exported"),
    Field("linked", pa.int64(), "sum", "spans", "of these, with a link"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the span"),
)
_MESSAGING: Final = (KINDS.index("producer"), KINDS.index("consumer"))


def scan(forest: Forest) -> pa.Table:
    """Return the producer and consumer spans of one partition."""
    rows = np.flatnonzero(forest.of_kind(_MESSAGING))
    linked = _linked(forest)[rows]
    keys = {
        "service": forest.codes("service"),
        "operation": forest.codes("operation"),
        "kind": forest.codes("kind"),
        "system": forest.codes("messaging_system"),
        "destination": _mapped(forest.codes("messaging_destination"), message_destination_template),
        "step": _mapped(forest.codes("messaging_operation"), str.lower),
    }
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **{name: Codes(codes.codes[rows], codes.values) for name, codes in keys.items()},
                "alone": (forest.array("parent_span_id")[rows] == 0) & ~linked,
            },
            trace=forest.trace_of[rows],
            sums={"spans": np.ones(len(rows), np.bool_), "linked": linked},
            histograms={},
            exemplar_value=forest.duration[rows],
            span_rows=rows,
        ),
    )


def _linked(forest: Forest) -> np.ndarray:
    """Mark the spans with a link, wherever it leads."""
    links = forest.table["links"]
    lengths = [chunk.value_lengths().fill_null(0).to_numpy(zero_copy_only=False) for chunk in links.chunks]
    return np.concatenate([np.zeros(0, np.int32), *lengths]) > 0


def _mapped(codes: Codes, written: Callable[[str], str]) -> Codes:
    """Return codes of texts as they are written otherwise, the same text having one code."""
    texts = [written(text) for text in codes.values]
    ordered = tuple(sorted(set(texts)))
    place = {text: code for code, text in enumerate(ordered)}
    lookup = np.array([*(place[text] for text in texts), -1], np.int32)
    return Codes(lookup[codes.codes], ordered)
