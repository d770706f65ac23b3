"""Files that others wrote in YAML, of one document or many, each with the line that it begins on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["documents_of", "text_of"]

#: Bytes of the largest file that is read.
_LARGEST: Final = 64 * 1024 * 1024
#: Characters of a parser's message that are shown.
_SHOWN: Final = 200


def text_of(path: Path, kind: str, refused: type[ValueError]) -> str:
    """Return the text of a file.

    Parameters
    ----------
    kind
        What it should be, for messages: "catalogue".
    refused
        What is raised, with a message that names the file, where it cannot be read or is too large.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise refused(f"{path} is too large for a {kind}: more than {_LARGEST >> 20} MiB")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise refused(f"{path} cannot be read as a {kind}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise refused(f"{path} cannot be read as a {kind}: it is no UTF-8 text") from error


def documents_of(path: Path, kind: str, refused: type[ValueError]) -> Iterator[tuple[int, Any]]:
    """Yield the documents of a file that are not empty, each with its first line; parameters as of :func:`text_of`.

    An error that says where the text is no YAML names the line.
    """
    text = text_of(path, kind, refused)
    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:
        raise _refusal(path, kind, refused, error) from error
    try:
        while True:
            try:
                if not loader.check_node():
                    return
                node = loader.get_node()
                document = None if node is None else loader.construct_document(node)
            # ValueError: dates that there are not; YAMLError: what YAML forbids; RecursionError: endless nesting.
            except (yaml.YAMLError, RecursionError, ValueError) as error:
                raise _refusal(path, kind, refused, error) from error
            if node is not None and document is not None:
                yield node.start_mark.line + 1, document
    finally:
        loader.dispose()


def _refusal(path: Path, kind: str, refused: type[ValueError], error: Exception) -> ValueError:
    if isinstance(error, yaml.MarkedYAMLError):
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return refused(f"{path}{line}: {error.problem or error.context}")
    return refused(f"{path} cannot be read as a {kind}: {' '.join(str(error).split())[:_SHOWN]}")
