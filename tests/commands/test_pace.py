"""What a progress bar shows beside its bar."""

from __future__ import annotations

import pytest
from rich.progress import Progress

from analysis.commands._pace import Done, Pace


@pytest.mark.parametrize(
    ("stage", "total", "done", "pace"),
    [
        ("bytes", 9_600_000, "4.0 MB/9.6 MB", "2.0 MB/s"),
        ("spans", None, "4,000,000", "2,000,000/s"),
        ("files", 5_000_000, "4,000,000/5,000,000", "2,000,000/s"),
    ],
)
def test_how_much_is_done_and_how_fast(stage, total, done, pace):
    now = 0.0
    bars = Progress(get_time=lambda: now, disable=True)
    task = bars.add_task(stage, total=total)
    for now in (1.0, 2.0, 3.0):
        bars.update(task, completed=now * 2_000_000 - 2_000_000)
    (shown,) = bars.tasks
    assert Done().render(shown).plain == done
    assert Pace().render(shown).plain == pace
    if total is not None:
        # What is left, at that pace.
        assert shown.time_remaining == pytest.approx((total - 4_000_000) / 2_000_000, abs=1)
