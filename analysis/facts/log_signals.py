"""What log records tell of calls that were refused, cut short or tried again: response flags of proxies, open breakers.

Each is told by its meaning, whatever tool it is from, and by the minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._log_rows import chosen
from analysis.facts._table import Field, Occurrences, gather
from analysis.facts.call_minutes import MINUTE_NS
from analysis.facts.log_links import TIMELESS
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "LOG_COLUMNS", "SIGNALS", "scan"]

COLUMNS: Final = ("service",)
LOG_COLUMNS: Final = ("peer_service", "retry_evidence", "template", "error_type")
#: What a signal is called, and the response flags of Envoy that are one (envoyproxy.io, "Access logging").
_FLAGS: Final = {
    "overflow": ("UO",),
    "no connection": ("UF", "LR", "UR", "UC"),
    "no healthy host": ("UH", "NC"),
    "retries used up": ("URX",),
    "rate limited": ("RL", "RLSE"),
    "timeout": ("UT", "SI", "DT"),
    "overload": ("OM",),
}
#: What libraries log, and what the exceptions are called, where a breaker is open or full.
_WORDS: Final = {
    "open breaker": re.compile(
        r"circuit[ -]?breaker\b.{0,60}\b(?:is open|opened|does not permit|rejected)|CallNotPermitted|BrokenCircuit"
        r"|CircuitBreakerOpen|breaker (?:is )?open\b|CircuitBreakerError",
        re.IGNORECASE,
    ),
    "full bulkhead": re.compile(
        r"\bbulkhead\b.{0,60}\b(?:is full|rejected)|BulkheadFull|BulkheadRejected", re.IGNORECASE
    ),
}
SIGNALS: Final = (*_FLAGS, *_WORDS, "attempts")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service, or proxy, that logged"),
    Field("target", pa.string(), "key", "", "upstream that a proxy called; empty where the record names none"),
    Field("signal", pa.string(), "key", "", "overflow, no connection, retries used up, open breaker, attempts …"),
    Field("minute", pa.int64(), "key", "min since epoch", "minute of the records; far below zero for those without"),
    Field("lines", pa.int64(), "sum", "records", "log records that tell it"),
    Field("joined", pa.int64(), "sum", "records", "of these, naming a trace that the export has spans of"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the signals in the log records of one partition."""
    logs = forest.logs
    rows, signal = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    for column in ("retry_evidence", "template", "error_type"):
        codes = logs.codes(column)
        for code, name in _told(codes, column):
            found = np.flatnonzero(codes.codes == code)
            rows.append(found)
            signal.append(np.full(len(found), SIGNALS.index(name), np.int32))
    # A record that tells one thing twice, in its message and by its exception, counts once.
    place, kind = np.concatenate(rows), np.concatenate(signal)
    _, first = np.unique(place * len(SIGNALS) + kind, return_index=True)
    place, kind = place[first], kind[first]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": chosen(logs.service, place),
                "target": chosen(logs.codes("peer_service"), place),
                "signal": Codes(kind, SIGNALS),
                "minute": np.where(logs.has_time[place], logs.time[place] // MINUTE_NS, TIMELESS),
            },
            trace=np.zeros(len(place), np.int64),
            sums={"lines": np.ones(len(place), np.bool_), "joined": logs.trace[place] >= 0},
            histograms={},
        ),
    )


def _told(codes: Codes, column: str) -> Iterator[tuple[int, str]]:
    """Yield codes with what their texts tell."""
    for code, text in enumerate(codes.values):
        if column == "retry_evidence":
            for part in text.split(";"):
                name, _, value = part.partition("=")
                if name == "attempts":
                    yield code, "attempts"
                flags = set(value.split(",")) if name == "response_flags" else set()
                yield from ((code, signal) for signal, known in _FLAGS.items() if flags & set(known))
        else:
            yield from ((code, signal) for signal, words in _WORDS.items() if words.search(text))
