"""Log templates that differ only in words that vary, put together: Drain, made independent of order.

Drain (He, Zhu, Zheng and Lyu, "Drain: an online log parsing approach with fixed depth tree", ICWS 2017) reads lines as
they come: those of as many words, beginning with the same word, go to the group of that bucket that agrees with them in
most places, and what differs becomes a wildcard. The groups depend on which line came first. Here the lines have lost
their values before (:mod:`analysis.ingest.log_templates`), so that few distinct ones are left, and these are read in
the order of the alphabet: the same set of lines gives the same groups, in whatever files and partitions they came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["WILDCARD", "group_templates"]

WILDCARD: Final = "<*>"
#: Drain's own default is 0.4 for raw lines; values are gone here, so that what is left agrees in more places.
_SIMILARITY: Final = 0.6
#: Groups looked at in one bucket; beyond it a text is a group of its own.
_MOST_GROUPS: Final = 1000


class _Group:
    """Templates that became one."""

    __slots__ = ("constant", "members", "words")

    def __init__(self, words: list[str], text: str) -> None:
        self.words = words
        self.members = [text]
        self.constant = sum(not _is_variable(word) for word in words)

    def agreement(self, words: list[str]) -> int:
        """Return in how many places both have the same constant word."""
        return sum(one == other and not _is_variable(one) for one, other in zip(self.words, words, strict=True))

    def take(self, words: list[str], text: str) -> None:
        """Make what differs a wildcard."""
        self.words = [one if one == other else WILDCARD for one, other in zip(self.words, words, strict=True)]
        self.members.append(text)


def group_templates(templates: Iterable[str], *, similarity: float = _SIMILARITY) -> dict[str, str]:
    """Return for each template the one of its group.

    Parameters
    ----------
    templates
        Lines without their values; their order and how often each comes make no difference.
    similarity
        Share (0..1) of the constant words in which a template must agree with a group to belong to it.

    Returns
    -------
    dict
        By template the template of its group, with ``<*>`` in the places where its members differ.
    """
    buckets: dict[tuple[int, str], list[_Group]] = {}
    for text in sorted(set(templates)):
        words = text.split(" ")
        # The first word decides unless it varies itself, as in Drain a word with digits does.
        first = next((word for word in words if not _is_variable(word)), "")
        groups = buckets.setdefault((len(words), first), [])
        best = _best(groups, words, similarity)
        if best is not None:
            best.take(words, text)
        elif len(groups) < _MOST_GROUPS:
            groups.append(_Group(words, text))
        else:
            groups[-1].take(words, text)
    return {
        member: " ".join(group.words) for groups in buckets.values() for group in groups for member in group.members
    }


def _best(groups: list[_Group], words: list[str], similarity: float) -> _Group | None:
    constant = sum(not _is_variable(word) for word in words)
    found, most = None, 0
    for group in groups:
        same = group.agreement(words)
        # A line of two words that differ in one says two things; one place in which they agree is too little.
        if same > most and same >= 2 and same >= similarity * max(constant, group.constant):
            found, most = group, same
    return found


def _is_variable(word: str) -> bool:
    return "<" in word and ">" in word
