"""Documents of Elasticsearch in whatever an export wraps them, as flat fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis.sources._documents import Layout
from analysis.sources._ledger import Rejects, masked
from analysis.sources._outline import Outline

__all__ = ["DOCUMENT_LAYOUT", "document_paths", "documents", "flat_fields", "has_field"]

SHAPE: Final = "record has another shape than its format says"
MORE: Final = "searches that found more documents than they returned"
#: A body of a search: {"hits": {"hits": [hit, …]}}; of several: {"responses": [body, …]}.
DOCUMENT_LAYOUT: Final = Layout(
    records=frozenset({"hits", "responses"}), wrappers=frozenset({"hits"}), salvage=frozenset({"hits"})
)
_CONTENTS: Final = ("_source", "fields")
_HITS: Final = ("hits.hits[]", "hits[]", "responses[].hits.hits[]", "[]", "")
_DEEPEST: Final = 12
#: Parts of documents of which nothing is read, and which are much of them.
_PASSED_OVER: Final = frozenset(
    {"client", "cloud", "ecs", "language", "observer", "os", "process", "runtime", "source", "user", "user_agent"}
)


def documents(value: Any, position: str, rejects: Rejects) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the documents of a decoded value with flat fields: of a hit, a body, a document, or a list of those."""
    pending = [(value, position)]
    while pending:
        item, place = pending.pop()
        if isinstance(item, list):
            pending.extend((part, f"{place}[{number}]") for number, part in reversed(list(enumerate(item))))
        elif not isinstance(item, dict):
            rejects.add(SHAPE, place, masked(item))
        elif isinstance(item.get("responses"), list):
            pending.append((item["responses"], f"{place}: responses"))
        elif isinstance(item.get("hits"), dict | list):
            found = item["hits"]
            if isinstance(found, dict):
                _say_whether_whole(found, rejects)
                found = found.get("hits") or []
            pending.append((found, f"{place}: hits"))
        else:
            flat = _content(item)
            if flat:
                yield flat, place
            elif item:
                rejects.add(SHAPE, place, "no field is in it")


def _say_whether_whole(hits: Mapping[str, Any], rejects: Rejects) -> None:
    total, listed = hits.get("total"), hits.get("hits")
    count = total.get("value") if isinstance(total, dict) else total
    if isinstance(count, int) and isinstance(listed, list) and count > len(listed):
        rejects.note(MORE)


def _content(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a hit, both of its source and those that were asked for; or of a document by itself."""
    found: dict[str, Any] = {}
    is_hit = False
    for name in _CONTENTS:
        if isinstance(item.get(name), dict) and ("_index" in item or "_id" in item or len(item) <= 2):
            is_hit = True
            flat_fields(item[name], found)
    return found if is_hit else flat_fields(item, found)


def flat_fields(nested: Mapping[str, Any], found: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Add fields under their names joined by dots, lists of one value unwrapped; a nested field wins over a dotted."""
    for name, value in nested.items():
        kind = type(value)
        if kind is dict:
            if depth < _DEEPEST and name not in _PASSED_OVER:
                flat_fields(value, found, f"{prefix}{name}.", depth + 1)
            continue
        single = kind is list and len(value) == 1 and type(value[0]) is not dict
        plain = value[0] if single else value
        if plain is not None and (prefix or "." not in name or name not in found):
            found[prefix + name] = plain
    return found


def document_paths(keys: Outline) -> Iterator[str]:
    """Yield where documents stand in a text, by its outline."""
    for path in _HITS:
        inner = [name for name in _CONTENTS if keys.has(path, name)]
        for name in inner:
            yield f"{path}.{name}" if path else name
        if not inner:
            yield path


def has_field(keys: Outline, path: str, name: str) -> bool:
    """Return whether the objects at a path have a field, nested or with dots in its name."""
    if keys.has(path, name):
        return True
    parts = name.split(".")
    for cut in range(1, len(parts)):
        first = ".".join(parts[:cut])
        if keys.has(path, first) and has_field(keys, f"{path}.{first}" if path else first, ".".join(parts[cut:])):
            return True
    return False
