import pytest

from tests.facts.rows import START_NS, log, read, rows_of

FIRST = START_NS // 60_000_000_000


@pytest.mark.parametrize(
    ("flags", "signals"),
    [
        ("UO", ["overflow"]),
        ("UF,URX", ["no connection", "retries used up"]),
        ("UH", ["no healthy host"]),
        ("RL", ["rate limited"]),
        ("UT", ["timeout"]),
        ("DC", []),
    ],
)
def test_flags_of_a_proxy_are_told_by_their_meaning(flags, signals):
    record = log(retry_evidence=f"response_flags={flags}", peer_service="cart", service="gateway")
    found = read("log_signals", logs=[record, record])
    assert rows_of(found, "service", "target", "signal", "minute", "lines") == [
        ("gateway", "cart", signal, FIRST, 2) for signal in signals
    ]


def test_attempts_upstream_are_told():
    found = read("log_signals", logs=[log(retry_evidence="attempts=2")])
    assert rows_of(found, "signal", "lines") == [("attempts", 1)]


@pytest.mark.parametrize(
    "template", ["CircuitBreaker 'cart' is open and does not permit further calls", "circuit breaker of cart opened"]
)
def test_an_open_breaker_is_told_once_by_record(template):
    record = log(template=template, error_type="io.github.resilience4j.circuitbreaker.CallNotPermittedException")
    assert rows_of(read("log_signals", logs=[record]), "signal", "lines") == [("open breaker", 1)]


def test_a_breaker_that_closes_is_no_signal():
    assert read("log_signals", logs=[log(template="circuit breaker of cart closed")]).empty
