"""The configuration ``review.yml``: what a team changes about a review.

It is read the same way by the command line, by papermill parameters and by Python. An unknown key is an error that
names the line and the nearest known key.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from analysis import detectors

__all__ = ["Configuration", "ConfigurationError", "load"]


class ConfigurationError(ValueError):
    """The configuration cannot be used; the message names the file, the line and the remedy."""


@dataclass(frozen=True)
class Configuration:
    """What a review is run with.

    Attributes
    ----------
    limits
        Limits that differ from the defaults, by detector and limit.
    """

    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

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
        return _checked(source, "the configuration", {})
    try:
        text = Path(source).read_text(encoding="utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{source} cannot be read as a configuration: {error}"
        raise ConfigurationError(message) from error
    lines: dict[tuple[str, ...], int] = {}
    if node is not None:
        _note_lines(node, (), lines)
    return _checked(content or {}, str(source), lines)


def _note_lines(node: yaml.Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            lines[inner] = key.start_mark.line + 1
            _note_lines(value, inner, lines)


def _checked(content: Any, where: str, lines: Mapping[tuple[str, ...], int]) -> Configuration:
    _known(content, (), ("limits",), where, lines)
    limits = content.get("limits") or {}
    catalogue = detectors.discover()
    _known(limits, ("limits",), tuple(catalogue), where, lines)
    for name, values in limits.items():
        _known(values, ("limits", name), tuple(catalogue[name].INFO.limits), where, lines)
        for limit, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                message = f"{_position(where, ('limits', name, limit), lines)}: {limit} must be a number"
                raise ConfigurationError(message)
    return Configuration({name: dict(values) for name, values in limits.items()})


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
