"""Who sends the messages that consumers in traces of their own take: whom links lead to, else who fills the queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.resilience._facts import Facts

__all__ = ["linked_senders", "publishers"]


def linked_senders(rows: Iterable[Mapping[Any, Any]], way: str) -> dict[tuple[str, ...], str]:
    """Return by way who sent the messages of those rows of it whose span link, or parent, was seen.

    Parameters
    ----------
    rows
        Of ``failures`` or ``slow_ways``.
    way
        The column that holds the way.
    """
    found: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        if row["sent_by"] and row["entry_kind"] == "consumer":
            found.setdefault(tuple(map(str, row[way])), set()).add(str(row["sent_by"]))
    return {steps: ", ".join(sorted(names)) for steps, names in found.items()}


def publishers(facts: Facts) -> dict[str, str]:
    """Return by "service operation" of consumers who publishes to the queues that they take messages from."""
    messages = facts["messages"]
    named = messages[messages["destination"] != ""]
    publish: dict[tuple[str, str], set[str]] = {}
    for row in named[named["kind"] == "producer"].to_dict("records"):
        publish.setdefault((row["system"], row["destination"]), set()).add(f"{row['service']} {row['operation']}")
    found: dict[str, set[str]] = {}
    for row in named[named["kind"] == "consumer"].to_dict("records"):
        senders = publish.get((row["system"], row["destination"]), set())
        found.setdefault(f"{row['service']} {row['operation']}", set()).update(senders)
    return {consumer: ", ".join(sorted(senders)) for consumer, senders in found.items() if senders}
