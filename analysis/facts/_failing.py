"""Which spans failed, and how: told apart from answers that are as they should be."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts._says import says, telling
from analysis.forest import Forest

__all__ = ["FAILING_COLUMNS", "MECHANISMS", "failing", "has_idempotency_key", "kept_by_breaker", "mechanism"]

FAILING_COLUMNS: Final = ("status", "http_status", "rpc_status", "error_type", "retry_evidence")
MECHANISMS: Final = ("error", "timeout", "rejection", "exhausted retries", "saturation", "bad data")

#: HTTP answers to the client's own mistake: the callee did its work (RFC 9110, section 15.5), but for a timeout, a
#: conflict with the rate limit, and the proxies' 499 "client closed request", which is a cancellation.
_EXPECTED_HTTP: Final = frozenset(range(400, 500)) - {408, 429}
#: HTTP has statuses of three digits.
_STATUSES: Final = 1000
#: Those below tell of success, or that there is more to come.
_LEAST_FAILURE: Final = 400
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
    failed = forest.error.copy()
    # Few rows have the status of an error; only they are looked at.
    rows = np.flatnonzero(failed)
    expected = _answers(forest, rows, _EXPECTED_HTTP)
    expected |= _says(forest, rows, "rpc_status", lambda text: _code(text) in _EXPECTED_RPC)
    expected |= _says(forest, rows, "error_type", lambda text: _holds(text, _CANCEL_WORDS))
    expected |= _says(forest, rows, "retry_evidence", _left)
    failed[rows[expected]] = False
    return failed


def _how(forest: Forest) -> npt.NDArray[np.int32]:
    # Few rows say how they failed.
    speaking = forest.array("http_status") >= _LEAST_FAILURE
    for column in ("rpc_status", "error_type", "retry_evidence"):
        if forest.codes(column).values:
            speaking |= forest.codes(column).codes >= 0
    rows = np.flatnonzero(speaking)
    rejected = _answers(forest, rows, _REJECTION_HTTP)
    rejected |= _says(forest, rows, "rpc_status", lambda text: _code(text) in _REJECTION_RPC)
    rejected |= _says(forest, rows, "error_type", lambda text: _holds(text, _REJECTION_WORDS))
    rejected |= _says(forest, rows, "retry_evidence", lambda text: bool(_REJECTION_FLAGS & set(_flags(text))))
    late = _answers(forest, rows, _TIMEOUT_HTTP)
    late |= _says(forest, rows, "rpc_status", lambda text: _code(text) in _TIMEOUT_RPC)
    late |= _says(forest, rows, "error_type", lambda text: _holds(text, _TIMEOUT_WORDS))
    late |= _says(forest, rows, "retry_evidence", lambda text: bool(_TIMEOUT_FLAGS & set(_flags(text))))
    bad = _says(forest, rows, "error_type", lambda text: _holds(text, _DATA_WORDS))
    how = np.zeros(forest.size, np.int32)
    for marked, name in ((bad, "bad data"), (rejected, "rejection"), (late, "timeout")):
        how[rows[marked]] = MECHANISMS.index(name)
    return how


def kept_by_breaker(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the rows that an open breaker kept back, as the exception or the proxy says."""
    named = says(forest, "error_type", lambda text: _holds(text, _BREAKER_WORDS))
    return named | says(forest, "retry_evidence", lambda text: _BREAKER_FLAG in _flags(text))


def has_idempotency_key(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the rows that carried a key by which the callee knows a request that comes again."""
    return says(forest, "retry_evidence", lambda text: "idempotency-key" in text.split(";"))


def _answers(forest: Forest, rows: npt.NDArray[np.int64], wanted: Collection[int]) -> npt.NDArray[np.bool_]:
    """Mark those of some rows whose HTTP status is one of some; the status of a row that has none is 0."""
    marked = np.zeros(_STATUSES, np.bool_)
    marked[list(wanted)] = True
    return np.asarray(marked[np.clip(forest.array("http_status")[rows], 0, _STATUSES - 1)])


def _says(
    forest: Forest, rows: npt.NDArray[np.int64], column: str, wanted: Callable[[str], Any]
) -> npt.NDArray[np.bool_]:
    """Mark those of some rows whose text in a column passes a test; null does not."""
    codes = forest.codes(column)
    return np.asarray(telling(codes, wanted)[codes.codes[rows]])


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
