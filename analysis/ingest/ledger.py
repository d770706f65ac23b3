"""What of an ingest is done, so that one that ended early goes on where it was.

Beside the rows that left memory lies a record of each export that was read and of each group of partitions that was
written: small, whole or absent, under a name made of all that its content depends on. What changed meanwhile (the
export, its place among the others, the mapping, this program) has another name, and is done anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from analysis.addresses import asking, reach
from analysis.ingest.inputs import STANDARD_INPUT, File, is_address
from analysis.ingest.storage import Folder
from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA

__all__ = ["Ledger", "named", "state_of"]

_RECORD: Final = ".done.json"
#: What stores say of an object that changes with its content.
_STAMPS: Final = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "updated", "last_modified")


@dataclass(frozen=True)
class Ledger:
    """The records of one ingest.

    Attributes
    ----------
    folder
        Where they are: that of the rows that left memory.
    """

    folder: Folder

    def find(self, name: str) -> Any:
        """Return what was recorded under a name; None where nothing was, or where it is damaged."""
        content = self.folder.read(f"{name}{_RECORD}")
        if content is None:
            return None
        try:
            return json.loads(content)
        except ValueError:
            # A disk that lost its power keeps names of files whose content it never had: then it is done again.
            return None

    def keep(self, name: str, record: Any) -> None:
        """Record that something is done."""
        self.folder.write(f"{name}{_RECORD}", json.dumps(record, sort_keys=True).encode())

    def all(self) -> list[Any]:
        """Return every record."""
        names = [name.removesuffix(_RECORD) for name in self.folder.names("") if name.endswith(_RECORD)]
        return [record for record in map(self.find, names) if record is not None]


def named(*parts: Any) -> str:
    """Return a name for what depends on these parts, and on this program and what it stores."""
    text = json.dumps([_program(), *parts], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def _program() -> str:
    return f"{version('archreview')} {SPAN_SCHEMA.to_string()} {LOG_SCHEMA.to_string()}"


def state_of(file: File) -> Mapping[str, Any] | None:
    """Return what tells whether a file is as it was: its size and when it changed; None where nothing tells."""
    if file.problem or file.location == STANDARD_INPUT:
        return None
    if not is_address(file.location):
        path = Path(file.location)
        if not path.is_file():
            return None
        found = path.stat()
        return {"size": found.st_size, "changed": found.st_mtime_ns, "number": found.st_ino}
    with asking(file.location):
        files, path_in_store = reach(file.location)
        told = files.info(path_in_store)
    stamps = {name: str(told[name]) for name in _STAMPS if told.get(name)}
    return {"size": told.get("size"), **stamps} if stamps else None
