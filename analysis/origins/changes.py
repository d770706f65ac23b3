"""What changed: how often something holds of an operation before and during, and what of it is no chance.

Every comparison is of two shares: of the spans of one key, how many fail, make a call, write a line, take longer than
nearly all did before. The likelihood ratio of two shares against one says whether they differ; what is reported is
shrunk by how much of it chance would give, so that no limit decides alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.origins.recorded import Recorded

__all__ = ["CHANCE", "SEEN", "assured", "failing", "keys_of", "likelihood_ratio", "structure"]

Floats = NDArray[np.float64]

#: What chance alone gives in one of twenty comparisons: the quantile of chi-squared with one degree of freedom.
CHANCE: Final = 3.841
#: Spans before, from which on an operation is known: fewer say nothing of what is usual.
SEEN: Final = 4
#: Spans before, from which on a call is told by its whole way down from the request; else by the last step.
_SEEN_WHOLE: Final = 8
#: What nearly always, and nearly never, was so before.
_ALWAYS: Final = 0.8
_NEVER: Final = 0.1
#: A call that was never made is an answer to trouble as often as its beginning.
_NEW_CALL: Final = 0.5


def likelihood_ratio(during: Any, of_during: Any, before: Any, of_before: Any) -> Floats:
    """Return twice the logarithm of the likelihood of two shares against one for both (Wilks 1938)."""
    k1, n1, k0, n0 = (np.asarray(value, np.float64) for value in (during, of_during, before, of_before))
    together = (k1 + k0) / (n1 + n0)
    return np.asarray(
        2
        * (
            _likelihood(k1, n1, k1 / n1)
            + _likelihood(k0, n0, k0 / n0)
            - _likelihood(k1, n1, together)
            - _likelihood(k0, n0, together)
        )
    )


def _likelihood(count: Floats, trials: Floats, share: Floats) -> Floats:
    held = np.clip(share, 1e-12, 1 - 1e-12)
    return np.asarray(count * np.log(held) + (trials - count) * np.log1p(-held))


def assured(ratio: Any, chance: float = CHANCE) -> Floats:
    """Return which part of an effect is more than chance: 0 where chance gives as much, towards 1 beyond.

    Source: the positive part of the shrinkage of James and Stein (1961).
    """
    return np.asarray(np.clip(1 - chance / np.maximum(np.asarray(ratio, np.float64), 1e-12), 0, 1))


def keys_of(before: Recorded, during: Recorded) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return for each span of both windows the key that it is compared by: the whole way to it, where that is known."""
    counts = before.spans["key"].value_counts()
    known = counts.index[counts >= _SEEN_WHOLE]
    first, second = (
        recorded.spans["key"].where(recorded.spans["key"].isin(known), recorded.spans["near"])
        for recorded in (before, during)
    )
    return first, second


def failing(before: Recorded, during: Recorded, keys: tuple[pd.Series[Any], pd.Series[Any]]) -> pd.DataFrame:
    """Return the keys whose spans fail more often: ``key``, ``before``, ``during`` (shares) and ``weight``."""
    counts = _joined(
        before.spans["failed"].groupby(keys[0]).agg(["sum", "size"]),
        during.spans["failed"].groupby(keys[1]).agg(["sum", "size"]),
    )
    return _worse(counts)


def _joined(before: pd.DataFrame, during: pd.DataFrame) -> pd.DataFrame:
    """Put counts and their totals beside one another: ``k0``, ``n0``, ``k1``, ``n1``, by key."""
    names = {"sum": "k", "size": "n"}
    first, second = (
        counts.rename(columns={name: f"{short}{place}" for name, short in names.items()})
        for place, counts in enumerate((before, during))
    )
    joined = first.join(second, how="inner")
    return joined[(joined["n0"] >= SEEN) & (joined["n1"] > 0)]


def _worse(counts: pd.DataFrame) -> pd.DataFrame:
    shares = counts.assign(before=counts["k0"] / counts["n0"], during=counts["k1"] / counts["n1"])
    # Half a case more on both sides: nothing is certain of the few spans before.
    ratio = likelihood_ratio(shares["k1"], shares["n1"], shares["k0"] + 0.5, shares["n0"] + 1)
    risen = shares.assign(
        weight=assured(ratio) * (1 - (shares["before"] / shares["during"].where(shares["during"] > 0, 1)))
    )
    found = risen[(risen["during"] > risen["before"]) & (risen["weight"] > 0)]
    return found.rename_axis("key").reset_index()[["key", "before", "during", "weight"]]


def structure(
    before: pd.DataFrame,
    during: pd.DataFrame,
    totals: tuple[pd.Series[Any], pd.Series[Any]],
    *,
    calls: bool,
) -> pd.DataFrame:
    """Return what spans of a key nearly always had and lack, or nearly never had and have.

    Parameters
    ----------
    before, during
        What spans have: ``row``, ``key`` and ``label``, each once.
    totals
        Spans by key, before and during.
    calls
        Whether labels are calls, of which a lack counts, or log lines, of which only new ones do.

    Returns
    -------
    pandas.DataFrame
        ``key``, ``label``, ``kind`` ("new" or "missing"), ``before`` and ``during`` (shares of the key's spans) and
        ``weight`` (what of it is more than chance).
    """
    counted = [part.groupby(["key", "label"]).size().rename(name) for part, name in ((before, "k0"), (during, "k1"))]
    table = pd.concat(counted, axis=1).fillna(0.0).reset_index()
    table["n0"], table["n1"] = (table["key"].map(part).fillna(0) for part in totals)
    table = table[(table["n0"] >= SEEN) & (table["n1"] > 0)]
    once = counted[0][counted[0] == 1].groupby("key").size()
    # What was never seen had the probability of what was seen once, all of it together (Good 1953): who calls ever
    # others is not new for calling another.
    unseen = np.minimum(table["key"].map(once).fillna(0), table["n0"] / 2)
    held = table["k0"].where(table["k0"] > 0, unseen) + 0.5
    ratio = likelihood_ratio(table["k1"], table["n1"], np.minimum(held, table["n0"] + 0.5), table["n0"] + 1)
    table = table.assign(before=table["k0"] / table["n0"], during=table["k1"] / table["n1"])
    usual = held / (table["n0"] + 1)
    new = (table["during"] > usual) & (usual <= np.maximum(_NEVER, 1 / (table["n0"] + 1)))
    missing = calls & (table["during"] < table["before"]) & (table["before"] >= _ALWAYS)
    grown = 1 - usual / table["during"].where(new, 1)
    lost = 1 - (1 - table["before"]) / (1 - table["during"]).where(missing, 1)
    table["kind"] = np.where(new, "new", "missing")
    table["weight"] = assured(ratio) * np.where(new, grown * (_NEW_CALL if calls else 1.0), lost)
    found = table[(new | missing) & (table["weight"] > 0)]
    return found[["key", "label", "kind", "before", "during", "weight"]].reset_index(drop=True)
