"""Severity and structure of log records."""

from __future__ import annotations

import pytest

from analysis.sources._log_values import is_structured, severity


@pytest.mark.parametrize(
    ("number", "text", "expected"),
    [
        # The ranges of the logs data model: 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error, 21-24 fatal.
        (1, None, "trace"),
        (8, None, "debug"),
        (9, "ERROR", "info"),
        ("13", None, "warn"),
        ("SEVERITY_NUMBER_ERROR", None, "error"),
        ("SEVERITY_NUMBER_FATAL4", None, "fatal"),
        (0, "Warning", "warn"),
        (None, " CRITICAL ", "fatal"),
        (25, "odd", None),
        (None, None, None),
        ({}, [], None),
    ],
)
def test_severity(number, text, expected):
    assert severity(number, text) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"a": 1}, True),
        ([1], True),
        ('{"a":1}', True),
        ("{not json", False),
        ("level=info msg=late", True),
        ('ts=1 msg="two words" ok=', True),
        ("a=b", False),
        ("rate = 5 of all", False),
        ("failed with code=5 and more", False),
        ('10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326', True),
        ('[2026-01-01T00:00:00.000Z] "GET /a HTTP/1.1" 503 UF 0 91', True),
        ("order paid", False),
        (None, False),
        (5, False),
        # Would take a backtracking match longer than the universe has lasted.
        ('a="b" ' * 680 + "!", False),
    ],
)
def test_structure(body, expected):
    assert is_structured(body) is expected
