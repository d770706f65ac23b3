"""A summary of a report, sent where it is asked for: a webhook or an e-mail."""

from __future__ import annotations

import json
import os
import smtplib
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from analysis._wording import counted, plain
from analysis.compare import Comparison
from analysis.report.execution import ReportError
from analysis.report.wording import costliest, number_of, severities_of
from analysis.review import Review

__all__ = ["Summary", "check_address", "send"]

_WORST: Final = 5
_SECONDS: Final = 30
_PASSWORD: Final = "ARCHREVIEW_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
_EXAMPLE: Final = "https://chat.example.org/hook or smtp://mail.example.org:25/team@example.org?from=review@example.org"


@dataclass(frozen=True)
class Summary:
    """What is sent: a subject, a text, and numbers for programs."""

    subject: str
    text: str
    members: dict[str, Any]

    @classmethod
    def of(cls, review: Review, title: str, comparison: Comparison | None) -> Summary:
        """Say in a few lines what a report found."""
        findings = review.finding_objects
        said = severities_of(findings) or "nothing found"
        lines = [f"{title}: {counted(len(findings), 'finding')} ({said})."]
        members: dict[str, Any] = {"title": title, "failed": False, "findings": len(findings)}
        members["severities"] = {name: sum(item.severity == name for item in findings) for name in _NAMES}
        if comparison is not None:
            counts = {status: len(comparison.of_status(status)) for status in ("new", "resolved")}
            members |= counts
            lines.append(f"Since the last review {counts['new']} are new and {counts['resolved']} are resolved.")
        for finding in costliest(findings)[:_WORST]:
            number, counts_what = number_of(finding)
            lines.append(f"- {finding.severity}: {plain(finding.title, 200)} ({number} {counts_what})")
        return cls(lines[0], "\n".join(lines), members)

    @classmethod
    def of_failure(cls, title: str, error: Exception) -> Summary:
        """Say that a report could not be made, and why."""
        subject = f"{title}: the report could not be made"
        why = plain(str(error), 500)
        return cls(subject, f"{subject}.\n{why}", {"title": title, "failed": True, "error": why})


_NAMES: Final = ("high", "medium", "low", "info")


def check_address(address: str) -> str:
    """Return an address to which a summary can be sent.

    Raises
    ------
    ValueError
        If it is none; the message says what is one.
    """
    parts = urlsplit(address)
    mail = parts.scheme in ("smtp", "smtps") and "@" in unquote(parts.path)
    if not parts.hostname or not (mail or parts.scheme in ("http", "https")):
        message = f"{address[:80]!r} is no address to send a summary to: use {_EXAMPLE}"
        raise ValueError(message)
    return address


def send(address: str, summary: Summary) -> None:
    """Send a summary.

    Parameters
    ----------
    address
        ``https://…``: a POST of JSON with ``text`` (what chat programs show) and numbers. ``smtp://host:port/to`` (or
        ``smtps``): an e-mail; ``?from=`` names the sender, a user stands before the host, and the password is taken
        from ``ARCHREVIEW_SMTP_PASSWORD``.

    Raises
    ------
    ReportError
        If it could not be sent.
    """
    try:
        if urlsplit(address).scheme in ("http", "https"):
            _post(address, summary)
        else:
            _mail(address, summary)
    except (OSError, smtplib.SMTPException, urllib.error.URLError) as error:
        host = urlsplit(address).hostname
        message = f"the summary could not be sent to {host}: {plain(str(error), 300)}"
        raise ReportError(message) from error


def _post(address: str, summary: Summary) -> None:
    body = json.dumps({"text": summary.text} | summary.members).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "archreview"}
    request = urllib.request.Request(address, body, headers)  # noqa: S310 - the scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            answer.read()
    except urllib.error.HTTPError as refused:
        # It is the answer too, and open.
        refused.close()
        raise


def _mail(address: str, summary: Summary) -> None:
    parts = urlsplit(address)
    receiver = unquote(parts.path.lstrip("/"))
    message = EmailMessage()
    message["Subject"] = plain(summary.subject, 200)
    message["To"] = receiver
    message["From"] = parse_qs(parts.query).get("from", [receiver])[0]
    message.set_content(summary.text + "\n")
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(str(parts.hostname), parts.port or 0, timeout=_SECONDS) as server:
        if parts.username:
            if parts.scheme == "smtp":
                server.starttls()
            server.login(unquote(parts.username), os.environ.get(_PASSWORD, ""))
        server.send_message(message)
