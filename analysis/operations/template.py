"""One operation template, parameter hash and category for each span."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from analysis.operations.commands import document_parameters, document_template, lacks_key, redis_template
from analysis.operations.identifiers import replace_identifiers
from analysis.operations.names import message_destination_template, name_template
from analysis.operations.paths import http_parameters, http_path_template, whole_path_hash, without_method
from analysis.sql import fingerprint, hash_of

Category = Literal["cache", "database", "http", "internal", "messaging", "rpc"]

CACHES = frozenset(
    {
        "aerospike",
        "coherence",
        "dragonfly",
        "ehcache",
        "geode",
        "hazelcast",
        "ignite",
        "infinispan",
        "keydb",
        "memcached",
    }
    | {"redis", "valkey"}
)
DOCUMENT_STORES = frozenset(
    {"cosmosdb", "couchdb", "documentdb", "dynamodb", "elasticsearch", "firestore", "mongodb"} | {"opensearch"}
)
#: Stores of objects that are asked over HTTP: Amazon's S3, Google's Cloud Storage, Azure's Blob and Table Storage.
OBJECT_STORES = frozenset({"aws.s3", "azure.blob", "azure.table", "gcp.storage", "s3"})
_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})
_PUBLISHING = frozenset({"create", "publish", "send"})
_RECEIVING = frozenset({"poll", "receive"})
_PROCESSING = frozenset({"consume", "deliver", "process"})
_HTTP_NAME = re.compile(r"^(?:HTTP )?[A-Z]+ /")


class Operation(NamedTuple):
    """
    What a span does, without values.

    Parameters
    ----------
    template
        `GET /users/{id}`, `orders.OrderService/Get`, `SELECT a FROM t WHERE id = ?`, `GET cart:{id}`,
        `publish orders`, or the span's name with identifiers replaced.
    parameters
        An unsigned 64-bit hash of the values that the template leaves out. Two calls with one template and one hash
        asked for the same; 0 when the values are not known (hidden behind placeholders, cut off, or in a body).
    category
        Kind of the operation.
    """

    template: str
    parameters: int
    category: Category


def category_of(
    *,
    kind: str = "",
    http_method: str = "",
    http_route: str = "",
    url_path: str = "",
    db_system: str = "",
    db_statement: str = "",
    rpc_system: str = "",
    messaging_system: str = "",
    messaging_destination: str = "",
) -> Category:
    """
    Tell the kind of an operation from the attributes that are there.

    A call of a store or broker may also carry the attributes of the protocol that it uses (DynamoDB: rpc,
    Elasticsearch: http), gRPC those of http: the more specific wins. An internal span with attributes of http is a
    step within the request, not a request.
    """
    if db_system or db_statement:
        return "cache" if _plain(db_system) in CACHES else "database"
    if messaging_system or messaging_destination:
        return "messaging"
    if rpc_system:
        return "rpc"
    if (http_method or http_route or url_path) and kind != "internal":
        return "http"
    return "messaging" if kind in {"producer", "consumer"} else "internal"


def operation_template(
    *,
    kind: str = "",
    name: str = "",
    http_method: str = "",
    http_route: str = "",
    url_path: str = "",
    db_system: str = "",
    db_statement: str = "",
    db_operation: str = "",
    db_collection: str = "",
    db_namespace: str = "",
    rpc_system: str = "",
    rpc_service: str = "",
    rpc_method: str = "",
    messaging_system: str = "",
    messaging_destination: str = "",
    messaging_operation: str = "",
) -> Operation:
    """
    Give the template, parameters and category of a span from its columns; `""` is an absent column.

    Parameters
    ----------
    kind
        server, client, producer, consumer, internal, or `""`.
    name
        Span name, used when nothing better is there.
    http_method, http_route, url_path
        Method; route of a server or URL template of a client; path with its query.
    db_system, db_statement, db_operation, db_collection, db_namespace
        System, statement, and what the instrumentation says of it.
    rpc_system, rpc_service, rpc_method
        The method may be qualified by the service (`orders.OrderService/Get`).
    messaging_system, messaging_destination, messaging_operation
        Broker, topic or queue, and publish, receive or process in any convention's words.
    """
    category = category_of(
        kind=kind,
        http_method=http_method,
        http_route=http_route,
        url_path=url_path,
        db_system=db_system,
        db_statement=db_statement,
        rpc_system=rpc_system,
        messaging_system=messaging_system,
        messaging_destination=messaging_destination,
    )
    template, parameters = "", 0
    if category == "http":
        template, parameters = _http(name, http_method, http_route, url_path)
    elif category == "rpc":
        template = _rpc(rpc_service, rpc_method)
    elif category == "messaging":
        template = _message(kind, messaging_destination, messaging_operation)
    elif category == "cache":
        template = redis_template(db_statement, db_operation)
        hidden = "?" in db_statement or not db_statement or lacks_key(db_statement)
        parameters = 0 if hidden else hash_of([db_statement])
    elif category == "database":
        path = f"{http_method} {url_path}".strip() if url_path else ""
        template, parameters = _database(db_system, db_statement, db_operation, db_collection or db_namespace, path)
    return Operation(template or name_template(name), parameters, category)


def _plain(system: str) -> str:
    return system.strip().lower().rpartition(".")[2]


def _http(name: str, method: str, route: str, path: str) -> tuple[str, int]:
    verb = "" if method.upper() == "_OTHER" else method.upper()
    shown = http_path_template(route) if route else http_path_template(path) if path else ""
    if not shown and _HTTP_NAME.match(name):
        shown = http_path_template(without_method(name))
    parameters = whole_path_hash(path) if path else 0
    # What a body asks for is not known: only the values in the path can tell two such calls apart.
    if verb in _WITH_BODY and not http_parameters(path) and "{" not in shown:
        parameters = 0
    return f"{verb} {shown}".strip(), parameters


def _rpc(service: str, method: str) -> str:
    qualified = method.strip("/")
    if "/" in qualified or not service:
        return replace_identifiers(qualified)[0]
    return f"{service}/{qualified}" if qualified else ""


def _message(kind: str, destination: str, operation: str) -> str:
    if not destination:
        return ""
    word = operation.lower()
    if word in _PUBLISHING or (not word and kind in {"producer", "client"}):
        word = "publish"
    elif word in _RECEIVING:
        word = "receive"
    elif word in _PROCESSING or (not word and kind in {"consumer", "server"}):
        word = "process"
    return f"{word} {message_destination_template(destination)}".strip()


def _database(system: str, statement: str, operation: str, collection: str, path: str) -> tuple[str, int]:
    if system.strip().lower() in OBJECT_STORES and (operation or collection):
        # Which object it is stands in the path, or nowhere; what follows it is mostly a signature.
        asked = path[path.find("/") :] if "/" in path else ""
        which = asked if operation.startswith("List") else asked.partition("?")[0]
        return document_template("", operation, collection), whole_path_hash(which) if which else 0
    if _plain(system) in DOCUMENT_STORES | {"s3"} or (statement.lstrip()[:1] in {"{", "["} and not _is_call(statement)):
        if operation or collection or not path:
            return document_template(statement, operation, collection), document_parameters(statement)
        # The index stands in the path: only the identifiers within it are replaced.
        return replace_identifiers(path.partition("?")[0])[0], 0
    if statement:
        found = fingerprint(statement, system)
        known = not (found.sanitised or found.truncated)
        return found.template, (found.parameters or hash_of([])) if known else 0
    return (f"{operation} {replace_identifiers(collection)[0]}" if operation and collection else ""), 0


def _is_call(statement: str) -> bool:
    """Tell the escape of JDBC (`{call p(?)}`) from JSON."""
    return re.match(r"\s*\{\s*(?:\?\s*=\s*)?call\b", statement, re.IGNORECASE) is not None
