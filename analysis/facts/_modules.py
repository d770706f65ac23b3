"""The module of a service that each span belongs to: what a modular monolith would be cut along.

A span belongs to the module that it names (``code.namespace``), else to its instrumentation scope where that is the
service's own code and no library that instruments. What names none belongs to the module around it; the span through
which a service is entered, and what lies before the first module, to the first module below.
"""

from __future__ import annotations

import re
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "modules_of"]

COLUMNS: Final = ("service", "module", "scope", "name")

#: Scopes of libraries that instrument, in the languages of OpenTelemetry, and of agents and meshes.
_LIBRARIES: Final = re.compile(
    r"instrumentation|^opentelemetry|^@?open-?telemetry|^io\.opentelemetry|^go\.opentelemetry\.io|^OpenTelemetry\.|"
    r"^@vercel/otel|^next\.js$|^Microsoft\.|^System\.|^Npgsql$|^MongoDB\.|^StackExchange\.|^envoy|^istio|^linkerd|"
    r"otel(?:http|grpc|gin|mux|echo|sarama|sql|mongo)|/otel|^rust|^tracing|^zipkin|^brave|^jaeger|^datadog|^elastic|^sdk$",
    re.IGNORECASE,
)
_MODULES: Final[WeakKeyDictionary[Forest, Codes]] = WeakKeyDictionary()
#: A last part that begins with a capital letter is a class, not a module.
_CLASS: Final = re.compile(r"[.:\\/]+[A-Z][A-Za-z0-9_$]*$")


def modules_of(forest: Forest) -> Codes:
    """Return the module of each row; -1 where its service names none on the way."""
    if forest not in _MODULES:
        _MODULES[forest] = _found(forest)
    return _MODULES[forest]


def _found(forest: Forest) -> Codes:
    named, scopes, services = forest.codes("module"), forest.codes("scope"), forest.codes("service")
    texts = [_package(text) for text in named.values] + [
        "" if _LIBRARIES.search(text) else text for text in scopes.values
    ]
    levels = tuple(sorted(set(texts) - {""}))
    place = {text: code for code, text in enumerate(levels)}
    # The last entry is where the code -1 of a null lands.
    of_text = np.array([*(place.get(text, -1) for text in texts), -1], np.int32)
    of_name = of_text[np.where(named.codes >= 0, named.codes, -1)]
    of_scope = of_text[np.where(scopes.codes >= 0, scopes.codes + len(named.values), -1)]
    # A tracer that is called after its service says no more than the service.
    itself = _same_text(scopes, services)
    own = np.where(named.codes >= 0, of_name, np.where(itself, np.int32(-1), of_scope)).astype(np.int32)
    if not (own >= 0).any():
        return Codes(own, levels)
    return Codes(_assigned(forest.downwards, forest.parent, services.codes, own), levels)


def _package(module: str) -> str:
    return _CLASS.sub("", module) or module


def _same_text(one: Codes, other: Codes) -> npt.NDArray[np.bool_]:
    """Mark the rows in which two text columns say the same."""
    place = {text: code for code, text in enumerate(other.values)}
    lookup = np.array([*(place.get(text, -2) for text in one.values), -2], np.int32)
    same: npt.NDArray[np.bool_] = lookup[one.codes] == other.codes
    return same


@kernel
def _assigned(
    order: npt.NDArray[np.int32],
    parent: npt.NDArray[np.int32],
    service: npt.NDArray[np.int32],
    own: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    module = own.copy()
    # Down: what is inside a module belongs to it.
    for place in range(len(order)):
        row = order[place]
        above = parent[row]
        if module[row] < 0 and above >= 0 and service[above] == service[row]:
            module[row] = module[above]
    # Up: what leads to a module belongs to the first that it leads to; rows of one parent come by start.
    for place in range(len(order) - 1, -1, -1):
        row = order[place]
        above = parent[row]
        if own[row] < 0 and module[row] < 0:
            continue
        if above >= 0 and service[above] == service[row] and own[above] < 0:
            module[above] = module[row]
    # Down again: what hangs beside the first module.
    for place in range(len(order)):
        row = order[place]
        above = parent[row]
        if module[row] < 0 and above >= 0 and service[above] == service[row]:
            module[row] = module[above]
    return module
