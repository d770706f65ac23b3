"""Stores of clouds that are asked over HTTP or gRPC: told by the host, the path and the service that a span names.

Their client libraries record a request to ``storage.googleapis.com``, and nothing that calls it a store. Here such a
request becomes the call of a store: the bucket or container is its table, and the method says what is done.

Sources: Google's Cloud Storage JSON and XML APIs, "Request endpoints"; Amazon S3, "Methods for accessing a general
purpose bucket"; Azure's REST API references of Blob, Table and Queue Storage and of Cosmos DB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["called", "with_cloud_stores"]

Int64s = npt.NDArray[np.int64]

#: What a call is told by.
_BASIS: Final = ("server_address", "url_path", "http_method", "rpc_service", "rpc_method")
#: Spans on this side of a request are no calls.
_NO_CALLS: Final = ("server", "consumer", "producer", "internal")
#: Azure's clouds: the world's, China's, the government's; the middle one are zones of its newer accounts.
_AZURE: Final = r"(?:core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)|(?:z\d+\.)?storage\.azure\.net)"
_AMAZON: Final = r"s3(?:-[a-z0-9-]+)?(?:\.[a-z0-9-]+){0,2}\.amazonaws\.com(?:\.cn)?"
_GOOGLE: Final = r"storage(?:\.[a-z0-9-]+){0,2}\.googleapis\.com|storage\.cloud\.google\.com"
_HOSTS: Final = tuple(
    (system, re.compile(pattern))
    for system, pattern in (
        ("gcp.storage", rf"(?:(?P<bucket>[a-z0-9._-]+)\.)?(?:storage\.googleapis\.com)|{_GOOGLE}"),
        ("gcp.storage", r"www\.googleapis\.com"),
        ("aws.s3", rf"(?:(?P<bucket>[a-z0-9.-]+)\.)?{_AMAZON}"),
        ("azure.blob", rf"[a-z0-9-]+\.(?:blob|dfs)\.{_AZURE}"),
        ("azure.table", rf"[a-z0-9-]+\.table\.{_AZURE}"),
        ("azure.queue", rf"[a-z0-9-]+\.queue\.{_AZURE}"),
        ("azure.cosmosdb", r"[a-z0-9-]+\.documents\.azure\.(?:com|cn|us)"),
    )
)
#: Characters of the longest name that DNS knows.
_LONGEST_HOST: Final = 254
_LIKELY: Final = re.compile(
    r"googleapis\.com|cloud\.google\.com|amazonaws\.com|azure\.(?:net|com|cn|us)|core\.\w+\.\w+"
)
_JSON_API: Final = re.compile(
    r"/(?:resumable/)?(?:(?:upload|download)/)?storage/v\d+(?:/b(?:/(?P<bucket>[^/]+)(?P<object>/o(?:/.+)?)?)?)?"
)
_COSMOS: Final = re.compile(r"/dbs/(?P<database>[^/]+)(?:/colls/(?P<collection>[^/]+)(?P<item>/docs/.+)?)?")
_STORAGE_SERVICE: Final = re.compile(r"google\.storage\.v\d+\.Storage")
_VERBS: Final = {"HEAD": "Head", "GET": "Get", "PUT": "Put", "POST": "Put", "PATCH": "Put", "DELETE": "Delete"}
_TOPIC: Final = re.compile(r"(?://pubsub\.googleapis\.com/)?projects/[^/]+/(?:topics|subscriptions)/(?P<name>[^/]+)")
_QUEUE_VERBS: Final = {"POST": "publish", "GET": "receive", "DELETE": "settle"}


def with_cloud_stores(spans: pa.Table) -> pa.Table:
    """Return spans with the store, the table and the operation of calls of a cloud's stores, where they say none.

    Parameters
    ----------
    spans
        Tidy rows of a partition.
    """
    spans = _short_topics(spans)
    rows = _candidates(spans)
    if not len(rows):
        return spans
    texts = zip(*(_texts(spans[name].chunk(0), rows) for name in _BASIS), strict=True)
    found = [called(*basis) for basis in texts]
    for column in sorted({name for one in found for name in one}):
        filled = [(row, one[column]) for row, one in zip(rows.tolist(), found, strict=True) if column in one]
        spans = _filled(spans, column, filled)
    return spans


@lru_cache(maxsize=1 << 14)
def called(address: str, path: str, method: str, service: str, rpc_method: str) -> Mapping[str, str]:
    """Return what a call says of a cloud's store, by column; nothing where it calls none.

    Parameters
    ----------
    address, path, method
        Host, path with its query, and method of a request over HTTP; "" where there is none.
    service, rpc_method
        Of a remote procedure.

    Examples
    --------
    >>> called("storage.googleapis.com", "/storage/v1/b/invoices/o/7.pdf", "GET", "", "")
    {'db_system': 'gcp.storage', 'db_collection': 'invoices', 'db_operation': 'GetObject'}
    """
    host = address[:_LONGEST_HOST].lower().removesuffix(".")
    if _STORAGE_SERVICE.fullmatch(service):
        return {"db_system": "gcp.storage"} | ({"db_operation": rpc_method} if rpc_method else {})
    system, bucket = next(
        ((name, match.groupdict().get("bucket") or "") for name, one in _HOSTS if (match := one.fullmatch(host))),
        ("", ""),
    )
    if not system or not path or not method:
        return {}
    plain, _, query = path.partition("?")
    if system == "azure.queue":
        return _queue(plain, method.upper())
    if system == "azure.cosmosdb":
        return _cosmos(plain, method.upper())
    if system == "azure.table":
        return _said(system, re.split(r"[(/]", unquote(plain).lstrip("/"))[0], "(" in plain, method, "Entity")
    if system == "gcp.storage" and (match := _JSON_API.match(plain)):
        return _said(system, match["bucket"] or "", (match["object"] or "/o") != "/o", method, "Object")
    if host == "www.googleapis.com":
        return {}
    table, _, item = plain.lstrip("/").partition("/")
    if bucket:
        table, item = bucket, plain.strip("/")
    kind = "Blob" if system == "azure.blob" else "Object"
    return _said(system, table, bool(item) and "comp=list" not in query, method, kind)


def _said(system: str, table: str, one: bool, method: str, kind: str) -> dict[str, str]:
    verb = _VERBS.get(method.upper(), "")
    many = {"Entity": "Entities"}.get(kind, f"{kind}s")
    operation = f"List{many}" if verb == "Get" and not one else f"{verb}{kind}" if verb else ""
    said = {"db_system": system, "db_collection": unquote(table), "db_operation": operation}
    return {column: text for column, text in said.items() if text}


def _queue(path: str, method: str) -> dict[str, str]:
    name, _, rest = path.lstrip("/").partition("/")
    if not name or not rest.startswith("messages"):
        return {}
    operation = _QUEUE_VERBS.get(method, "settle")
    return {"messaging_system": "azure_queue", "messaging_destination": name, "messaging_operation": operation}


def _cosmos(path: str, method: str) -> dict[str, str]:
    match = _COSMOS.match(path)
    if match is None or not match["collection"]:
        return {}
    # Queries are posted to the collection too: what a POST does is not known from outside.
    said = _said("azure.cosmosdb", match["collection"], bool(match["item"]), "" if method == "POST" else method, "Item")
    return said | {"db_namespace": unquote(match["database"])}


def _candidates(spans: pa.Table) -> Int64s:
    """Return the rows that may call a cloud's store and do not say so."""
    address, service = spans["server_address"].chunk(0), spans["rpc_service"].chunk(0)
    asked = _marked(address, lambda text: _LIKELY.search(text.lower()) is not None)
    asked |= _marked(service, lambda text: _STORAGE_SERVICE.fullmatch(text) is not None)
    if not asked.any():
        return np.zeros(0, np.int64)
    asked &= ~_marked(spans["kind"].chunk(0), lambda text: text in _NO_CALLS)
    for name in ("db_system", "messaging_system"):
        asked &= spans[name].chunk(0).is_null().to_numpy(zero_copy_only=False)
    return np.flatnonzero(asked)


def _short_topics(spans: pa.Table) -> pa.Table:
    """Name topics and subscriptions of Google's Pub/Sub without their project: half of the libraries leave it out."""
    column = spans["messaging_destination"].chunk(0)
    texts = column.dictionary.to_pylist()
    short = [match["name"] if (match := _TOPIC.fullmatch(text)) else text for text in texts]
    if short == texts:
        return spans
    changed = pa.array(short, pa.string()).dictionary_encode()
    codes = pa.DictionaryArray.from_arrays(changed.indices.take(column.indices), changed.dictionary)
    return spans.set_column(spans.column_names.index("messaging_destination"), "messaging_destination", codes)


def _marked(column: Any, holds: Any) -> npt.NDArray[np.bool_]:
    """Mark the rows whose text is one of some; each distinct one is looked at once."""
    marks = np.array([*(holds(text) for text in column.dictionary.to_pylist()), False], np.bool_)
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(marks[codes])


def _texts(column: Any, rows: Int64s) -> list[str]:
    values = [*column.dictionary.to_pylist(), ""]
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return [values[code] for code in codes[rows].tolist()]


def _filled(spans: pa.Table, name: str, filled: list[tuple[int, str]]) -> pa.Table:
    """Fill a text column where it holds nothing."""
    column = spans[name].chunk(0)
    values = column.dictionary.to_pylist()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    places = {text: place for place, text in enumerate(values)}
    for row, text in filled:
        if codes[row] < 0:
            codes[row] = places.setdefault(text, len(places))
    array = pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(list(places), pa.string()))
    return spans.set_column(spans.column_names.index(name), name, array)
