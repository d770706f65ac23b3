"""``archreview capture``: a receiver beside a real test suite, and whatever else may be sent to it."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import zlib

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import analysis as an
from analysis.capture import CaptureError, Keeper, capture, serve_http
from analysis.capture.running import environment_of
from tests.capture.suite import CONFTEST, TESTS
from tests.commands.run import ROOT, run, run_apart
from tests.exports import otlp, span

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore")


@pytest.fixture
def suite(tmp_path):
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_shop.py").write_text(TESTS)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_test_suite_is_captured_and_reviewed(suite, tmp_path, protocol):
    out = tmp_path / "traces.jsonl"
    said = run_apart("capture", "--to", out, "--protocol", protocol, "--", *PYTEST, suite)
    assert said.code == 0, said.err
    # Twenty orders of one span and eight queries, and one request more.
    assert f"{out}: 181 spans and 0 log records" in said.err
    assert "21 passed" in said.out
    result = an.review(an.open_export(out), only=["n_plus_one_queries"])
    assert result.finding("n_plus_one_queries").measures["calls_per_trace_p95"] == 8
    assert result.totals["traces"] == 21


@pytest.mark.slow
def test_the_exit_code_is_the_commands_own(suite, tmp_path):
    out = tmp_path / "traces.jsonl.zst"
    said = run_apart("capture", "--to", out, "--", *PYTEST, suite, FAIL="1")
    assert said.code == 1
    assert "1 failed" in said.out
    # What was sent is kept all the same: a failing suite is worth looking at.
    assert an.open_export(out).totals.spans == 181
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ((sys.executable, "-c", "raise SystemExit(7)"), 7, "nothing was received"),
        ((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), 137, "nothing was received"),
        (("/there/is/no/such",), 127, "is not there"),
        ((os.devnull,), 126, "may not be run"),
        ((), 2, "name the command"),
    ],
)
def test_what_the_command_does_is_handed_on(capsys, tmp_path, command, code, told):
    said = run(capsys, "capture", "--to", tmp_path / "traces.jsonl", "--", *command)
    assert (said.code, told in said.err) == (code, True), said
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_said_before_anything_runs(capsys, tmp_path):
    mark = tmp_path / "mark"
    said = run(capsys, "capture", "--to", "/proc/none/traces", "--", "touch", mark)
    assert said.code == 1
    assert "cannot be written" in said.err
    assert not mark.exists()


def test_a_port_in_use_is_said(tmp_path):
    keeper = Keeper(tmp_path / "one")
    with serve_http(keeper) as port, pytest.raises(CaptureError, match="cannot be started"):
        capture(["true"], tmp_path / "two", port=port)
    assert not keeper.close()


def test_a_request_to_end_is_handed_on(tmp_path):
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    to = ("capture", "--to", str(tmp_path / "traces"))
    command = [sys.executable, "-m", "analysis", *to, "--", sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as running:
        assert running.stdout.readline() == b"up\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == 5


def test_settings_for_one_signal_give_way():
    given = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://far.away", "OTEL_SERVICE_NAME": "shop", "PATH": "/bin"}
    environment = environment_of(given, "http", 4318)
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" not in environment
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    assert environment["OTEL_SERVICE_NAME"] == "shop"


@pytest.fixture
def receiver(tmp_path):
    """Return a function that posts to a receiver, and its keeper."""
    keeper = Keeper(tmp_path / "traces.jsonl")
    with serve_http(keeper) as port:

        def post(body: bytes, path: str = "/v1/traces", **headers: str) -> tuple[int, bytes]:
            sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): one for name, one in headers.items()}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", path, body, sent)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content

        yield post, keeper
    keeper.close()


def test_every_form_of_a_request_is_kept_alike(receiver, tmp_path):
    post, keeper = receiver
    text = otlp([span(1, 1)])
    message = ExportTraceServiceRequest()
    one = message.resource_spans.add()
    one.resource.attributes.add(key="service.name").value.string_value = "shop"
    kept = one.scope_spans.add().spans.add(name="GET /cart", trace_id=(2).to_bytes(16), span_id=(1).to_bytes(8), kind=2)
    kept.start_time_unix_nano, kept.end_time_unix_nano = 1_795_428_000_000_000_000, 1_795_428_000_000_001_000
    body = message.SerializeToString()
    protobuf = {"Content_Type": "application/x-protobuf"}
    assert post(text) == (200, b"{}")
    assert post(gzip.compress(text), Content_Encoding="gzip") == (200, b"{}")
    assert post(body, **protobuf) == (200, b"")
    assert post(zlib.compress(body), **protobuf, Content_Encoding="deflate") == (200, b"")
    assert post(b"whatever", "/v1/metrics") == (200, b"{}")
    assert keeper.close()
    assert keeper.spans == 4
    frame = an.open_export(tmp_path / "traces.jsonl", skew="off").spans()
    assert sorted(frame["trace_id"]) == [f"{1:032x}", f"{2:032x}"]
    assert set(frame["service"]) == {"shop"}


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"[]", {}, 400),
        (b'{"resourceSpans": 7}', {}, 400),
        (b"\xff\xff\xff", {"Content_Type": "application/x-protobuf"}, 400),
        (b"{}", {"Content_Type": "text/html"}, 415),
        (b"not packed", {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-4], {"Content_Encoding": "gzip"}, 400),
        (b"{}", {"Content_Encoding": "br"}, 400),
        (b"{}", {"Content_Length": "-1"}, 400),
        (b"{}", {"Content_Length": "99999999999"}, 400),
    ],
)
def test_what_is_no_otlp_is_refused_and_kept_out(receiver, body, headers, code):
    post, keeper = receiver
    assert post(body, **headers)[0] == code
    assert keeper.requests == 0
    assert post(otlp([span(1, 1)]))[0] == 200
    assert keeper.requests == 1


def test_another_path_is_not_found(receiver):
    post, _ = receiver
    assert post(b"{}", "/v1/profiles")[0] == 404
    assert post(b"{}", "/")[0] == 404


def test_a_bomb_is_refused_in_little_memory(receiver):
    post, _ = receiver
    packed = gzip.compress(b" " * (200 << 20), 9)
    assert len(packed) < 1 << 20
    assert post(packed, Content_Encoding="gzip") == (400, b"the body is too large, or cut short")


def test_many_senders_at_once_lose_nothing(receiver, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    post, keeper = receiver
    bodies = [otlp([span(number + 1, 1)]) for number in range(60)]
    with ThreadPoolExecutor(12) as pool:
        assert {code for code, _ in pool.map(post, bodies)} == {200}
    keeper.close()
    assert len([json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines()]) == 60
