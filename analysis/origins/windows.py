"""Windows of time: how they are written, and which traces and logs fall into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.dataset import Dataset
from analysis.ingest import iso_time

__all__ = ["NoTraces", "Window", "read_window", "whole"]


class NoTraces(ValueError):  # noqa: N818 - it is said to a person, not raised at one
    """A window holds no trace; the message says what the recording covers."""


@dataclass(frozen=True)
class Window:
    """From a moment on, up to another that is no longer in it.

    Attributes
    ----------
    start_ns, end_ns
        ns since the epoch.
    """

    start_ns: int
    end_ns: int

    def to_json(self) -> list[str | None]:
        """Return start and end as ISO 8601 in UTC."""
        return [iso_time(self.start_ns), iso_time(self.end_ns)]


def read_window(given: Any) -> Window:
    """Return a window from two moments, or from the text ``START..END``.

    Parameters
    ----------
    given
        A pair of what `pandas.Timestamp` takes (without a zone it is UTC), or two of them in ISO 8601 joined by dots.

    Raises
    ------
    ValueError
        It is no window, or ends before it begins.
    """
    pair = given.split("..") if isinstance(given, str) else given
    try:
        first, last = pair
        start_ns, end_ns = _moment(first), _moment(last)
    except (TypeError, ValueError) as error:
        example = "2026-11-23T10:00:00Z..2026-11-23T10:05:00Z"
        raise ValueError(f"{given!r} is no window of time: write {example}") from error
    if end_ns <= start_ns:
        raise ValueError(f"the window {given!r} ends before it begins")
    return Window(start_ns, end_ns)


def whole(data: Dataset) -> Window:
    """Return the window that holds every trace of a dataset.

    Raises
    ------
    NoTraces
        It has none with a time.
    """
    if data.window is None:
        raise NoTraces("no span has a time, so nothing can be said of before and during")
    return Window(data.window[0], data.window[1] + 1)


def _moment(given: Any) -> int:
    moment = pd.Timestamp(given)
    if pd.isna(moment):
        raise ValueError("not a time")
    aware = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    return int(aware.as_unit("ns").value)
