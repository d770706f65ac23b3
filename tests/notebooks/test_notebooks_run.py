"""Every notebook runs to its end on whatever was exported, and says what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import analysis as an
from tests.exports import log, otlp, span
from tests.notebooks.running import NOTEBOOKS, run, text_of

MILLISECOND = 1_000_000
TRACE = f"{1:032x}"


def one_trace() -> bytes:
    """Return a shop that asks its database six times, and a payment that fails."""
    queries = {"db.system.name": "postgresql", "db.query.text": "SELECT * FROM item WHERE id = 7"}
    asked = [
        span(
            1, 10 + n, 1, name="SELECT", kind=3, start=n * 10 * MILLISECOND, length=9 * MILLISECOND, attributes=queries
        )
        for n in range(6)
    ]
    return otlp(
        [
            span(1, 1, length=100 * MILLISECOND),
            *asked,
            span(1, 2, 1, name="POST", kind=3, start=70 * MILLISECOND, length=20 * MILLISECOND, status=2),
            span(1, 3, 2, service="payment", start=71 * MILLISECOND, length=18 * MILLISECOND, status=2),
        ]
    )


EXPORTS = {
    "empty": otlp(),
    "logs only": otlp(logs=[log("order placed"), log("order failed", service="payment")]),
    "one trace": one_trace(),
    "two services that never meet": otlp([span(1, 1), span(2, 2, service="payment", name="POST /payments")]),
}


#: What some notebooks must say of these exports.
SAID = {
    ("empty", "00-architecture-review"): ("No service was seen.", "Nothing is worth fixing first."),
    ("empty", "01-trust-the-data"): ("No record was refused.", "no span that could have lost its parent"),
    ("empty", "02-chatty-calls"): ("No calls were seen.",),
    ("logs only", "00-architecture-review"): ("2 log records", "Not assessable"),
    ("logs only", "02-chatty-calls"): ("not_assessable",),
    ("one trace", "00-architecture-review"): ("payment", "low support"),
    ("one trace", "02-chatty-calls"): (TRACE, "n_plus_one_queries"),
    ("two services that never meet", "00-architecture-review"): ("no trace crosses a service", "Not assessable"),
    ("two services that never meet", "01-trust-the-data"): ("no trace crosses a service",),
    ("two services that never meet", "05-service-boundaries"): (
        "not_assessable",
        "Which services belong together cannot be judged",
    ),
    ("empty", "06-observability"): ("No entry operation has enough requests",),
    ("empty", "07-one-trace"): ("No finding names a trace",),
    ("one trace", "07-one-trace"): (TRACE, "SELECT", "redundant_calls"),
}


@pytest.fixture(scope="module", params=EXPORTS)
def reviewed(request, tmp_path_factory) -> tuple[str, Path]:
    """Return the name of an export and the folder of its review."""
    folder = tmp_path_factory.mktemp("reviewed")
    export = folder / "export.json"
    export.write_bytes(EXPORTS[request.param])
    return request.param, an.review(an.open_export(export)).save(folder / "review")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_to_its_end(notebook, reviewed):
    name, folder = reviewed
    text = text_of(run(notebook, folder))
    assert re.search(r"[A-Za-z]{3}", text), "it shows nothing in words"
    assert ">nan<" not in text.lower()
    assert [words for words in SAID.get((name, notebook.stem), ()) if words not in text] == []
