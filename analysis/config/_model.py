"""What a review is run with: frozen, checked, and the defaults where nothing is said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis import detectors
from analysis._patterns import NOTHING, Patterns
from analysis.catalogue import Catalogue
from analysis.dataset.view import View
from analysis.detectors import NO_ROLES, Roles, Rule
from analysis.existing_alerts import Alerts

__all__ = ["Acknowledgement", "Configuration", "Redaction"]


@dataclass(frozen=True)
class Acknowledgement:
    """A finding that is known and accepted for a time.

    Attributes
    ----------
    finding
        Its id.
    reason, owner
        Why it is accepted, and who answers for that.
    expires
        The last day on which it is accepted, in ISO 8601.
    """

    finding: str
    reason: str
    owner: str
    expires: str

    def holds(self, today: dt.date) -> bool:
        """Tell whether it holds on a day; afterwards the finding counts again."""
        return today.isoformat() <= self.expires


@dataclass(frozen=True)
class Redaction:
    """What reports may show.

    Attributes
    ----------
    show_values
        Values of users are shown, and the report says so.
    patterns
        Regular expressions of what is masked in names too.
    dataset
        No values are kept in the dataset either.
    """

    show_values: bool = False
    patterns: tuple[str, ...] = ()
    dataset: bool = False


@dataclass(frozen=True)
class Configuration:
    """What a review is run with.

    Attributes
    ----------
    limits
        Limits that differ from the defaults, by detector and limit.
    severity
        Severities that differ from what the rules say, by detector; ``ignore`` keeps its findings from the review.
    view
        Services and stores under other names, and what is left out.
    roles
        Which part services and operations play.
    catalogue
        Which team, domain and system each service belongs to.
    catalogue_path
        Where that was read from; "" where nobody said.
    alerts
        Alerts that exist.
    alert_paths
        Where those were read from.
    trace_url
        Where a trace can be opened; "" where nobody said.
    redaction
        What reports may show.
    rules
        Dependencies that are forbidden or required.
    acknowledgements
        Findings that are known and accepted for a time.
    """

    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)
    view: View = field(default_factory=View)
    roles: Roles = NO_ROLES
    catalogue: Catalogue = field(default_factory=Catalogue)
    catalogue_path: str = ""
    alerts: Alerts = field(default_factory=Alerts)
    alert_paths: tuple[str, ...] = ()
    trace_url: str = ""
    redaction: Redaction = field(default_factory=Redaction)
    rules: tuple[Rule, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()

    def limits_of(self, detector: str) -> dict[str, float]:
        """Return the limits in force for a detector."""
        return detectors.discover()[detector].INFO.defaults() | dict(self.limits.get(detector, {}))


def patterns(texts: tuple[str, ...] | None) -> Patterns:
    """Return patterns of a checked list; none where it is not there."""
    return Patterns.of(texts) if texts else NOTHING
