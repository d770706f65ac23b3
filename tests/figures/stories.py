"""Small reviews made by hand, and names as hostile as telemetry has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.facts import Exemplar

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
EXAMPLE = (Exemplar(value=1, trace_id=TRACE, start_ns=0, span_ids=("00f067aa0ba902b7",)),)
HOSTILE = (
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">click</a>',
    "<b>bold</b>",
    "x" * 1_000_000,
    "abc\u202egnp.exe",
    "nul\x00\x1b[31mred",
    "z" + "\u0300" * 500,
    "%{x} {{y}} $z^2$ $a$",
    "&lt;b&gt;",
    "",
    "line\nbreak\r\nname",
    "日本語のとても長いサービスの名前です" * 3,
)


@dataclass
class Story:
    """What figures ask of a review."""

    facts: Mapping[str, pd.DataFrame]
    findings: pd.DataFrame = field(default_factory=pd.DataFrame)


def call(caller: str, callee: str, calls: int, kind: str = "sync", **more: Any) -> dict[str, Any]:
    """Return a row of the fact ``calls``."""
    row = {"caller": caller, "callee": callee, "kind": kind, "calls": calls, "errors": 0, "traces": calls}
    return row | {"caller_kind": "service", "callee_kind": "service", "exemplars": EXAMPLE} | more


def called(*rows: Mapping[str, Any]) -> Story:
    """Return a review of these calls."""
    return Story({"calls": pd.DataFrame(list(rows))})


def found(*rows: tuple[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return findings of (severity, services)."""
    columns = ["id", "severity", "services", "subject"]
    return pd.DataFrame([(f"f{i}", *row, {}) for i, row in enumerate(rows)], columns=columns)


def shop() -> Story:
    """Return a shop with every kind of node and edge, failures and a circle."""
    story = called(
        call("user", "gateway", 1200, caller_kind="user"),
        call("gateway", "checkout", 300, errors=9),
        call("checkout", "payment", 290, errors=40),
        call("payment", "bank.example.com", 280, callee_kind="external"),
        call("checkout", "redis", 1600, "data", callee_kind="cache"),
        call("checkout", "postgresql://db:5432/shop", 2400, "data", callee_kind="database"),
        call("checkout", "orders", 280, "async", callee_kind="queue"),
        call("orders", "mailer", 280, "async", caller_kind="queue"),
        call("checkout", "pricing", 700),
        call("pricing", "checkout", 120),
    )
    story.findings = found(("high", ("checkout", "payment")), ("low", ("checkout",)), ("info", ("mailer",)))
    return story


def many(count: int) -> Story:
    """Return a review of a tree of services, each calling three more."""
    return called(*(call(f"s{(i - 1) // 3:03}", f"s{i:03}", 1000 - i) for i in range(1, count)))


def texts(figure: Any) -> str:
    """Return every text of a figure that Plotly would draw, as one string."""
    said: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, Mapping):
            for name, value in part.items():
                if name in {"text", "hovertext", "ticktext", "name", "title"} and isinstance(value, (str, list, tuple)):
                    said.append(str(value))
                walk(value)
        elif isinstance(part, (list, tuple)):
            for value in part:
                walk(value)

    walk(figure.to_plotly_json() | {"layout": figure.layout.to_plotly_json()})
    return "\n".join(said)
