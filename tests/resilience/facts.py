"""Facts written by hand for what failures do to the whole."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis import facts

__all__ = ["Facts", "depends", "empty", "table"]

Facts = dict[str, pd.DataFrame]


def empty() -> Facts:
    """Return every fact without a row."""
    catalogue = facts.discover()
    return {name: facts.to_frame(fact.FIELDS, facts.merge(fact.FIELDS, [])) for name, fact in catalogue.items()}


def table(name: str, *rows: dict[str, Any]) -> pd.DataFrame:
    """Return a fact of some rows: numbers that are not given are 0, texts are empty."""
    fields = facts.discover()[name].FIELDS
    filled = [{item.name: row.get(item.name, _nothing(item)) for item in fields} for row in rows]
    return pd.DataFrame(filled, columns=[item.name for item in fields])


def depends(caller: str, callee: str, visits: int, failed: bool = False, **more: Any) -> dict[str, Any]:
    """Return a row of ``dependencies``: "service operation" calls "service operation"."""
    service, _, operation = caller.partition(" ")
    target, _, callee_operation = callee.partition(" ")
    row = {"service": service, "operation": operation, "target": target, "callee_operation": callee_operation}
    return row | {"template": callee, "visits": visits, "failed": failed, "visit_failed": False} | more


def _nothing(item: facts.Field) -> Any:
    if item.role in ("histogram", "exemplars"):
        return facts.Histogram.merged([]) if item.role == "histogram" else ()
    return {"string": "", "bool": False}.get(str(item.type), 0)
