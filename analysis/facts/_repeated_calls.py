"""Calls as runs are made of: whom each goes to, under which span, with which values, and until when.

Layers of instrumentation are put together first: a span around another layer's span of the same call is passed over,
and a statement on a span of no time takes the time of the span beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis import sql
from analysis._kernels.numbering import take_codes, take_missing
from analysis.facts import _data_calls
from analysis.facts._numbering import combined, firsts
from analysis.facts._run_kernels import nearest_outside
from analysis.facts._says import passing
from analysis.forest import Codes, Forest
from analysis.links.layers import layers_of
from analysis.schema import KINDS

__all__ = ["COLUMNS", "DATA", "PAGED", "Calls", "certain_values", "select_calls"]

COLUMNS: Final = (
    *_data_calls.COLUMNS,
    "operation",
    "scope",
    "parameters",
    "http_method",
    "http_route",
    "url_path",
    "peer_service",
    "resend_count",
    "messaging_destination",
    "messaging_operation",
    "instance",
    "multiplicity",
    "status",
)
DATA: Final = ("database", "cache")

_CLIENT, _PRODUCER = KINDS.index("client"), KINDS.index("producer")
_ANSWERING: Final = (KINDS.index("server"), KINDS.index("consumer"))
#: Statements that ask for no data, by category: transactions, sessions, tests of a connection.
_CONTROL: Final = {
    "database": re.compile(
        r"(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|START TRANSACTION|SET|RESET|DISCARD|DEALLOCATE|USE|SHOW|PING)\b"
        r"|SELECT \?$",
        re.IGNORECASE,
    ),
    "cache": re.compile(r"(PING|AUTH|HELLO|SELECT|MULTI|EXEC|DISCARD|WATCH|UNWATCH|CLIENT|QUIT)\b", re.IGNORECASE),
}
#: What consumers do to fetch their messages: calls of the client library, not of the program.
_FETCHING: Final = frozenset({"receive", "poll", "ack", "nack", "settle", "commit", "process", "deliver", "consume"})
#: Keys of a query by which one long answer is read page by page.
PAGED: Final = re.compile(
    r"[?&](page|offset|cursor|after|before|skip|start|next|continuation|page_?token|page_?number|next_?token)(?==|&|$)",
    re.IGNORECASE,
)
#: Methods whose requests have no body: equal addresses are equal requests.
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})

Integers = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Calls:
    """Calls to stores and to other services, an entry a call, by row ascending.

    Attributes
    ----------
    rows
        The span of the call.
    remote
        A call to another service rather than to a store.
    above
        For every row of the forest its nearest ancestor that is no layer around a call; -1 where there is none.
    template, target, category, scope
        Texts of each call.
    routed
        The template is the callee's route rather than what the caller says.
    server
        Row of the callee's span; -1 where it was not seen.
    partner
        Row of the span beside it that holds the call's time; -1 where there is none.
    values
        Hash of the values taken out of the template.
    of_values
        Row that the hash is from: the call's, or that of the callee's span where only that names a path.
    resent
        The instrumentation says that this is another attempt.
    place
        Number of the address or instance called, to tell whether a run goes to many.
    """

    rows: npt.NDArray[np.int64]
    remote: Bools
    above: npt.NDArray[np.int32]
    template: Codes
    target: Codes
    category: Codes
    scope: Codes
    routed: Bools
    server: npt.NDArray[np.int64]
    partner: npt.NDArray[np.int64]
    values: npt.NDArray[np.uint64]
    of_values: npt.NDArray[np.int64]
    resent: Bools
    place: npt.NDArray[np.int64]


def select_calls(forest: Forest) -> Calls:
    """Return the calls of one partition that can make runs: not the control of transactions, not fetching messages."""
    kept = _data_calls.data_calls(forest)
    stores = _of_category(forest, DATA) & ~forest.of_kind(_ANSWERING)
    data = np.zeros(forest.size, bool)
    data[kept] = True
    remote = forest.of_kind((_CLIENT, _PRODUCER)) & ~stores & ~_says(forest, "messaging_operation", _FETCHING)
    layer = (stores & ~data) | _around_their_like(forest, remote)
    beside = layers_of(forest)
    data &= ~_control(forest)
    rows = np.flatnonzero(data | (remote & ~layer))
    server = _servers(forest)[rows]
    is_remote = remote[rows]
    server[~is_remote] = -1
    of_values = np.where((forest.codes("url_path").codes[rows] >= 0) | (server < 0), rows, server)
    by_depth = forest.by_depth
    routed = _routed(forest, rows, server)
    return Calls(
        rows=rows,
        remote=is_remote,
        above=nearest_outside(by_depth, forest.parent, layer),
        template=_templates(forest, rows, server, routed),
        target=_targets(forest, rows, server, is_remote),
        category=_taken(forest.codes("category"), rows),
        scope=_scopes(forest, rows, layer & stores, is_remote),
        routed=routed,
        server=server,
        partner=beside.timed[rows],
        values=forest.array("parameters").astype(np.uint64)[of_values],
        of_values=of_values,
        resent=forest.array("resend_count")[rows] > 0,
        place=_places(forest, rows, server),
    )


def _taken(codes: Codes, rows: Integers) -> Codes:
    """Return the codes of some rows; a row of -1 has none."""
    taken = np.empty(len(rows), np.int32)
    take_codes(codes.codes, np.ascontiguousarray(rows, np.int64), taken)
    return Codes(taken, codes.values)


def _first_of(parts: Sequence[Codes]) -> Codes:
    """Return for each row the first of several texts that is there."""
    codes = np.full(len(parts[0].codes), -1, np.int32)
    values: list[str] = []
    for part in parts:
        take_missing(part.codes, len(values), codes)
        values += part.values
    return Codes(codes, tuple(values))


def _of_category(forest: Forest, wanted: Sequence[str]) -> Bools:
    return _says(forest, "category", frozenset(wanted))


def _says(forest: Forest, column: str, wanted: frozenset[str]) -> Bools:
    codes = forest.codes(column)
    return codes.marked([code for code, text in enumerate(codes.values) if text.lower() in wanted])


def _control(forest: Forest) -> Bools:
    """Mark data calls that ask for no data."""
    template = forest.codes("template")
    marked = np.zeros(forest.size, bool)
    for category, pattern in _CONTROL.items():
        marked |= passing(template, pattern.match) & _of_category(forest, (category,))
    return marked & (forest.codes("db_collection").codes < 0)


def _around_their_like(forest: Forest, remote: Bools) -> Bools:
    """Mark calls around another layer's span of the same service, such as a vendor's library around its HTTP client."""
    service = forest.codes("service").codes
    inner = np.flatnonzero(remote & (forest.parent >= 0))
    outer = forest.parent[inner]
    marked = np.zeros(forest.size, bool)
    same = remote[outer] & (service[outer] == service[inner]) & (forest.kind[outer] == forest.kind[inner])
    marked[outer[same]] = True
    return marked


def _servers(forest: Forest) -> npt.NDArray[np.int64]:
    """Return for each row its first child that answers it: a server or consumer span, or one of another service."""
    service = forest.codes("service").codes
    below = np.flatnonzero(forest.parent >= 0)
    above = forest.parent[below]
    answers = forest.of_kind(_ANSWERING)[below] | (
        (service[below] != service[above]) & ~forest.of_kind((_CLIENT, _PRODUCER))[below]
    )
    found = np.full(forest.size, -1, np.int64)
    # Written from the last to the first, so that the first stays.
    found[above[answers][::-1]] = below[answers][::-1]
    return found


def _routed(forest: Forest, rows: Integers, server: Integers) -> Bools:
    """Mark the calls whose callee says its route.

    Where the caller's template has keys of paging, which a route has not, it stays.
    """
    template = forest.codes("template")
    said = _taken(forest.codes("http_route"), server).codes >= 0
    return np.asarray((server >= 0) & said & ~passing(_taken(template, rows), PAGED.search))


def _templates(forest: Forest, rows: Integers, server: Integers, routed: Bools) -> Codes:
    """Return the callee's route where it is joined, else the caller's template, else the name of the operation."""
    template, operation = forest.codes("template"), forest.codes("operation")
    route = _taken(template, np.where(routed, server, -1))
    return _first_of([route, _taken(template, rows), _taken(template, server), _taken(operation, rows)])


def _targets(forest: Forest, rows: Integers, server: Integers, remote: Bools) -> Codes:
    """Return the callee's service, else the peer's name, the destination or the address; of data calls the store."""
    data = np.flatnonzero(~remote)
    stores = _data_calls.stores(forest, rows[data].astype(np.int64))
    of_store = np.full(len(rows), -1, np.int32)
    of_store[data] = stores.codes
    away = np.where(remote, rows, -1)
    names = ("peer_service", "messaging_destination", "server_address")
    parts = [_taken(forest.codes("service"), server), *(_taken(forest.codes(name), away) for name in names)]
    return _first_of([Codes(of_store, stores.values), *parts])


def _scopes(forest: Forest, rows: Integers, layer: Bools, remote: Bools) -> Codes:
    """Return the instrumentation of a data call, of the layer around it where there is one; none of other calls."""
    scope = forest.codes("scope")
    parent, beside = forest.parent[rows], layers_of(forest).around[rows]
    above = np.where((parent >= 0) & layer[parent], parent, -1)
    around = np.where(remote, -1, np.where(beside >= 0, beside, above))
    return _first_of([_taken(scope, around), _taken(scope, np.where(remote, -1, rows))])


def certain_values(forest: Forest, calls: Calls, chosen: Integers) -> Bools:
    """Return for some calls whether equal hashes mean equal values: none is behind a placeholder, a body or a cut."""
    rows, seen = calls.rows[chosen], calls.of_values[chosen]
    bodiless = _says(forest, "http_method", frozenset(name.lower() for name in _WITHOUT_BODY))[rows]
    by_path = bodiless & _of_category(forest, ("http",))[rows] & (forest.codes("url_path").codes[seen] >= 0)
    whole = np.where(calls.remote[chosen], by_path, _whole_statements(forest, rows))
    return np.asarray(whole & (forest.multiplicity[rows] == 1))


def _whole_statements(forest: Forest, rows: Integers) -> Bools:
    """Mark the rows whose statement hides no value."""
    statement, system = forest.codes("db_statement"), forest.codes("db_system")
    combination = combined(statement.codes[rows], system.codes[rows])
    examples = rows[firsts(combination)]
    whole = np.zeros(len(examples), bool)
    for index, (code, of_system) in enumerate(zip(statement.codes[examples], system.codes[examples], strict=True)):
        if code >= 0:
            whole[index] = _is_whole(statement.values[code], system.values[of_system] if of_system >= 0 else "")
    return np.asarray(whole[combination], np.bool_)


@lru_cache(maxsize=1 << 14)
def _is_whole(statement: str, system: str) -> bool:
    """Say whether a statement hides no value; several facts ask, and partitions repeat one another's statements."""
    said = sql.fingerprint(statement, system)
    return not said.sanitised and not said.truncated


def _places(forest: Forest, rows: Integers, server: Integers) -> npt.NDArray[np.int64]:
    """Give each place that is called a number: address and port, or the instance that answered."""
    address = forest.codes("server_address").codes[rows].astype(np.int64)
    port = forest.array("server_port")[rows].astype(np.int64)
    instance = _taken(forest.codes("instance"), server).codes.astype(np.int64)
    place = combined(combined(address, port), instance)
    return np.asarray(np.where((address < 0) & (instance < 0), -1, place), np.int64)
