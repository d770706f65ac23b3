"""The configuration ``review.yml``: what a team changes about a review.

It is read the same way by the command line, by papermill parameters and by Python. An unknown key is an error that
names the line and the nearest known key.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from analysis import detectors
from analysis.catalogue import Catalogue, CatalogueError, read_catalogue

__all__ = ["Configuration", "ConfigurationError", "load"]


#: limits, a detector, a limit of it.
_DEPTH: Final = 3


class ConfigurationError(ValueError):
    """The configuration cannot be used; the message names the file, the line and the remedy."""


@dataclass(frozen=True)
class Configuration:
    """What a review is run with.

    Attributes
    ----------
    limits
        Limits that differ from the defaults, by detector and limit.
    catalogue
        Which team, domain and system each service belongs to.
    """

    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)

    def limits_of(self, detector: str) -> dict[str, float]:
        """Return the limits in force for a detector."""
        return detectors.discover()[detector].INFO.defaults() | dict(self.limits.get(detector, {}))


def load(source: str | Path | Mapping[str, Any] | Configuration | None) -> Configuration:
    """Read and check a configuration.

    Parameters
    ----------
    source
        A path to a YAML file, its content as a mapping, a configuration, or None for the defaults.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or a key or value is not known.
    """
    if source is None:
        return Configuration()
    if isinstance(source, Configuration):
        return source
    if isinstance(source, Mapping):
        return _checked(source, "the configuration", {}, Path())
    try:
        text = Path(source).read_text(encoding="utf-8-sig")
        node = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    # ValueError: bytes that are no UTF-8, and dates that there are not, such as 2026-13-45.
    except (OSError, ValueError, yaml.YAMLError) as error:
        message = f"{source} cannot be read as a configuration: {_why(error)}"
        raise ConfigurationError(message) from error
    lines: dict[tuple[str, ...], int] = {}
    if node is not None:
        _note_lines(node, (), lines)
    return _checked({} if content is None else content, str(source), lines, Path(source).parent)


def _why(error: Exception) -> str:
    """Return what is wrong with a file, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}"
    return " ".join(str(error).split())


def _note_lines(node: yaml.Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    # Nothing known lies deeper, and a mapping may hold itself.
    if isinstance(node, yaml.MappingNode) and len(path) < _DEPTH:
        for key, value in node.value:
            inner = (*path, str(key.value))
            lines[inner] = key.start_mark.line + 1
            _note_lines(value, inner, lines)


def _checked(content: Any, where: str, lines: Mapping[tuple[str, ...], int], folder: Path) -> Configuration:
    """Check a configuration; paths in it are relative to `folder`."""
    _known(content, (), ("limits", "catalogue"), where, lines)
    limits = content.get("limits") or {}
    catalogue = detectors.discover()
    _known(limits, ("limits",), tuple(catalogue), where, lines)
    for name, values in limits.items():
        _known(values, ("limits", name), tuple(catalogue[name].INFO.limits), where, lines)
        for limit, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                message = f"{_position(where, ('limits', name, limit), lines)}: {limit} must be a number"
                raise ConfigurationError(message)
            if not math.isfinite(value):
                message = f"{_position(where, ('limits', name, limit), lines)}: {limit} must be a finite number"
                raise ConfigurationError(message)
    known = {name: dict(values) for name, values in limits.items()}
    return Configuration(known, _catalogue(content.get("catalogue"), where, lines, folder))


def _catalogue(named: Any, where: str, lines: Mapping[tuple[str, ...], int], folder: Path) -> Catalogue:
    if named is None:
        return Catalogue()
    position = _position(where, ("catalogue",), lines)
    if not isinstance(named, str | Path) or not str(named):
        message = f"{position}: catalogue must be the path of a Backstage file, a folder of these, or a CSV"
        raise ConfigurationError(message)
    try:
        return read_catalogue(folder / named)
    except CatalogueError as error:
        message = f"{position}: {error}"
        raise ConfigurationError(message) from error


def _known(
    content: Any, path: tuple[str, ...], known: Collection[str], where: str, lines: Mapping[tuple[str, ...], int]
) -> None:
    if not isinstance(content, Mapping):
        message = f"{_position(where, path, lines)}: {'.'.join(path) or 'the top'} must hold names with values"
        raise ConfigurationError(message)
    for key in content:
        if key not in known:
            nearest = difflib.get_close_matches(str(key), known, 1, 0.0)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            message = f"{_position(where, (*path, str(key)), lines)}: unknown key {str(key)!r}{hint}"
            raise ConfigurationError(message)


def _position(where: str, path: tuple[str, ...], lines: Mapping[tuple[str, ...], int]) -> str:
    return f"{where}, line {lines[path]}" if path in lines else where
