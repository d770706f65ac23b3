"""What a segment of AWS X-Ray says of the other side, under the names of the semantic conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.semconv import KNOWN, text
from analysis.sources._log_keys import flattened

__all__ = ["attributes_of", "process_attributes"]

#: Services of AWS that are stores, by the name of the subsegment that calls them.
_STORES: Final[Mapping[str, str]] = {"dynamodb": "dynamodb", "amazondynamodb": "dynamodb", "dynamodbv2": "dynamodb"}
_BROKERS: Final[Mapping[str, str]] = {
    "sqs": "aws_sqs", "amazonsqs": "aws_sqs", "sns": "aws_sns", "amazonsns": "aws_sns", "kinesis": "aws_kinesis",
    "eventbridge": "aws_eventbridge",
}  # fmt: skip
_PUBLISHING: Final = ("send", "publish", "put")
_RECEIVING: Final = ("receive", "get")
_DESTINATIONS: Final = ("queue_url", "topic_arn", "stream_name", "queue_name", "topic_name")


def attributes_of(segment: Mapping[str, Any], kind: str) -> tuple[dict[str, Any], str]:
    """Return the attributes of a segment or subsegment, and its kind, which a message makes a producer's.

    Raises
    ------
    AttributeError
        A part of it is no object.
    """
    found: dict[str, Any] = dict(segment.get("annotations") or {})
    metadata = segment.get("metadata")
    if metadata:
        # No column is fed by it; it is looked through for what it may expose.
        found |= flattened({"metadata": metadata})
    found |= {
        known: value
        for name, value in (segment.get("annotations") or {}).items()
        # Annotations take no dots.
        if (known := _UNDERSCORED.get(name)) is not None
    }
    http = segment.get("http") or {}
    request, response = http.get("request") or {}, http.get("response") or {}
    found |= {
        "http.request.method": request.get("method"),
        "url.full": request.get("url"),
        "http.response.status_code": response.get("status"),
        "http.response.body.size": response.get("content_length"),
    }
    name = str(segment.get("name") or "")
    aws = segment.get("aws") or {}
    sql = segment.get("sql") or {}
    if sql:
        found |= _sql(sql, name)
    elif segment.get("namespace") == "aws":
        kind = _aws(aws, name, kind, found)
    elif segment.get("namespace") == "remote" and kind == "client":
        found["peer.service"] = name or None
    if aws.get("retries"):
        found["aws.retries"] = found["http.request.resend_count"] = aws["retries"]
    return {key: value for key, value in found.items() if value is not None}, kind


def process_attributes(segment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a segment says of who recorded it."""
    aws = segment.get("aws") or {}
    ec2, ecs, beanstalk = (aws.get(part) or {} for part in ("ec2", "ecs", "elastic_beanstalk"))
    found = {
        "service.name": segment.get("name"),
        "service.version": (segment.get("service") or {}).get("version"),
        "deployment.environment.name": beanstalk.get("environment_name"),
        "host.id": ec2.get("instance_id"),
        "container.id": ecs.get("container_id") or ecs.get("container"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _sql(sql: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the attributes of a statement; the subsegment is named ``database@host``."""
    database, at, host = name.rpartition("@")
    url = text(sql.get("url")) or text(sql.get("connection_string"))
    named = bool(at) and url is None
    return {
        "db.system.name": sql.get("database_type"),
        "db.query.text": sql.get("sanitized_query"),
        "db.connection_string": url,
        "db.namespace": database if named else None,
        "server.address": host if named else None,
    }


def _aws(aws: Mapping[str, Any], name: str, kind: str, found: dict[str, Any]) -> str:
    service, operation = name.lower().replace(" ", ""), str(aws.get("operation") or "")
    if service in _STORES or "table_name" in aws:
        found["db.system.name"] = _STORES.get(service, "dynamodb")
        found["db.operation.name"] = operation or None
        tables = aws.get("table_names") or aws.get("table_name")
        found["aws.dynamodb.table_names"] = tables[0] if isinstance(tables, list) and len(tables) == 1 else tables
        # Its address is that of every table of a region: the table names the store.
        found.pop("url.full", None)
    elif service in {"s3", "amazons3"}:
        found["db.system.name"], found["db.operation.name"] = "s3", operation or None
        found["aws.s3.bucket"] = aws.get("bucket_name")
        found.pop("url.full", None)
    elif service in _BROKERS:
        found["messaging.system"] = _BROKERS[service]
        place = next((str(aws[part]) for part in _DESTINATIONS if aws.get(part)), None)
        found["messaging.destination.name"] = None if place is None else place.replace(":", "/").rpartition("/")[2]
        verb = operation.lower()
        if verb.startswith(_PUBLISHING):
            found["messaging.operation.type"] = "publish"
            return "producer"
        found["messaging.operation.type"] = "receive" if verb.startswith(_RECEIVING) else verb or None
    else:
        found["peer.service"] = aws.get("function_name") or name or None
        found["rpc.system"], found["rpc.service"], found["rpc.method"] = "aws-api", name or None, operation or None
    return kind


_UNDERSCORED: Final = {name.replace(".", "_"): name for name in sorted(KNOWN)}
