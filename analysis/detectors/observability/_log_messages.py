"""What the detectors of logs share: which records tell of no request."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

__all__ = ["single_messages"]


def single_messages(facts: Mapping[str, pd.DataFrame], fewer_than: float) -> dict[str, int]:
    """Return for each service how many of its records without a trace have a message that occurs just once.

    Parameters
    ----------
    facts
        The merged fact ``log_templates``.
    fewer_than
        Where there are as many of them or more, the service writes each message once: then none is set aside.
    """
    totals = facts["log_templates"].groupby(["service", "template"], sort=True)[["lines", "named"]].sum().reset_index()
    single = totals[(totals["lines"] == 1) & (totals["named"] == 0)]
    counts = single.groupby("service", sort=True).size()
    return {str(service): int(count) for service, count in counts.items() if count < fewer_than}
