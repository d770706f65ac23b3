"""Which spans failed, and how: told apart from answers that are as they should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts._call_kernels import read_signals
from analysis.facts._says import passing
from analysis.forest import Codes, Forest

__all__ = ["FAILING_COLUMNS", "KEYED", "LATE", "MECHANISMS", "failing", "kept_by_breaker", "mechanism", "signals"]

FAILING_COLUMNS: Final = ("status", "http_status", "rpc_status", "error_type", "retry_evidence")
MECHANISMS: Final = ("error", "timeout", "rejection", "exhausted retries", "saturation", "bad data")

#: What the answer to a row tells, as bits.
_EXPECTED, _REJECTED, LATE, _BAD, _KEPT, KEYED = (1 << place for place in range(6))
#: HTTP answers to the client's own mistake: the callee did its work (RFC 9110, section 15.5), but for a timeout, a
#: conflict with the rate limit, and the proxies' 499 "client closed request", which is a cancellation.
_EXPECTED_HTTP: Final = frozenset(range(400, 500)) - {408, 429}
#: HTTP has statuses of three digits.
_STATUSES: Final = 1000
#: gRPC codes of the same kind (grpc.io/docs/guides/status-codes), and cancellation by the client.
_EXPECTED_RPC: Final = frozenset(
    (
        "1",
        "3",
        "5",
        "6",
        "7",
        "9",
        "11",
        "16",
        "cancelled",
        "canceled",
        "invalid_argument",
        "not_found",
        "already_exists",
        "permission_denied",
        "failed_precondition",
        "out_of_range",
        "unauthenticated",
    )
)
_TIMEOUT_HTTP: Final = (408, 504)
_REJECTION_HTTP: Final = (429, 503)
_TIMEOUT_RPC: Final = frozenset(("4", "deadline_exceeded"))
_REJECTION_RPC: Final = frozenset(("8", "14", "resource_exhausted", "unavailable"))
_TIMEOUT_WORDS: Final = ("timeout", "timedout", "timed out", "deadline")
_REJECTION_WORDS: Final = (
    "circuit",
    "callnotpermitted",
    "brokencircuit",
    "bulkhead",
    "poolexhausted",
    "pooltimeout",
    "ratelimit",
    "toomanyrequests",
    "rejected",
    "connectionrefused",
    "connecterror",
    "connectionerror",
    "unavailable",
    "overflow",
)
#: Exceptions of what cannot be read, or breaks a rule of the data; words of their class names.
_DATA_WORDS: Final = (
    "violation",
    "integrity",
    "validation",
    "decode",
    "parse",
    "deserializ",
    "malformed",
    "valueerror",
    "typeerror",
    "keyerror",
    "numberformat",
    "nullpointer",
)
#: Response flags of Envoy (envoyproxy.io, "Access logging"): an open breaker, no connection, no healthy host, no
#: cluster, a rate limit, its overload manager, a health check that failed here.
_REJECTION_FLAGS: Final = frozenset(("UO", "UF", "UH", "NC", "RL", "RLSE", "OM", "LH"))
#: It waited in vain: for the answer, for the next part of a stream, for longer than a stream may last.
_TIMEOUT_FLAGS: Final = frozenset(("UT", "SI", "DT", "UMSDR"))
#: Whoever asked went away, or did not speak the protocol.
_LEFT_FLAGS: Final = frozenset(("DC", "DR", "DPE"))
#: What the exceptions of open breakers are called: resilience4j, Polly, Hystrix, pybreaker, gobreaker, opossum.
_BREAKER_WORDS: Final = ("circuit", "callnotpermitted", "breakeropen", "openbreaker", "hystrixruntime")
#: Envoy's response flag for an open breaker (overflow).
_BREAKER_FLAG: Final = "UO"
_CANCEL_WORDS: Final = ("cancelled", "canceled", "clientdisconnect", "clientabort", "context canceled")


#: Many facts of one pass ask for the same; forgotten with the forest.
_SIGNALS: Final[WeakKeyDictionary[Forest, npt.NDArray[np.int8]]] = WeakKeyDictionary()
_FAILING: Final[WeakKeyDictionary[Forest, npt.NDArray[np.bool_]]] = WeakKeyDictionary()
_MECHANISM: Final[WeakKeyDictionary[Forest, npt.NDArray[np.int32]]] = WeakKeyDictionary()


def failing(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the rows that failed: error status, but neither an expected answer nor a cancellation by the client."""
    if forest not in _FAILING:
        _FAILING[forest] = _failed(forest)
    return _FAILING[forest]


def mechanism(forest: Forest) -> npt.NDArray[np.int32]:
    """Return for each row how it failed, as far as the row alone says: an index into ``MECHANISMS``."""
    if forest not in _MECHANISM:
        _MECHANISM[forest] = _how(forest)
    return _MECHANISM[forest]


def _failed(forest: Forest) -> npt.NDArray[np.bool_]:
    return np.asarray(forest.error & (signals(forest) & _EXPECTED == 0))


def _how(forest: Forest) -> npt.NDArray[np.int32]:
    # The strongest sign comes last: what was late may have been rejected for it.
    how = np.zeros(1 << 7, np.int32)
    for bit, name in ((_BAD, "bad data"), (_REJECTED, "rejection"), (LATE, "timeout")):
        how[np.flatnonzero(np.arange(len(how)) & bit)] = MECHANISMS.index(name)
    return how[signals(forest)]


def kept_by_breaker(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the rows that an open breaker kept back, as the exception or the proxy says."""
    return np.asarray(signals(forest) & _KEPT != 0)


def signals(forest: Forest) -> npt.NDArray[np.int8]:
    """Return for each row what its statuses, error and proxy tell, as bits: :data:`LATE`, :data:`KEYED` and others."""
    if forest not in _SIGNALS:
        columns: list[npt.NDArray[Any]] = [forest.array("http_status"), _of_statuses()]
        for name, told in _TELLING.items():
            codes = forest.codes(name)
            columns += (codes.codes, _of_texts(codes.values, told))
        _SIGNALS[forest] = read_signals(*columns)
    return _SIGNALS[forest]


def _of_statuses() -> npt.NDArray[np.int8]:
    """Return the bits of each HTTP status; that of a row that has none is 0."""
    bits = np.zeros(_STATUSES, np.int8)
    for bit, wanted in ((_EXPECTED, _EXPECTED_HTTP), (_REJECTED, _REJECTION_HTTP), (LATE, _TIMEOUT_HTTP)):
        bits[list(wanted)] |= bit
    return bits


def _of_texts(values: tuple[str, ...], told: Mapping[int, Callable[[str], bool]]) -> npt.NDArray[np.int8]:
    """Return the bits of each text, and of none."""
    bits = np.zeros(len(values) + 1, np.int8)
    every = Codes(np.arange(len(values), dtype=np.int32), values)
    for bit, wanted in told.items():
        bits[:-1] |= np.where(passing(every, wanted), np.int8(bit), np.int8(0))
    return bits


def _flags(evidence: str) -> list[str]:
    """Return the response flags of a proxy: ``response_flags=URX,UF;…``."""
    parts = (part.partition("=") for part in evidence.upper().split(";"))
    return [flag for name, _, value in parts if name == "RESPONSE_FLAGS" for flag in value.split(",")]


def _left(evidence: str) -> bool:
    """Tell whether a proxy says that the client went away, and of nothing that failed before."""
    flags = {flag.strip() for flag in _flags(evidence)} - {""}
    return bool(flags) and flags <= _LEFT_FLAGS


def _code(text: str) -> str:
    return text.strip().lower().replace(" ", "_")


def _holds(text: str, words: tuple[str, ...]) -> bool:
    plain = text.lower().replace("_", "").replace("-", "")
    return any(word in plain or word in text.lower() for word in words)


#: What the texts of a column tell.
_TELLING: Final[Mapping[str, Mapping[int, Callable[[str], bool]]]] = {
    "rpc_status": {
        _EXPECTED: lambda text: _code(text) in _EXPECTED_RPC,
        _REJECTED: lambda text: _code(text) in _REJECTION_RPC,
        LATE: lambda text: _code(text) in _TIMEOUT_RPC,
    },
    "error_type": {
        _EXPECTED: lambda text: _holds(text, _CANCEL_WORDS),
        _REJECTED: lambda text: _holds(text, _REJECTION_WORDS),
        LATE: lambda text: _holds(text, _TIMEOUT_WORDS),
        _BAD: lambda text: _holds(text, _DATA_WORDS),
        _KEPT: lambda text: _holds(text, _BREAKER_WORDS),
    },
    "retry_evidence": {
        _EXPECTED: _left,
        _REJECTED: lambda text: bool(_REJECTION_FLAGS & set(_flags(text))),
        LATE: lambda text: bool(_TIMEOUT_FLAGS & set(_flags(text))),
        _KEPT: lambda text: _BREAKER_FLAG in _flags(text),
        KEYED: lambda text: "idempotency-key" in text.split(";"),
    },
}
