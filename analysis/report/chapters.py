"""The chapters of a report: a family of detectors each, its question and its notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["CHAPTERS", "Chapter"]


@dataclass(frozen=True)
class Chapter:
    """What the report says of a family, and in which notebook."""

    words: str
    notebook: str
    question: str

    @property
    def file(self) -> str:
        """Where its page is."""
        return f"{self.notebook}.html"


CHAPTERS: Final[Mapping[str, Chapter]] = {
    "chatty": Chapter("Chatty calls", "02-chatty-calls", "Which requests hold too many conversations?"),
    "shared_data": Chapter("Shared data", "03-shared-data", "Which services are coupled through their stores?"),
    "cascades": Chapter("Cascading failures", "04-cascading-failures", "How does one failure become many?"),
    "boundaries": Chapter("Service boundaries", "05-service-boundaries", "Do the services depend as they should?"),
    "observability": Chapter("Observability", "06-observability", "What cannot be seen?"),
}
