"""YAML with the line of every key and entry; what could make reading endless is refused."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["CannotRead", "read_yaml"]

_MOST_BYTES: Final = 4_000_000
#: A list that holds itself, or ten times itself ten times over, has no end; no configuration has so many entries.
_MOST_NODES: Final = 200_000
_DEEPEST: Final = 40

Lines = dict[tuple[str, ...], int]


class CannotRead(ValueError):  # noqa: N818 - the message goes into a sentence
    """The file cannot be read; the message says why, on one line."""


def read_yaml(path: str | Path) -> tuple[Any, Lines]:
    """Return the content of a file, and the line of each key and entry by its path.

    Raises
    ------
    CannotRead
        It is not there, no YAML, too large or too deep, or gives a key twice.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise CannotRead("it is larger than a configuration can be")
        loader = yaml.SafeLoader(raw.decode("utf-8-sig"))
        node = loader.get_single_node()
        lines: Lines = {}
        if node is None:
            return None, lines
        _Walk(lines).visit(node, (), 0)
        return loader.construct_document(node), lines
    except RecursionError as error:
        raise CannotRead("it is nested too deep") from error
    except OSError as error:
        raise CannotRead(error.strerror or str(error)) from error
    except yaml.MarkedYAMLError as error:
        mark = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        raise CannotRead(f"{mark}{' '.join(str(error.problem or error.context).split())}") from error
    except (ValueError, yaml.YAMLError) as error:
        # ValueError: bytes that are no UTF-8, and dates that there are not, such as 2026-13-45.
        raise CannotRead(" ".join(str(error).split())) from error


class _Walk:
    """Notes lines, and refuses what has no end."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._nodes = 0

    def visit(self, node: yaml.Node, path: tuple[str, ...], depth: int) -> None:
        self._nodes += 1
        line = node.start_mark.line + 1
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            raise CannotRead(f"line {line}: it is nested too deep, or repeats itself without end")
        if isinstance(node, yaml.MappingNode):
            met: set[Hashable] = set()
            for key, value in node.value:
                at = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    raise CannotRead(f"line {at}: a key must be a name")
                if key.value in met:
                    raise CannotRead(f"line {at}: the key {key.value[:60]!r} is given twice")
                met.add(key.value)
                inner = (*path, str(key.value))
                self._lines[inner] = at
                self.visit(value, inner, depth + 1)
        elif isinstance(node, yaml.SequenceNode):
            for place, value in enumerate(node.value):
                inner = (*path, str(place))
                self._lines[inner] = value.start_mark.line + 1
                self.visit(value, inner, depth + 1)
