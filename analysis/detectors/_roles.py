"""What a configuration says of services and operations that names and shapes alone cannot tell.

Detectors know a gateway, a back office, a probe or a batch by its name or by how it is called. The configuration has
the last word: a pattern takes a name in, one that begins with ``!`` takes it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import pandas as pd

from analysis._patterns import NOTHING, Patterns, matches

__all__ = ["NO_ROLES", "Roles", "Rule", "with_batches"]


@dataclass(frozen=True)
class Roles:
    """The parts that services and operations play, as configured.

    Attributes
    ----------
    gateways
        Services that call many, or pass requests on, by design.
    back_offices
        Services that correct data of others by design.
    batch
        Operations, or ``service operation``, that work through many things by design.
    health_checks
        Operations that only say whether a process lives.
    """

    gateways: Patterns = NOTHING
    back_offices: Patterns = NOTHING
    batch: Patterns = NOTHING
    health_checks: Patterns = NOTHING

    def gateway(self, service: str, *, otherwise: bool) -> bool:
        """Tell whether a service is a gateway; where the configuration does not say, what the caller thinks."""
        said = self.gateways.says(service)
        return otherwise if said is None else said

    def back_office(self, service: str, *, otherwise: bool) -> bool:
        """Tell whether a service is a back office; where the configuration does not say, what the caller thinks."""
        said = self.back_offices.says(service)
        return otherwise if said is None else said

    def health_check(self, operation: str, *, otherwise: bool) -> bool:
        """Tell whether an operation is a probe; where the configuration does not say, what the caller thinks."""
        said = self.health_checks.says(operation)
        return otherwise if said is None else said

    def batch_operation(self, service: str, operation: str) -> bool:
        """Tell whether the configuration takes an operation for a batch, by its name or with that of its service."""
        said = self.batch.says(f"{service} {operation}")
        return bool(self.batch.says(operation) if said is None else said)

    def to_json(self) -> dict[str, list[str]]:
        """Return the patterns of each part."""
        return {part.name: list(getattr(self, part.name).patterns) for part in fields(self)}

    @classmethod
    def from_json(cls, members: Mapping[str, Iterable[str]]) -> Roles:
        """Return the roles that :meth:`to_json` wrote."""
        return cls(**{part.name: Patterns.of(members.get(part.name, ())) for part in fields(cls)})


NO_ROLES = Roles()


def with_batches(frames: Mapping[str, pd.DataFrame], roles: Roles) -> dict[str, pd.DataFrame]:
    """Return facts in which operations that are configured as batches count as background: no user waits for them."""
    return {name: _marked(frame, roles) if roles.batch else frame for name, frame in frames.items()}


def _marked(frame: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    if "background" not in frame.columns:
        return frame
    marked = frame["background"].astype(bool)
    for service, operation in (("entry_service", "entry_operation"), ("service", "operation")):
        if {service, operation} <= set(frame.columns):
            pairs = zip(frame[service].astype(str), frame[operation].astype(str), strict=True)
            marked |= pd.Series([roles.batch_operation(*pair) for pair in pairs], frame.index, dtype=bool)
    return frame.assign(background=marked)


@dataclass(frozen=True)
class Rule:
    """A dependency that is forbidden or required.

    Attributes
    ----------
    forbids
        False: it is required.
    caller, callee
        Patterns of the nodes: services, or stores and queues as ``system://…``.
    kind
        sync, async, data, or any.
    reason
        Why, in the words of who made the rule.
    """

    forbids: bool
    caller: str
    callee: str
    kind: str = "any"
    reason: str = ""

    def covers(self, caller: str, callee: str, kind: str) -> bool:
        """Tell whether an edge is one that the rule speaks of."""
        return self.kind in ("any", kind) and matches(self.caller, caller) and matches(self.callee, callee)

    def __str__(self) -> str:
        kind = "" if self.kind == "any" else f" ({self.kind})"
        return f"{self.caller} → {self.callee}{kind}"
