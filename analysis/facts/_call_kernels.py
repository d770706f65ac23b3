"""Loops over spans that call, and over the attempts of their calls, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["find_answers", "mark_around", "measure_attempts", "name_targets", "read_signals"]

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@kernel
def find_answers(
    parent: Int32s, service: Int32s, kind: Int8s, blocking: Bools, kinds: tuple[int, int, int, int]
) -> tuple[Int32s, Int32s]:
    """Return for each row its first child that answers it, and the first that it waits for; -1 where none does.

    ``kinds`` are client, producer, server and consumer: a span of the last two answers, and one of another service
    unless it is of the first two.
    """
    size = len(parent)
    found, waited = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    # From the last to the first, so that the first stays.
    for row in range(size - 1, -1, -1):
        above, is_a = parent[row], kind[row]
        if above < 0:
            continue
        other = service[row] != service[above] and is_a != kinds[0] and is_a != kinds[1]
        if other or is_a == kinds[2] or is_a == kinds[3]:
            found[above] = row
            if blocking[row]:
                waited[above] = row
    return found, waited


@kernel
def mark_around(parent: Int32s, service: Int32s, kind: Int8s, marked: Bools) -> Bools:
    """Return which of the marked rows are the parent of another one of the same service and kind."""
    around = np.zeros(len(parent), np.bool_)
    for row in range(len(parent)):
        above = parent[row]
        if marked[row] and above >= 0 and marked[above]:
            around[above] |= service[above] == service[row] and kind[above] == kind[row]
    return around


@kernel
def name_targets(
    rows: Int64s,
    server: Int64s,
    tree: tuple[Int32s, Int8s, int],
    edges: tuple[Int32s, Int32s],
    texts: tuple[Int32s, Int32s, Int32s],
    shifts: tuple[int, int, int],
) -> Int32s:
    """Return for each call the code of what it goes to; -1 where nothing names it.

    That is the first there is of: the service that answered, whom the links say that the span calls, whom they say that
    the client span around it calls, the store, the address.

    Parameters
    ----------
    rows, server
        The caller's span and the callee's, -1 where that was not seen.
    tree
        The parent and the kind of each row, and the kind client.
    edges
        The client's row and the callee of each link.
    texts
        Codes of service, store and address of each row.
    shifts
        What is added to the codes of links, stores and addresses.
    """
    parent, kind, client = tree
    service, store, address = texts
    callee = np.full(len(parent), -1, np.int32)
    for index in range(len(edges[0]) - 1, -1, -1):
        if edges[0][index] >= 0:
            callee[edges[0][index]] = edges[1][index]
    named = np.full(len(rows), -1, np.int32)
    for place in range(len(rows)):
        row = rows[place]
        above = parent[row]
        if server[place] >= 0 and service[server[place]] >= 0:
            named[place] = service[server[place]]
        elif callee[row] >= 0:
            named[place] = callee[row] + shifts[0]
        elif above >= 0 and kind[above] == client and callee[above] >= 0:
            named[place] = callee[above] + shifts[0]
        elif store[row] >= 0:
            named[place] = store[row] + shifts[1]
        elif address[row] >= 0:
            named[place] = address[row] + shifts[2]
    return named


@kernel
def read_signals(
    http: Int32s,
    of_http: Int8s,
    rpc: Int32s,
    of_rpc: Int8s,
    kind: Int32s,
    of_kind: Int8s,
    proxy: Int32s,
    of_proxy: Int8s,
) -> Int8s:
    """Return the bits that HTTP status, RPC status, type of the error and evidence of a proxy set for each row.

    Beside each column stands what its values set: of a status by its number, of a text by its code, last that of none.
    """
    last = len(of_http) - 1
    signals = np.empty(len(http), np.int8)
    for row in range(len(http)):
        status = min(max(http[row], 0), last)
        signals[row] = of_http[status] | of_rpc[rpc[row]] | of_kind[kind[row]] | of_proxy[proxy[row]]
    return signals


@kernel
def measure_attempts(
    offset: Int64s,
    order: Int64s,
    rows: Int64s,
    server: Int64s,
    times: tuple[Int64s, Int64s],
    signals: Int8s,
    bits: tuple[int, int],
    http: Int32s,
    resent: Int32s,
    proxy: tuple[Int32s, Int64s],
) -> tuple[Int64s, Int64s, Int64s, Bools, Int64s]:
    """Measure each logical call: its attempts are ``order[offset[i]:offset[i + 1]]``.

    Parameters
    ----------
    rows, server
        The caller's span of each attempt and the callee's, -1 where that was not seen.
    times
        Of each row its duration, and its time and that of all below it on the critical path.
    signals, bits
        What each row's answer tells; the bits of a timeout and of an idempotency key.
    http, resent
        HTTP status of each row, and its place among the retries.
    proxy
        Evidence of a proxy, and how many attempts each text of it tells of, last that of none.

    Returns
    -------
    tuple
        Time of the attempts before the last, what of it is on the critical path, the attempts that the spans tell of,
        whether an attempt before the last may have been done, and how many attempts carried a key.
    """
    count = len(offset) - 1
    total, critical, told = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    uncertain, keyed = np.zeros(count, np.bool_), np.zeros(count, np.int64)
    for call in range(count):
        end = offset[call + 1]
        for index in range(offset[call], end):
            row, callee = rows[order[index]], server[order[index]]
            # The callee's span has the number that the proxy between gave the attempt that arrived.
            key = False
            for half in (row, callee):
                if half >= 0:
                    key |= signals[half] & bits[1] != 0
                    again = resent[half] + 1 if resent[half] > 0 else 0
                    told[call] = max(told[call], again, proxy[1][proxy[0][half]])
            keyed[call] += key
            if index + 1 < end:
                total[call] += times[0][row]
                critical[call] += times[1][row]
                # A refused connection did nothing; a timeout or an error of the server (5xx) may have.
                uncertain[call] |= signals[row] & bits[0] != 0 or http[row] >= 500
    return total, critical, told, uncertain, keyed
