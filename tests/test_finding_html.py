"""A finding as HTML: its claim, what it costs, and what was looked at, with the units."""

from __future__ import annotations

from analysis.finding_html import SEVERITY_BARS, section
from analysis.findings import SEVERITIES, Example
from tests.claims import finding


def test_everything_is_told():
    page = section(
        finding(
            title="A loop",
            cost={"critical_path_ms_p95": 130.6531, "calls_per_trace_p95": 12, "share_of_requests": 0.25},
            saving={"total_ms": 1234.0},
            limits={"repeats": 5},
            traces_seen=2129,
            traces_affected=300,
            confidence=0.9,
            exemplars=(Example("a" * 32, ("b" * 16,), "worst"),),
            considered=("no retry among them",),
            remedy="Fetch at once.",
        )
    )
    for text in (
        "A loop",
        "critical path p95 <b>131 ms</b>",
        "calls per trace p95 <b>12</b>",
        "share of requests <b>25%</b>",
        "total <b>1.23 s</b>",
        "300 of 2,129 traces",
        "90%",
        f"worst <code>{'a' * 32}</code>",
        "<li>no retry among them</li>",
        "Fetch at once.",
        "limits repeats <b>5</b>",
    ):
        assert text in page, text


def test_what_is_not_known_is_said():
    page = section(finding(traces_seen=1))
    assert "none measured" in page
    assert "not estimated" in page
    assert "0 of 1 trace<" in page
    assert "Looked at against it" not in page


def test_severity_is_told_by_word_and_bar():
    assert set(SEVERITY_BARS) == set(SEVERITIES)
    for severity in SEVERITIES:
        page = section(finding(severity=severity))
        assert f'<span class="severity">{severity}</span>' in page
        assert SEVERITY_BARS[severity] in page


def test_nothing_of_a_name_is_a_tag():
    evil = '<img src=x onerror="alert(1)">\u202e'
    page = section(
        finding(
            title=evil, summary=evil, remedy=evil, considered=(evil,), cost={evil: evil}, limits={evil: 1}, family=evil
        )
    )
    assert "<img" not in page
    assert "\u202e" not in page
    assert 'onerror="' not in page
