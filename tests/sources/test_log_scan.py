"""Blocks of JSON and logfmt lines against the reader of single lines: the same rows and notes."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis._kernels.log_values import parse_epochs
from analysis.schema import LOG_SCHEMA
from analysis.sources import Rejects, _log_lines
from analysis.sources._log_lines import read_lines
from analysis.sources._log_scan import block_lines
from analysis.sources._log_times import log_time
from tests.sources.logs import MADE, SPAN, TRACE

NAMES = [
    "time", "timestamp", "@timestamp", "ts", "@t", "t", "level", "severity", "log.level", "msg", "message", "@m",
    "event", "service", "service.name",
    "app", "logger", "name", "trace_id", "traceId", "dd.trace_id", "span_id", "spanId",
    "request_id", "host", "hostname", "error.type", "exception", "traceparent", "user", "@x.y", "method", "status",
    "response_flags", "log", "é", "", "Trace-ID", "line", "severity_number",
]  # fmt: skip
VALUES: list[Any] = [
    "2026-11-23T07:22:34Z", "2026-11-23T07:22:34.123456789+01:00", "2026-02-29 07:22:34,5", "2028-02-29 07:22:34.5",
    "2026-11-23T24:00:00Z", "2026-11-23", 1795418554, 1795418554125, 1795418554.125,
    1795418554.123457, 1795418554.1234567, 99999999.25, 179541855412.5, 9223372036854775807, 1e9, "1795418554",
    21032867867.5, 7, -7, 0, 30, 50,
    "INFO", "warning", "loud", "3", "cart was read", "späte Antwort", 'a "quoted" text', "a\nb", "", " ", "x" * 40_000,
    TRACE, TRACE.upper(), SPAN, TRACE[:31], "0" * 32, "-", "none", f"00-{TRACE}-{SPAN}-01", "123456789012", None, True,
    [], [1, "a"], [[1]], {}, {"id": TRACE}, {"name": "shop", "id": SPAN}, {"a": {"b": {"c": {"d": "e"}}}}, "shop",
    "\u2028", "\x7f", 1e300, 12345678901234567890123,
]  # fmt: skip
records = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=8)
raw = st.sampled_from(
    [
        b"", b"  ", b"prose of a server", b"\tat c.s.Cart(Cart.java:7)", b"Caused by: x", b"ValueError: no", b"{",
        b"{}", b'{"msg": "x",}', b'{"msg" "x"}', b'{"msg": "x"} ', b'{"msg": "x"}\r', b'{"msg": "x"}}', b'{"msg": 01}',
        b'{"msg": "x", "msg": "y"}', b'{"a": 1, "level": "info", "msg": "x", "b": -0.5e3}', b'{"msg": "x", "a": [1,]}',
        b'{"msg": "\xff", "level": "info"}', b'{"msg":"x","level":"info","t":tru}', b' {"msg": "x"}', b'["x"]',
        b'{"msg": "\x01"}', b'{"a": {"msg": "x"}, "level": "warn"}', b'{"msg": "x", "n": .5}', b'{"msg": "x", "n": 1.}',
    ]
)  # fmt: skip
plain = st.builds(
    lambda number, level: {"time": f"2026-11-23T07:22:{number:02d}Z", "level": level, "msg": f"cart {number} read"},
    st.integers(0, 59),
    st.sampled_from(["info", "WARN", 30]),
)
line = st.one_of(
    records.map(json.dumps).map(str.encode),
    plain.map(orjson.dumps),
    records.map(lambda record: json.dumps(record, ensure_ascii=False).encode()),
    raw,
)


def rows(content: bytes, name: str = "cart.log") -> tuple[list[str], dict[str, int]]:
    """Return the rows of a file, in an order of their own, and the notes."""
    stream, rejects = io.BytesIO(content), Rejects()
    stream.name = name
    tables = [batch.logs for batch in read_lines(stream, rejects)]
    found = pa.concat_tables([LOG_SCHEMA.empty_table(), *tables]).to_pylist()
    return sorted(map(repr, found)), rejects.notes


def by_line(content: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], dict[str, int]]:
    """Return the same by the reader of single lines alone."""
    with monkeypatch.context() as patch:
        patch.setattr(_log_lines, "block_lines", lambda _: None)
        return rows(content)


@given(st.lists(line, max_size=12))
@settings(max_examples=600)
def test_blocks_give_what_lines_give(lines):
    with pytest.MonkeyPatch.context() as patch:
        content = b"\n".join(lines)
        assert rows(content) == by_line(content, patch)


pairs = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "x/y", "7a", "a b", "Level", "TRACE-ID"]),
        st.sampled_from([value for value in VALUES if isinstance(value, str | int) and len(str(value)) < 1000] + [
            'b"c', "a]x", 'a] "b', "späte\u00a0Antwort", "k=v", "\\", 'a"', "\tb", "\u3000",
        ]),
        st.sampled_from(['{}={}', '{}="{}"', "{} = {}", "{}={}", '{}="{}"x']),
    ),
    max_size=8,
)  # fmt: skip
prose = st.sampled_from(["", " level=info msg=x", "prose", "\tat c.s.Cart", "a=b", 'a="b', "level=info msg=x ", "}"])
logfmt = st.one_of(
    pairs.map(lambda told: " ".join(how.format(name, value) for name, value, how in told)),
    st.integers(0, 59).map(lambda n: f'time=2026-11-23T07:22:{n:02d}Z level=info msg="cart {n} read" traceID={TRACE}'),
    prose,
)


@given(st.lists(logfmt, max_size=12))
@settings(max_examples=600)
def test_blocks_of_logfmt_give_what_lines_give(lines):
    with pytest.MonkeyPatch.context() as patch:
        content = "\n".join(lines).encode()
        assert rows(content) == by_line(content, patch)


def test_most_lines_of_logfmt_are_taken_at_once():
    content = b"\n".join(f'ts=2026-11-23T07:22:34Z level=warn msg="{n} read" order={n}'.encode() for n in range(100))
    lines = block_lines(content)
    assert lines is not None
    table, others = lines.rows("cart", Rejects())
    assert (table.num_rows, len(others)) == (99, 1)


@pytest.mark.parametrize(
    "name",
    [name for name, made in MADE.items() if made.format in ("log-json", "logfmt", "log-text", "access-log")],
)
def test_lines_of_each_library_are_read_alike(name, monkeypatch):
    content = MADE[name].content * 5
    assert rows(content) == by_line(content, monkeypatch)


def test_most_lines_are_taken_at_once():
    content = b"\n".join(
        orjson.dumps({"time": "2026-11-23T07:22:34Z", "level": "info", "msg": f"{n}", "trace_id": TRACE, "user": n})
        for n in range(100)
    )
    lines = block_lines(content)
    assert lines is not None
    table, others = lines.rows(None, Rejects())
    assert (table.num_rows, len(others)) == (99, 1)


def test_a_line_between_two_blocks_keeps_its_stack_trace(monkeypatch):
    monkeypatch.setattr(_log_lines, "_CHUNK", 64)
    lines = [orjson.dumps({"time": "2026-11-23T07:22:34Z", "level": "info", "msg": f"{n}"}) for n in range(40)]
    content = b"\n".join([*lines, b"\tat c.s.Cart(Cart.java:7)", *lines, b"\tat c.s.Cart(Cart.java:8)"])
    found, _ = rows(content)
    assert sum("Cart.java" in row for row in found) == 2
    assert len(found) == 80
    assert found == by_line(content, monkeypatch)[0]


@given(st.lists(st.one_of(st.integers(0, 10**20), st.decimals(0, 10**12, places=6).map(float), st.floats(0, 1e13))))
@settings(max_examples=300)
def test_epochs_are_read_as_the_reader_reads_them(numbers):
    texts = [repr(number) if "e" not in repr(number) else "1.5" for number in numbers]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    data = np.frombuffer(bytearray("".join(texts).encode()), np.uint8)
    times, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    parse_epochs(data, ends - np.array([len(text) for text in texts], np.int64), ends, times, good)
    for text, time, read in zip(texts, times.tolist(), good.tolist(), strict=True):
        if read:
            assert log_time(json.loads(text))[0] == time
        else:
            # What is left to the reader is no time, or has more digits than seconds to the microsecond have.
            told = len(text) > 16 or float(text) >= (1 << 63) / 1e9
            assert told or log_time(json.loads(text))[0] is None


@given(st.lists(st.tuples(st.integers(2**30, 2**31 - 1), st.integers(0, 10**9 - 1), st.integers(1, 9)), min_size=1))
def test_seconds_with_more_digits_than_a_float_holds(parts):
    texts = [f"{whole}.{fraction:09d}"[: 11 + places] for whole, fraction, places in parts]
    data = np.frombuffer("".join(texts).encode(), np.uint8).copy()
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    times, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    parse_epochs(data, ends - np.array([len(text) for text in texts], np.int64), ends, times, good)
    assert good.all()
    assert times.tolist() == [log_time(float(text))[0] for text in texts]
