"""Blocks of prose and of access logs against the reader of single lines: the same rows and notes."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.sources import Rejects
from analysis.sources._log_scan import block_lines
from tests.sources.logs import SPAN, TRACE
from tests.sources.test_log_scan import by_line, rows

times = st.sampled_from(
    [
        "2026-11-23T07:22:34Z", "2026-11-23 07:22:34,123", "2026-11-23 07:22:34.123456789012", "2026/11/23 07:22:34",
        "[2026-11-23 07:22:34]", "2026-11-23T07:22:34.5+01:00", "2026-11-23 07:22:34 +0100", "2026-02-30 07:22:34",
        "2026-11-23 07:22:34 UTC", "2026-11-23_07:22:34:5", "2026-11-23 07:22:34Zulu", "2026-11-23 07:22:34.5x",
        "2026-11-23 07:22:60", "07:22:34", "", "  ", "INFO 2026-11-23 07:22:34", "2026-11-23T07:22:34 GMT+2",
        "2026-11-23 07:22:34.", "2026-11-23 07:22:34 -", "2026-11-23 07:22:34-07:0", "[2026-11-23T07:22:34.500Z",
        "2026-11-23T07:22:34Z stdout F", "2026-11-23T07:22:34Z stderr P", "2026-11-23T07:22:34.1Z std",
    ]
)  # fmt: skip
words = st.sampled_from(
    [
        "INFO", "WARN ", "ERROR", "ERR", "[info]", "[warning]", "info:", "warn|", "debug", "error", "INFORM", "E_ERROR",
        "INFO_", "NOTICE:", "[main]", "1 --- [shop] [main] c.e.Cart   :", "7 --- [main] c.e.Cart$1 : x", "--- [x",
        "--- [a] [b]c : d", "--- [a] [b] [c] : d", "--- [] e.F :", "cart.views - ", "] cart - read", "[a]b.c - d", "-",
        "read 7 of 9", "sp\u00e4te Antwort", "\u2028", "a\u00a0b", "\x1b[31mred\x1b[0m", '] "GET / HTTP/1.1" 200',
        f"[shop,{TRACE},{SPAN}]", f"[,{TRACE},{SPAN},true]", f"[{TRACE}-{SPAN}]", f"[{SPAN}-{SPAN} ]", "[a,b,c]",
        f"[shop,{TRACE.upper()},{SPAN}]", f"trace_id={TRACE}", f"traceId: {TRACE}", f'"TraceID": "{SPAN}"',
        f"span_id={SPAN}", f"spanId {SPAN}.", f"otelTraceID={TRACE}", f"dd.trace_id={int(SPAN, 16)}", "traceID=7",
        "trace_id=0123abcd", f"trace-id={'0' * 32}", f"span_id={'0' * 16}", f"00-{TRACE}-{SPAN}-01",
        f"x00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01x", f"traceid{TRACE}", f"{TRACE}", "request_id=ab-12345678", "X-Request-ID: 0123456789",
        "correlationId=abcdefgh1", "the request ideas", "dd.service=cart", "add.some", "trace id none", "span", "\r",
        "x" * 210, "x" * 40_000, "a=b c=d", "{", "}", "ValueError: no", "card",
    ]
)  # fmt: skip
sentences = st.builds(
    lambda time, said, gap: gap.join([time, *said]),
    times,
    st.lists(words, max_size=4),
    st.sampled_from([" ", "", "\t"]),
)
texts = st.one_of(
    sentences,
    st.integers(0, 59).map(lambda n: f"2026-11-23 07:22:{n:02d},5 INFO [shop,{TRACE},{SPAN}] c.e.Cart - cart {n} read"),
    st.sampled_from(["\tat c.s.Cart(Cart.java:7)", "Caused by: x.Y: z", "Traceback (most", "", "prose"]),
)


@given(st.lists(texts, max_size=12))
@example(["2026-11-23T07:22:34Z\r\r"])
@settings(max_examples=1500)
def test_blocks_of_prose_give_what_lines_give(lines):
    with pytest.MonkeyPatch.context() as patch:
        content = "\n".join(lines).encode()
        assert rows(content) == by_line(content, patch)


_CLIENTS = ["10.0.0.7 - - ", "10.0.0.7 - anna ", "::1 - a b ", "-  - ", "} - - ", "", " 10.0.0.7 - - ", "h - [x] "]
_TIMES = [
    "[23/Nov/2026:07:22:34 +0000]", "[23/Nov/2026:07:22:34 -0130]", "[2026-11-23T07:22:34.500Z]",
    "[23/Nox/2026:07:22:34 +0000]",
    "[31/Feb/2026:07:22:34 +0000]", "[2026-11-23T07:22:34.500Z x]",
    "[23/Nov/2026:07:22:34]", "[2026-11-23 07:22:34]", "[]",
]  # fmt: skip
_REQUESTS = [
    '"GET /cart/7?x=y HTTP/1.1"', '"- - HTTP/1.1"', '""', '" GET / "', '"GET /a\\"b HTTP/1.1"', '"GET /\u00e4"', '"x',
    '"GET / HTTP/1.1""',
]  # fmt: skip
_CODES = [" 200 ", " 503 ", " 20 ", " 0 ", " 2000 ", " ", " 499 "]
_RESTS = [
    "512", '- "-" "curl/8"', '12 "-" "Mozilla/5.0 (KHTML, like Gecko)"', '12 upstream: 10.0.0.8:80',
    '12 uaddr=a:80, b:80',
    '7 10.0.0.8:80, 10.0.0.9:80 0.2', f'12 "00-{TRACE}-{SPAN}-01"', f"12 trace_id={TRACE}",
    "x", "", "12 upstart", "12x",
    '- 0 12 3 - "-" "curl/8" "5b0a7c6e-2f3f-4d1b-8a5e-0c9f8e7d6b5a" "cart" "10.0.0.9:8080"',
    'UO 0 12 3 - "1.2.3.4, 5.6.7.8" "a b" "-" "cart" "-"',
    'URX,UF - - "-" 0 9 3 1 "-" "agent" "id-7" "cart" "10.0.0.9:80" outbound|80||cart.shop.svc.x 10.0.0.1:2 -',
    'DC via_upstream - "-" 0 9 3 1 "-" "agent" "" "cart" "10.0.0.9:80" inbound|8080|| x|y',
    '- "a" "b', '-', "uo 1", 'UH 1 "a" "b" "c" "d" "e"x|y "f"', 'LR "a" b|c', "- " + '"x" ' * 70,
]  # fmt: skip
requests = st.builds(
    "".join,
    st.tuples(*map(st.sampled_from, (_CLIENTS, _TIMES, [" ", "  "], _REQUESTS, _CODES, _RESTS))),
)
accesses = st.one_of(
    requests,
    st.integers(0, 59).map(
        lambda n: f'10.0.0.{n} - - [23/Nov/2026:07:22:{n:02d} +0000] "GET /cart/{n} HTTP/1.1" 200 5 "-" "curl"'
    ),
    st.integers(0, 59).map(
        lambda n: f'[2026-11-23T07:22:{n:02d}.500Z] "GET /{n} HTTP/1.1" 503 UO 0 9 3 - "-" "c" "id-{n}" "cart" "-"'
    ),
    st.sampled_from(["", "prose", "\tat c.s.Cart(Cart.java:7)"]),
)


@given(st.lists(accesses, max_size=12))
@settings(max_examples=1500)
def test_blocks_of_access_logs_give_what_lines_give(lines):
    with pytest.MonkeyPatch.context() as patch:
        content = "\n".join(lines).encode()
        assert rows(content) == by_line(content, patch)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 07:22:34,5 INFO [shop,{trace},{span}] c.e.Cart - cart {n} read",
        "2026-11-23T07:22:34.500Z  INFO 1 --- [shop] [exec-{n}] [{trace}-{span}] c.e.Cart : cart {n} read",
        "2026-11-23 07:22:34 WARNING cart.views trace_id={trace} span_id={span} cart {n} read",
        '10.0.0.7 - - [23/Nov/2026:07:22:34 +0000] "GET /cart/{n} HTTP/1.1" 200 512 "-" "(KHTML, like Gecko)"',
        '[2026-11-23T07:22:34.500Z] "GET /cart/{n} HTTP/1.1" 503 UO 0 9 3 - "-" "c" "id-{n}" "cart" "10.0.0.9:80"',
    ],
)
def test_most_lines_of_text_are_taken_at_once(text):
    content = "\n".join(text.format(n=n, trace=TRACE, span=SPAN) for n in range(100)).encode()
    lines = block_lines(content)
    assert lines is not None
    table, others = lines.rows("cart", Rejects())
    assert (table.num_rows, len(others)) == (99, 1)
