"""Attributes in blocks of Tempo: lists of keys and values, and columns that a description beside the block names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from analysis.sources._otlp_shapes import plain_value
from analysis.sources._suspects import suspects

__all__ = ["STATIC", "Dedicated", "attribute_dicts", "dedicated_columns", "event_attributes", "unnamed_columns"]

#: Names of the columns that Tempo gives common attributes.
STATIC: Final[Mapping[str, str]] = {
    "HttpMethod": "http.method",
    "HttpUrl": "http.url",
    "HttpStatusCode": "http.status_code",
    "K8sPodName": "k8s.pod.name",
    "K8sContainerName": "k8s.container.name",
}
#: By scope ("resource", "span"): the name of a dedicated column and that of its attribute.
Dedicated = Mapping[str, Mapping[str, str]]

_VALUES: Final = ("Value", "ValueInt", "ValueDouble", "ValueBool")
#: What no type of value fits, as JSON of an AnyValue; the second name is that of versions 3 and 4.
_OTHER: Final = ("ValueUnsupported", "ValueDropped")


def dedicated_columns(meta: bytes | None) -> Dedicated:
    """Return which attribute each dedicated column of a block holds, from its description; {} where that is none."""
    try:
        listed = orjson.loads(meta or b"null")["dedicatedColumns"]
        found: dict[str, dict[str, str]] = {"resource": {}, "span": {}, "event": {}}
        for column in listed or ():
            columns = found.setdefault(column.get("s") or column.get("scope") or "span", {})
            kind = "Int" if (column.get("t") or column.get("type")) == "int" else "String"
            number = sum(name.startswith(kind) for name in columns) + 1
            columns[f"{kind}{number:02d}"] = column.get("n") or column["name"]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return {}
    return found


def unnamed_columns(holder: pa.StructArray, named: Mapping[str, str]) -> set[str]:
    """Return the dedicated columns that hold values though nothing names them."""
    if _field(holder, "DedicatedAttributes") is None:
        return set()
    dedicated = holder.field("DedicatedAttributes")
    return {
        field.name
        for field in dedicated.type
        if field.name not in named and dedicated.field(field.name).null_count < len(dedicated)
    }


def attribute_dicts(
    holder: pa.StructArray,
    named: Mapping[str, str],
    known: frozenset[str] | None,
    looked: NDArray[np.bool_] | None = None,
) -> list[dict[str, Any]]:
    """Return the attributes of every element that has an ``Attrs`` list and perhaps columns of its own.

    Parameters
    ----------
    holder
        Resources or spans.
    named
        Attributes of dedicated columns.
    known
        Names of the attributes that are wanted; None for all. Others come along where they may expose something.
    looked
        Of which elements those others are looked through; of all when not given.
    """
    found: list[dict[str, Any]] = [{} for _ in range(len(holder))]
    attributes = holder.field("Attrs")
    items, owner = attributes.flatten(), pc.list_parent_indices(attributes).to_numpy()
    keys = items.field("Key").dictionary_encode()
    wanted = np.array([known is None or key in known for key in keys.dictionary.to_pylist()] or [False])
    rows = np.empty(0, np.int64)
    if len(keys):
        chosen = wanted[keys.indices.to_numpy()]
        rest = np.flatnonzero(~chosen if looked is None else ~chosen & looked[owner])
        others = items.take(pa.array(rest))
        chosen[rest] = suspects(others.field("Key"), others.field("Value"), others.field("ValueInt"))
        rows = np.flatnonzero(chosen)
    items, owner = items.take(pa.array(rows)), owner[rows]
    for row, key, value in zip(owner.tolist(), items.field("Key").to_pylist(), _values(items), strict=True):
        if value is not None:
            found[row][key] = value
    for column, name in STATIC.items():
        _add(found, _field(holder, column), name, known)
    dedicated = _field(holder, "DedicatedAttributes")
    if dedicated is not None:
        for column, name in named.items():
            _add(found, _field(dedicated, column), name, known)
    return found


def event_attributes(attributes: pa.ListArray) -> list[dict[str, Any]]:
    """Return the attributes of events; version 3 writes their values as protobuf."""
    items, owner = attributes.flatten(), pc.list_parent_indices(attributes).to_pylist()
    binary = pa.types.is_binary(items.type.field("Value").type)
    values = [_plain(value) for value in items.field("Value").to_pylist()] if binary else _values(items)
    found: list[dict[str, Any]] = [{} for _ in range(len(attributes))]
    for row, key, value in zip(owner, items.field("Key").to_pylist(), values, strict=True):
        found[row][key] = value
    return found


def _add(found: list[dict[str, Any]], column: pa.Array | None, name: str, known: frozenset[str] | None) -> None:
    if column is None or column.null_count == len(column):
        return
    if known is not None and name not in known:
        if not (pa.types.is_string(column.type) or pa.types.is_list(column.type)):
            return
        marks = suspects(pa.array([name] * len(column)), _joined_texts(column))
        column = pc.if_else(pa.array(marks), column, pa.scalar(None, column.type))
    for attributes, value in zip(found, column.to_pylist(), strict=True):
        if value is not None and value != []:
            attributes[name] = value


def _joined_texts(column: pa.Array) -> pa.Array:
    """Return texts of a column of texts or of lists of them; nothing of other lists."""
    if pa.types.is_list(column.type) and not pa.types.is_string(column.type.value_type):
        return pa.nulls(len(column), pa.string())
    return column


def _values(items: pa.StructArray) -> list[Any]:
    """Return the value of each attribute, whichever of its columns holds it: one value, or a list of them."""
    values: list[Any] = list(repeat(None, len(items)))
    for name in _VALUES:
        column = items.field(name)
        if pa.types.is_list(column.type):
            _set_lists(values, column)
        else:
            for row, value in zip(np.flatnonzero(_valid(column)).tolist(), column.drop_null().to_pylist(), strict=True):
                values[row] = value
    for name in _OTHER:
        other = _field(items, name)
        if other is not None and other.null_count < len(other):
            for row, value in enumerate(other.to_pylist()):
                if value:
                    values[row] = _json_value(value)
    return values


def _set_lists(values: list[Any], column: pa.ListArray) -> None:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    rows, flat = np.flatnonzero(lengths), column.flatten().to_pylist()
    if len(rows) == len(flat):
        for row, value in zip(rows.tolist(), flat, strict=True):
            values[row] = value
        return
    ends = np.cumsum(lengths[rows])
    for row, first, end in zip(rows.tolist(), (ends - lengths[rows]).tolist(), ends.tolist(), strict=True):
        values[row] = flat[first:end] if end - first > 1 else flat[first]


def _valid(column: pa.Array) -> Any:
    return column.is_valid().to_numpy(zero_copy_only=False)


def _plain(message: bytes | None) -> Any:
    """Return the plain value that an AnyValue holds; lists and maps are of no use here."""
    try:
        value = AnyValue.FromString(message or b"")
    except DecodeError:
        return None
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind in {"string_value", "int_value", "double_value", "bool_value"} else None


def _json_value(text: str) -> Any:
    try:
        return plain_value(orjson.loads(text)) if text else None
    except orjson.JSONDecodeError:
        return None


def _field(holder: pa.StructArray, name: str) -> pa.Array | None:
    return holder.field(name) if holder.type.get_field_index(name) >= 0 else None
