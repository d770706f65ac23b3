"""Calls as runs are made of: whom each goes to, under which span, with which values, and until when.

Layers of instrumentation are put together first: a span around another layer's span of the same call is passed over,
and a statement on a span of no time takes the time of the span beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis import sql
from analysis.facts import _data_calls
from analysis.facts._call_kernels import mark_around
from analysis.facts._grouping import number_of
from analysis.facts._numbering import combined
from analysis.facts._outgoing import servers
from analysis.facts._run_kernels import nearest_outside
from analysis.facts._says import telling
from analysis.facts._texts import first_there, taken
from analysis.forest import Codes, Forest
from analysis.links.layers import layers_of
from analysis.links.naming import every_store
from analysis.operations import lacks_key
from analysis.schema import KINDS

__all__ = ["COLUMNS", "DATA", "PAGED", "Calls", "certain_values", "places_called", "select_calls"]

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

    @cached_property
    def question(self) -> npt.NDArray[np.int64]:
        """Number of the template, target and category of each call: what is asked, but for the values."""
        return number_of((self.template, self.target, self.category), len(self.rows))[0].astype(np.int64)


def select_calls(forest: Forest) -> Calls:
    """Return the calls of one partition that can make runs: not the control of transactions, not fetching messages."""
    kept = _data_calls.data_calls(forest)
    stores = _says(forest, "category", frozenset(DATA)) & ~forest.of_kind(_ANSWERING)
    data = np.zeros(forest.size, bool)
    data[kept] = True
    remote = forest.of_kind((_CLIENT, _PRODUCER)) & ~stores & ~_says(forest, "messaging_operation", _FETCHING)
    layer = stores & ~data
    # Around another layer's span of the same service, such as a vendor's library around its HTTP client.
    mark_around(forest.parent, forest.codes("service").codes, forest.kind, remote, layer)
    beside = layers_of(forest)
    data[kept[_control(forest, kept)]] = False
    rows = np.flatnonzero(data | (remote & ~layer))
    is_remote = remote[rows]
    server = np.where(is_remote, servers(forest, np.ones(forest.size, np.bool_))[rows], -1)
    of_values = np.where((forest.codes("url_path").codes[rows] >= 0) | (server < 0), rows, server)
    routed = _routed(forest, rows, server)
    return Calls(
        rows=rows,
        remote=is_remote,
        above=nearest_outside(forest.downwards, forest.parent, layer) if layer.any() else forest.parent,
        template=_templates(forest, rows, server, routed),
        target=_targets(forest, rows, server, is_remote),
        category=taken(forest.codes("category"), rows),
        scope=_scopes(forest, rows, layer & stores, is_remote),
        routed=routed,
        server=server,
        partner=beside.timed[rows],
        values=forest.array("parameters").astype(np.uint64)[of_values],
        of_values=of_values,
        resent=forest.array("resend_count")[rows] > 0,
    )


def _says(forest: Forest, column: str, wanted: frozenset[str], rows: Integers | None = None) -> Bools:
    """Mark the rows, all or some, whose text is one of some, in any case."""
    codes = forest.codes(column)
    codes = codes if rows is None else taken(codes, rows)
    return codes.marked([code for code, text in enumerate(codes.values) if text.lower() in wanted])


def _control(forest: Forest, rows: Integers) -> Bools:
    """Mark the data calls, of some rows, that ask for no data."""
    template, category = forest.codes("template"), forest.codes("category")
    asks_none = np.zeros((len(category.values) + 1, len(template.values) + 1), np.bool_)
    for name, pattern in _CONTROL.items():
        of_category = [code for code, text in enumerate(category.values) if text.lower() == name]
        asks_none[of_category] = telling(template, pattern.match)
    control = asks_none[category.codes[rows], template.codes[rows]]
    return np.asarray(control & (forest.codes("db_collection").codes[rows] < 0))


def _routed(forest: Forest, rows: Integers, server: Integers) -> Bools:
    """Mark the calls whose callee says its route.

    Where the caller's template has keys of paging, which a route has not, it stays.
    """
    template = forest.codes("template")
    said = taken(forest.codes("http_route"), server).codes >= 0
    return np.asarray(said & ~telling(template, PAGED.search)[template.codes[rows]])


def _templates(forest: Forest, rows: Integers, server: Integers, routed: Bools) -> Codes:
    """Return the callee's route where it is joined, else the caller's template, else the name of the operation."""
    template, operation = forest.codes("template"), forest.codes("operation")
    route = np.where(routed, server, -1)
    return first_there([(template, route), (template, rows), (template, server), (operation, rows)])


def _targets(forest: Forest, rows: Integers, server: Integers, remote: Bools) -> Codes:
    """Return the callee's service, else the peer's name, the destination or the address; of data calls the store."""
    away = np.where(remote, rows, -1)
    names = ("peer_service", "messaging_destination", "server_address")
    return first_there(
        [
            (every_store(forest), np.where(remote, -1, rows)),
            (forest.codes("service"), server),
            *((forest.codes(name), away) for name in names),
        ]
    )


def _scopes(forest: Forest, rows: Integers, layer: Bools, remote: Bools) -> Codes:
    """Return the instrumentation of a data call, of the layer around it where there is one; none of other calls."""
    scope, own, beside = forest.codes("scope"), np.where(remote, -1, rows), layers_of(forest).around
    if not layer.any() and not (beside >= 0).any():
        return taken(scope, own)
    parent = forest.parent[rows]
    above = np.where((parent >= 0) & layer[parent], parent, -1)
    around = np.where(remote, -1, np.where(beside[rows] >= 0, beside[rows], above))
    return first_there([(scope, around), (scope, own)])


def certain_values(forest: Forest, calls: Calls, chosen: Integers) -> Bools:
    """Return for some calls whether equal hashes mean equal values: none is behind a placeholder, a body or a cut."""
    remote = calls.remote[chosen]
    away, data = np.flatnonzero(remote), np.flatnonzero(~remote)
    certain = forest.multiplicity[calls.rows[chosen]] == 1
    rows, seen = calls.rows[chosen[away]], calls.of_values[chosen[away]]
    bodiless = _says(forest, "http_method", frozenset(name.lower() for name in _WITHOUT_BODY), rows)
    by_path = bodiless & _says(forest, "category", frozenset(("http",)), rows)
    certain[away] &= by_path & (forest.codes("url_path").codes[seen] >= 0)
    certain[data] &= _whole_statements(forest, calls.rows[chosen[data]])
    return np.asarray(certain)


def _whole_statements(forest: Forest, rows: Integers) -> Bools:
    """Mark the rows whose statement hides no value."""
    statement, system = forest.codes("db_statement"), forest.codes("db_system")
    codes = [column.codes[rows] for column in (statement, system)]
    combination, first = number_of(tuple(codes), len(rows))
    stated, of = (column[first] for column in codes)
    # Of many statements few are looked at; the last system is where the code -1 of a null lands.
    texts = forest.columns.texts("db_statement").take(pa.array(stated, mask=stated < 0)).to_pylist()
    systems = (*system.values, "")
    pairs = zip(texts, of.tolist(), strict=True)
    whole = np.array([text is not None and _is_whole(text, systems[code]) for text, code in pairs], np.bool_)
    return np.asarray(whole[combination])


@lru_cache(maxsize=1 << 14)
def _is_whole(statement: str, system: str) -> bool:
    """Say whether a statement hides no value; several facts ask, and partitions repeat one another's statements."""
    said = sql.fingerprint(statement, system)
    return not said.sanitised and not said.truncated and not lacks_key(statement)


def places_called(forest: Forest, calls: Calls, chosen: Integers) -> npt.NDArray[np.int64]:
    """Give each place that some calls go to a number: address and port, or the instance that answered; -1: not known.

    It tells whether a run goes to many.
    """
    rows = calls.rows[chosen]
    address = forest.codes("server_address").codes[rows].astype(np.int64)
    port = forest.array("server_port")[rows].astype(np.int64)
    instance = taken(forest.codes("instance"), calls.server[chosen]).codes.astype(np.int64)
    place = combined(combined(address, port), instance)
    return np.asarray(np.where((address < 0) & (instance < 0), -1, place), np.int64)
