"""Detectors: one anti-pattern a file, found by looking, not by registering.

``<family>/<anti_pattern>.py`` offers ``INFO`` and ``judge(evidence, limits)``, which is a pure function from facts to
an :class:`~analysis.findings.Assessment`. The module's docstring is its page in the catalogue.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Protocol, cast

from analysis.detectors._evidence import Evidence
from analysis.detectors._roles import NO_ROLES, Roles, Rule, with_batches
from analysis.detectors._severity import Weight, severity
from analysis.findings import FAMILIES, Assessment

__all__ = [
    "NO_ROLES",
    "Detector",
    "Evidence",
    "Info",
    "Limit",
    "Limits",
    "Roles",
    "Rule",
    "Weight",
    "discover",
    "in_order",
    "page",
    "severity",
    "with_batches",
]

Limits = Mapping[str, float]


@dataclass(frozen=True)
class Limit:
    """A limit of a detector: its default, its unit, what it means, and where the number comes from."""

    value: float
    unit: str
    meaning: str
    source: str = "house default"


@dataclass(frozen=True)
class Info:
    """What the catalogue says of a detector.

    Attributes
    ----------
    name, family
        The module's and the package's name.
    title
        The anti-pattern in words, as a heading.
    facts
        The facts it judges.
    limits
        By name; each can be overridden by configuration.
    after
        Detectors whose answers take precedence: they are judged before, and ``evidence.answers`` holds what they said.
    """

    name: str
    family: str
    title: str
    facts: tuple[str, ...]
    limits: Mapping[str, Limit]
    after: tuple[str, ...] = ()

    def defaults(self) -> dict[str, float]:
        """Return the limits in force when nothing is configured."""
        return {name: limit.value for name, limit in self.limits.items()}


class Detector(Protocol):
    """What each detector module offers."""

    __name__: str
    __doc__: str
    INFO: Info

    @staticmethod
    def judge(evidence: Evidence, limits: Limits) -> Assessment:
        """Answer found, not found or not assessable from the facts."""


@cache
def discover() -> Mapping[str, Detector]:
    """Return every detector by name, in the order of the families and of the alphabet within."""
    found: dict[str, Detector] = {}
    packages = {module.name for module in pkgutil.iter_modules(__path__) if module.ispkg}
    for family in FAMILIES:
        if family not in packages:
            continue
        package = importlib.import_module(f"{__name__}.{family}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
            if not module.name.startswith("_"):
                found[module.name] = cast("Detector", importlib.import_module(f"{package.__name__}.{module.name}"))
    return MappingProxyType(found)


def in_order(names: Iterable[str]) -> list[str]:
    """Order detectors so that observability comes first and each comes after those that take precedence over it."""
    catalogue = discover()
    waiting = sorted(
        names, key=lambda name: (catalogue[name].INFO.family != "observability", list(catalogue).index(name))
    )
    done: list[str] = []
    while waiting:
        ready = [name for name in waiting if not set(catalogue[name].INFO.after) & set(waiting)]
        if not ready:
            message = f"detectors wait for each other: {', '.join(waiting)}"
            raise ValueError(message)
        done.append(ready[0])
        waiting.remove(ready[0])
    return done


def page(name: str) -> str:
    """Return the catalogue page of a detector: its docstring, with its limits and their sources.

    Raises
    ------
    KeyError
        If there is no such detector; the message names the nearest.
    """
    detector = discover()[name]
    lines = [detector.__doc__.strip(), "", "Limits", "------"]
    for limit_name, limit in detector.INFO.limits.items():
        unit = f" {limit.unit}" if limit.unit else ""
        lines.append(f"{limit_name} = {limit.value:g}{unit}: {limit.meaning} ({limit.source})")
    return "\n".join(lines) + "\n"
