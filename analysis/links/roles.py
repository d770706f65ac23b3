"""What every span does in calls: enter a service, leave it, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis._kernels.critical_path import nearest_above
from analysis._kernels.links import find_outgoing
from analysis.forest import Forest
from analysis.links.layers import store_calls

__all__ = ["Roles"]

_UNSPECIFIED, _INTERNAL, _CLIENT, _PRODUCER = (
    schema.KINDS.index(name) for name in ("unspecified", "internal", "client", "producer")
)


@dataclass(frozen=True, eq=False)
class Roles:
    """What every row does in calls; each is found when first asked for.

    Attributes
    ----------
    forest
        Planted with the columns of :data:`analysis.links.architecture.COLUMNS`.
    """

    forest: Forest

    @cached_property
    def named(self) -> NDArray[np.bool_]:
        """The service is known."""
        return self.forest.service.codes >= 0

    @cached_property
    def caller(self) -> NDArray[np.int32]:
        """The nearest ancestor whose service is known; -1 for none."""
        if self.named.all():
            return self.forest.parent
        return nearest_above(self.forest.parent, self.named)

    @cached_property
    def same_service(self) -> NDArray[np.bool_]:
        """The caller's service is the row's."""
        service = self.forest.service.codes
        return np.asarray((self.caller >= 0) & (service[self.caller] == service), np.bool_)

    @cached_property
    def local(self) -> NDArray[np.bool_]:
        """Neither enters nor leaves the service, as far as its kind says."""
        kind = self.forest.kind
        return np.asarray((kind == _UNSPECIFIED) | (kind == _INTERNAL), np.bool_)

    @cached_property
    def data(self) -> NDArray[np.bool_]:
        """Calls a database or cache."""
        return store_calls(self.forest)

    @cached_property
    def outward(self) -> NDArray[np.bool_]:
        """Leaves its service: client, producer, or a call to a store whatever its kind."""
        kind = self.forest.kind
        return np.asarray(self.named & ((kind == _CLIENT) | (kind == _PRODUCER) | self.data), np.bool_)

    @cached_property
    def order(self) -> NDArray[np.int32]:
        """Rows, parents before children."""
        return self.forest.downwards

    @cached_property
    def outgoing(self) -> NDArray[np.int32]:
        """The row of the same service that calls out for this one, itself included; -1 for none."""
        return find_outgoing(self.order, self.caller, self.forest.service.codes, self.outward, self.local)

    @cached_property
    def enclosing(self) -> NDArray[np.int32]:
        """The row of the same service that calls out around this one; -1 for none."""
        return np.where(self.same_service, self.outgoing[self.caller], -1).astype(np.int32)
