"""The service catalogue: who owns which service, and to which system and domain it belongs.

Read from Backstage's ``catalog-info.yaml`` (one file of one or many documents, or a folder of such files) or from a CSV
with the columns ``service``, ``team``, ``domain`` and ``system``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from analysis._yaml_documents import documents_of, text_of

__all__ = ["Catalogue", "CatalogueError", "Entry", "read_catalogue"]

_COLUMNS: Final = ("service", "team", "domain", "system")
_BACKSTAGE: Final = "catalog-info"
_YAML: Final = (".yaml", ".yml")
#: Annotations of a component whose last part is one of these say how its telemetry calls the service.
_TELEMETRY_NAMES: Final = ("service-name", "service.name", "service_name")


class CatalogueError(ValueError):
    """The catalogue cannot be used; the message names the file, the line and the remedy."""


@dataclass(frozen=True)
class Entry:
    """What a catalogue says of one service; "" where it does not say."""

    service: str
    team: str = ""
    domain: str = ""
    system: str = ""


@dataclass(frozen=True)
class Catalogue:
    """What is known of services beside their telemetry.

    Attributes
    ----------
    entries
        One a service, sorted by its name.
    """

    entries: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def teams(self) -> dict[str, str]:
        """Team by service, where known."""
        return {entry.service: entry.team for entry in self.entries if entry.team}

    @property
    def domains(self) -> dict[str, str]:
        """Domain by service, where known; else the system stands for it."""
        return {entry.service: entry.domain or entry.system for entry in self.entries if entry.domain or entry.system}

    @property
    def systems(self) -> dict[str, str]:
        """System by service, where known."""
        return {entry.service: entry.system for entry in self.entries if entry.system}

    def to_json(self) -> list[dict[str, str]]:
        """Return a member for each service, as :meth:`from_json` reads it."""
        return [asdict(entry) for entry in self.entries]

    @classmethod
    def from_json(cls, rows: Iterable[Mapping[str, str]]) -> Catalogue:
        """Read what :meth:`to_json` wrote."""
        return cls(tuple(Entry(**{name: row[name] for name in _COLUMNS}) for row in rows))


def read_catalogue(source: str | Path) -> Catalogue:
    """Read a service catalogue.

    Parameters
    ----------
    source
        A Backstage file, a CSV, or a folder whose ``catalog-info.yaml`` files are all read.

    Raises
    ------
    CatalogueError
        If it cannot be read, names no service, or says two things of one service.
    """
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.rglob(f"{_BACKSTAGE}*") if file.suffix.lower() in _YAML)
        if not files:
            message = f"{path} holds no {_BACKSTAGE}.yaml: name a Backstage file or a CSV"
            raise CatalogueError(message)
        return _catalogue(path, _from_backstage(files))
    if path.suffix.lower() in _YAML:
        return _catalogue(path, _from_backstage([path]))
    return _catalogue(path, _from_csv(path))


def _catalogue(source: Path, rows: Iterable[tuple[str, Entry]]) -> Catalogue:
    """Put rows together; two that agree are one, two that do not are refused."""
    found: dict[str, tuple[str, Entry]] = {}
    for where, entry in rows:
        before, known = found.setdefault(entry.service, (where, entry))
        if known != entry:
            message = f"{where}: {entry.service!r} is said to be another team's, domain's or system's in {before}"
            raise CatalogueError(message)
    if not found:
        message = (
            f"{source} names no service: expected Backstage components (kind: Component) or a CSV with the columns "
            f"{', '.join(_COLUMNS)}"
        )
        raise CatalogueError(message)
    return Catalogue(tuple(found[name][1] for name in sorted(found)))


def _from_csv(path: Path) -> Iterator[tuple[str, Entry]]:
    text = text_of(path, "catalogue", CatalogueError)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if "service" not in header or not set(header) & set(_COLUMNS[1:]):
            message = (
                f"{path}, line 1: expected a column 'service' and at least one of {', '.join(_COLUMNS[1:])}; "
                f"there are {', '.join(header)[:200] or 'none'}"
            )
            raise CatalogueError(message)
        places = {name: header.index(name) for name in _COLUMNS if name in header}
        for row in reader:
            values = {name: row[place].strip() for name, place in places.items() if place < len(row)}
            if values.get("service"):
                yield f"{path}, line {reader.line_num}", Entry(**values)
    except csv.Error as error:
        message = f"{path}, line {reader.line_num}: {error}"
        raise CatalogueError(message) from error


def _from_backstage(files: Iterable[Path]) -> Iterator[tuple[str, Entry]]:
    """Read components; their domain is that of their system, which any of the files may describe."""
    components: list[tuple[str, dict[str, Any]]] = []
    domain_of: dict[str, str] = {}
    for path in files:
        for where, entity in _entities(path):
            kind, name = str(entity.get("kind", "")).lower(), _name(entity)
            spec = _mapping(entity.get("spec"))
            if kind == "system" and name:
                domain_of[name] = _reference(spec.get("domain"))
            elif kind == "component" and name:
                components.append((where, entity))
            elif kind == "component":
                message = f"{where}: a component without metadata.name"
                raise CatalogueError(message)
    for where, entity in components:
        spec = _mapping(entity.get("spec"))
        system = _reference(spec.get("system"))
        domain = _reference(spec.get("domain")) or domain_of.get(system, "")
        for service in _called(entity):
            yield where, Entry(service, _reference(spec.get("owner")), domain, system)


def _entities(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for line, entity in documents_of(path, "catalogue", CatalogueError):
        where = f"{path}, line {line}"
        if not isinstance(entity, dict):
            message = f"{where}: expected a Backstage entity (kind, metadata, spec)"
            raise CatalogueError(message)
        yield where, entity


def _called(entity: Mapping[str, Any]) -> list[str]:
    """Return how telemetry calls a component: by its name, or as its annotations say."""
    annotations = _mapping(_mapping(entity.get("metadata")).get("annotations"))
    told = {str(value) for key, value in annotations.items() if str(key).rpartition("/")[2] in _TELEMETRY_NAMES}
    return sorted(told - {""}) or [_name(entity)]


def _name(entity: Mapping[str, Any]) -> str:
    name = _mapping(entity.get("metadata")).get("name")
    return "" if name is None else str(name)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _reference(value: Any) -> str:
    """Return the name in an entity reference: ``[kind:][namespace/]name``."""
    return str(value).rpartition("/")[2].rpartition(":")[2].strip() if isinstance(value, str) else ""
