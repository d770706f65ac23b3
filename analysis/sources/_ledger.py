"""What a reader refuses and what it assumes, counted, with one example each."""

from __future__ import annotations

from typing import TypedDict

__all__ = ["Refused", "RejectRow", "Rejects", "masked"]


class Refused(ValueError):  # noqa: N818 - an outcome of reading a record, not a fault of the program
    """One record cannot be taken; the message is the fixed phrase by which such records are counted."""


class RejectRow(TypedDict):
    """One reason for refusing records: how many, and where the first was."""

    reason: str
    count: int
    example: str


class Rejects:
    """The mutable ledger of one input: records refused by reason, and notes on what was assumed.

    Attributes
    ----------
    notes
        Text of a note and how often it applied.
    beside
        What an input is that holds no records by its nature, and belongs to another; "" of all others.
    """

    def __init__(self) -> None:
        self.notes: dict[str, int] = {}
        self.beside = ""
        self._reasons: dict[str, tuple[int, str]] = {}

    def add(self, reason: str, position: str, detail: str = "", *, count: int = 1) -> None:
        """Count one refused record, or several that are refused together.

        Parameters
        ----------
        reason
            A short fixed phrase, such as "span id is missing": records are summed by it.
        position
            Where the record stands: "line 3", "byte 120", "spans[4]".
        detail
            What was found instead, never a value of the export: see `masked`.
        count
            How many records; the position is that of the first.
        """
        before, example = self._reasons.get(reason, (0, ""))
        if not before:
            example = f"{position}: {detail}" if detail else position
        self._reasons[reason] = (before + count, example)

    def note(self, text: str, count: int = 1) -> None:
        """Count something that was read, but under an assumption; counts add up by text."""
        if count:
            self.notes[text] = self.notes.get(text, 0) + count

    def rows(self) -> list[RejectRow]:
        """Return the reasons in alphabetical order, each with its count and its first example."""
        return [
            RejectRow(reason=reason, count=count, example=example)
            for reason, (count, example) in sorted(self._reasons.items())
        ]

    @property
    def total(self) -> int:
        """How many records were refused."""
        return sum(count for count, _ in self._reasons.values())


def masked(value: object) -> str:
    """Describe a value without showing it: its kind, and the length of a text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return "a list" if isinstance(value, list | tuple) else "an object"
