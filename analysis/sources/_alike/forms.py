"""What differs from one document of a format to the next, and how that feeds the columns of its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analysis._kernels import json_paths as of

__all__ = ["Form", "Target", "fields"]


class Target(NamedTuple):
    """How a value becomes a column of the row.

    Attributes
    ----------
    column
        The column; "trace_id" is both halves.
    role
        Whose value.
    unit
        Of a time the nanoseconds of one unit; "hex" and "decimal" of an id; "iso" of a time in ISO 8601.
    """

    column: str
    role: str
    unit: int | str


@dataclass(frozen=True)
class Form:
    """What a format's documents hold that differs from one to the next.

    Attributes
    ----------
    roles
        Of values that are taken out, by number.
    paths
        Where they stand.
    free
        The roles of texts and paths that become a column as they are.
    """

    roles: tuple[str, ...]
    paths: of.Paths
    free: tuple[int, ...]


def fields(
    whole: Mapping[str, Sequence[str]],
    text: Mapping[str, Sequence[str]] | None = None,
    path: Mapping[str, Sequence[str]] | None = None,
    prose: Mapping[str, Sequence[str]] | None = None,
    passed: Sequence[str] = (),
    unnamed: Sequence[str] = (),
    kept: Sequence[str] = (),
    holders: Sequence[str] = (),
    prefixes: Sequence[str] = ("",),
) -> Form:
    """Return the form of documents.

    Parameters
    ----------
    whole, text, path, prose
        Values that are taken out by their role: ids and times, texts, URLs with paths, texts that may be data; each
        with its fields, names joined by dots.
    passed
        Fields that the format's reader never looks at.
    unnamed
        Objects of which it looks at none but fields that are named here.
    kept
        Such fields, where they are none of those above.
    holders
        Arrays in which documents stand.
    prefixes
        What may stand before all of them.
    """
    roles: list[str] = []
    forms: dict[str, tuple[int, int]] = {}
    free = []
    taken = ((of.WHOLE, whole), (of.TEXT, text or {}), (of.PATH, path or {}), (of.PROSE, prose or {}))
    for form, named in taken:
        for role, names in named.items():
            if form != of.WHOLE:
                free.append(len(roles))
            forms |= {prefix + name: (form, len(roles)) for prefix in prefixes for name in names}
            roles.append(role)
    for form, names in ((of.PASSED, passed), (of.UNNAMED, unnamed), (of.KEPT, kept), (of.HOLDER, holders)):
        forms |= {prefix + name: (form, -1) for prefix in prefixes for name in names}
    return Form(tuple(roles), of.paths_of(forms), tuple(free))
