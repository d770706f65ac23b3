"""A report that arrives by itself: one at a time, with the earlier ones kept, and a word to who asked for it."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

import analysis as an
from analysis.compare import Comparison
from analysis.report import ReportError
from analysis.report.folder import keep_earlier, prepare, publish
from analysis.report.lock import LOCK, building
from analysis.report.notify import Summary, check_address, send
from tests.commands.run import run
from tests.shop import shop_file


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> an.Review:
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("schedule") / "shop.jsonl")))


def test_a_second_report_in_the_same_folder_is_told_and_changes_nothing(tmp_path, capsys):
    export = shop_file(tmp_path / "shop.jsonl", 3)
    with building(tmp_path / "out"):
        said = run(capsys, "report", export, "--out", tmp_path / "out")
    assert said.code == 1
    assert "is building a report in" in said.err
    assert not (tmp_path / "out" / "index.html").exists()
    with building(tmp_path / "out"):
        pass
    assert not (tmp_path / "out" / LOCK).exists()


def made(folder: Path, last: str) -> None:
    """Build and publish a small report whose telemetry ended at a time."""
    unfinished = prepare(folder)
    (unfinished / "index.html").write_text(last)
    (unfinished / "review").mkdir()
    (unfinished / "review" / "review.json").write_text(json.dumps({"totals": {"last": last}}))
    publish(unfinished, folder)


def test_the_last_earlier_reports_are_kept(tmp_path):
    days = [f"2026-11-{day:02}T10:00:00.5Z" for day in (2, 9, 16, 23)]
    for day in days:
        keep_earlier(tmp_path, 2)
        made(tmp_path, day)
    shelf = sorted(path.name for path in (tmp_path / "earlier").iterdir())
    assert shelf == ["2026-11-09T10-00-00", "2026-11-16T10-00-00"]
    assert (tmp_path / "index.html").read_text() == days[-1]
    assert (tmp_path / "earlier" / shelf[0] / "index.html").read_text() == days[1]


def test_nothing_is_kept_or_removed_unless_asked(tmp_path):
    made(tmp_path, "2026-11-02T10:00:00Z")
    keep_earlier(tmp_path, 1)
    made(tmp_path, "2026-11-09T10:00:00Z")
    assert keep_earlier(tmp_path, 0) == ["2026-11-02T10-00-00"]
    (tmp_path / "earlier" / "mine").mkdir()
    keep_earlier(tmp_path, 1)
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir()) == ["2026-11-09T10-00-00", "mine"]


class Hook(BaseHTTPRequestHandler):
    """Takes what is posted."""

    taken: ClassVar[list[dict[str, Any]]] = []
    answer = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(json.loads(body))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class Mail(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as a mail needs."""

    taken: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        inside, lines = False, []
        for line in self.rfile:
            if inside:
                if line == b".\r\n":
                    inside = False
                    self.taken.append(b"".join(lines))
                    self.wfile.write(b"250 taken\r\n")
                else:
                    lines.append(line)
            elif line.upper().startswith(b"DATA"):
                inside = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hook(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(Hook, "taken", [])
    monkeypatch.setattr(Hook, "answer", 200)
    with serving(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        yield f"http://127.0.0.1:{port}/hook"


def test_webhook_gets_a_text_and_numbers(hook, shop):
    send(hook, Summary.of(shop, "Shop", an.compare(shop, shop)))
    (taken,) = Hook.taken
    assert taken["text"].startswith(f"Shop: {len(shop.finding_objects)} findings (")
    assert "0 are new and 0 are resolved" in taken["text"]
    assert shop.finding_objects[0].title in taken["text"]
    assert taken["failed"] is False
    assert sum(taken["severities"].values()) == taken["findings"] == len(shop.finding_objects)


def test_mail_is_sent_to_whom_it_is_addressed(shop, monkeypatch):
    monkeypatch.setattr(Mail, "taken", [])
    with serving(socketserver.TCPServer(("127.0.0.1", 0), Mail)) as port:
        send(f"smtp://127.0.0.1:{port}/team@example.org?from=review@example.org", Summary.of(shop, "Shop", None))
    message = email.message_from_bytes(Mail.taken[0], policy=email.policy.default)
    assert message["To"] == "team@example.org"
    assert message["From"] == "review@example.org"
    assert message["Subject"].startswith("Shop: ")
    assert shop.finding_objects[0].title in message.get_content()


def test_a_report_that_fails_is_told_too(hook, tmp_path, capsys):
    said = run(
        capsys, "report", tmp_path / "gone.json", "--out", tmp_path / "out", "--notify", hook, "--title", "Monday"
    )
    assert said.code == 1
    (taken,) = Hook.taken
    assert taken["failed"] is True
    assert taken["text"].startswith("Monday: the report could not be made.")
    assert "gone.json" in taken["error"]


def test_who_cannot_be_told_is_named_without_the_secrets_of_the_address(hook, shop, monkeypatch):
    monkeypatch.setattr(Hook, "answer", 500)
    with pytest.raises(ReportError, match=r"could not be sent to 127\.0\.0\.1") as caught:
        send(f"{hook}/secret-token", Summary.of(shop, "Shop", None))
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "smtp://mail", "chat.example.org", "https://", "smtp:///a@b"]
)
def test_an_address_that_is_none_is_refused_before_anything_is_read(address, capsys, tmp_path):
    with pytest.raises(ValueError, match="is no address to send a summary to"):
        check_address(address)
    said = run(capsys, "report", tmp_path / "gone.json", "--out", tmp_path / "out", "--notify", address)
    assert said.code == 2


def test_summary_without_findings_says_so(tmp_path):
    from tests.exports import otlp, span

    path = tmp_path / "one.json"
    path.write_bytes(otlp([span(1, 1)]))
    review = an.review(an.open_export(path), only=["shared_table"])
    summary = Summary.of(review, "Shop", Comparison(an.compare(review, review).before, review))
    assert summary.subject == "Shop: 0 findings (nothing found)."
